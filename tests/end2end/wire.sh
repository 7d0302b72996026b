#!/bin/bash
# Bytes that are no question, and questions of bad form: a clear error naming the field, the daemon lives, nothing stored.
# usage: wire.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

rivera=ca.northport.pd/rivera
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
repeat() { # times, text
    printf "%0.s$2" $(seq "$1")
}
raw() { # name, pattern
    send_as $rivera gw1 "$1" "$2"
}

bytes() {
    local size at
    sign_as $rivera good
    size=$(stat -c %s "$dir/good.request")
    for at in 0 1 2 3 10 100 $((size / 2)) $((size - 1)); do
        head -c "$at" "$dir/good.request" >"$dir/cut-at-$at.request"
        raw "cut-at-$at" '^status=invalid field=[a-z_.]+ '
    done
    # The same random bytes in every run.
    for at in 1 2 3 4 5; do
        openssl enc -aes-256-ctr -pass "pass:wire $at" -nosalt -pbkdf2 -iter 1 </dev/zero 2>/dev/null |
            head -c $((at * at * 100)) >"$dir/random-$at.request" || true
        raw "random-$at" '^status=invalid field=[a-z_.]+ '
    done
    # A megabyte, and a size that only claims to be there.
    head -c 1000000 /dev/zero >"$dir/oversized.request"
    raw oversized '^status=(invalid|exhausted) '
    printf '\x0a\xff\xff\xff\x7f' >"$dir/claimed.request"
    raw claimed '^status=invalid '
    # Empty messages by the thousand, which cost two bytes to send and eighty to hold; and depth.
    { printf '\x0a\x80\x7d'; repeat 8000 '\x1a\x00'; } >"$dir/amplified.request"
    raw amplified '^status=invalid '
    repeat 4000 '\x0a\x7e' >"$dir/deep.request"
    raw deep '^status=invalid '
}

# Signed as it ought to be, so that only the form is wrong.
form() { # name, field that the error must name, change...
    local name=$1 field=$2
    shift 2
    sign_as $rivera "$name" "$@"
    raw "$name" "^status=invalid field=(query\.)?$field "
}

forms() {
    form placeholder reason "set=23:$(hex "test test test")"
    form one-word reason "set=23:$(hex investigation)"
    form no-reason reason drop=23
    form long-reason reason "set=23:$(hex "$(repeat 200 'why ')")"
    form not-utf8 reason set=23:7365656e20ff7477696365206e656172
    form nul reason set=23:7365656e00206e656172207363656e65
    form nul-in-case case_number set=22:32362d3132333400
    form no-case case_number drop=22
    form no-purpose purpose drop=21
    form bad-purpose purpose "set=21:$(hex 'Homi cide')"
    form no-window window drop=19
    form plate-with-spaces '(plate|selector)(\.plate)?' "set=12:0a08$(hex '8ABC 123')"
    form long-plate '(plate|selector)(\.plate)?' "set=12:0a0d$(hex 8ABC123456789)"
    form short-id query_id set=1:00112233
    form no-blind blind drop=2
    form no-limit limit drop=26
    form much limit varint=26:10000001
    form no-deadline deadline_ms drop=28
    form bad-agency 'agencies(\[0\])?' "set=7:$(hex 'CA Southgate')"
    form bad-order order varint=27:9
    form bad-signer signer "set=8:$(hex 'https://valley.example')"
}

windows() {
    sign_as $rivera future from=-3600000 to=-7200000
    raw future '^status=(invalid|stale) field=(query\.)?window'
    sign_as $rivera unknown-purpose "set=21:$(hex fishing)"
    raw unknown-purpose '^status=[a-z]+ field=(query\.)?purpose '
    sign_as $rivera case-misfit "set=22:$(hex ABCD)"
    raw case-misfit '^status=[a-z]+ field=(query\.)?case_number '
    sign_as $rivera nowhere "set=7:$(hex ca.nowhere.pd)"
    raw nowhere '^status=[a-z]+ field=(query\.)?agencies'
}

small_federation
start_daemons
echo "ready after $SECONDS s"
before=$(recorded)
bytes
forms
windows
[ "$(recorded)" = "$before" ] || die "a question that was refused for its form is in a ledger"
sign_as $rivera good
raw good '^status=ok field= rows=40 accepted=1 '
for name in $gateways $owners; do
    kill -0 "${pids[$name]}" || die "$name is gone"
done
nothing_stored 8ABC123 "$reason" rivera 'test test test' 'why why' fishing
