#!/bin/bash
# An answer kept, saved as a receipt, verified offline and printed; tampered with; and still good as of its time when the
# node's certificate has been revoked and the directory has moved on.
# usage: receipt.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

people=$dir/ca.northport.pd/people
answers=$people/rivera.state/answers

receipt() { # exit code, arguments: as rivera
    local expected=$1
    shift
    ends "$expected" comity receipt "$@" --config "$people/rivera.ini"
}

# As a court would: the root certificate and the file, nothing else of this machine's.
check() { # exit code, file, arguments
    local expected=$1
    shift
    ends "$expected" env -i PATH="$PATH" ASAN_OPTIONS="$ASAN_OPTIONS" LSAN_OPTIONS="$LSAN_OPTIONS" \
        comity receipt check "$@" --root "${root:-$dir/root/ca.pem}"
}

kept_id() {
    sed -n 's/.*receipt save \([0-9a-f]\{32\}\) .*/\1/p' <(tr -s ' \n' '  ' <"$dir/err")
}

small_federation
start_daemons
echo "ready after $SECONDS s"

lookup 0
answered 40
id=$(kept_id)
[ ${#id} -eq 32 ] || die "no id in: $(cat "$dir/err")"
[ "$(stat -c %a "$answers" "$answers/$id" | paste -sd ' ')" = "700 600" ] || die "others may read what is kept"
if grep -aqE '8ABC123|26-1234|near the scene' "$answers/$id"; then
    die "the kept answer is not encrypted"
fi
lookup 0 --no-receipt
[ "$(find "$answers" -type f | wc -l)" = 1 ] || die "kept without being asked to"
printf '8ABC123\n7XYZ999\n' >"$dir/plates"
ask ca.northport.pd/rivera 0 --batch "$dir/plates" --purpose homicide --case 26-1234 --reason "$reason" --since 7d \
    --format json
[ "$(find "$answers" -type f | wc -l)" = 3 ] || die "a batch keeps an answer a query: $(ls "$answers")"

receipt 0 list
[ "$(grep -c "${id:0:12}.* gw1 .* 40 .*8ABC123" "$dir/out")" = 1 ] || die "not listed: $(cat "$dir/out")"
[ "$(wc -l <"$dir/out")" = 4 ] || die "three answers are kept: $(cat "$dir/out")"
receipt 0 save "${id:0:8}" "$dir/receipt"
[ "$(stat -c %a "$dir/receipt")" = 600 ] || die "others may read the receipt"
receipt 1 save "$id" "$dir/receipt"
receipt 1 save ffffffff "$dir/none"
[ ! -e "$dir/none" ] || die "saved what was not kept"

check 0 "$dir/receipt"
for pattern in 'holds: directory 1 of valley.example' 'holds: the question of .*investigator/rivera' \
    'holds: saved ' 'holds: gateway gw1 recorded it' 'holds: ca.southgate.pd recorded the question itself' 'holds: 40 rows' 'not known: whether a certificate was revoked'; do
    prints "$pattern"
done
check 0 "$dir/receipt" --print
for pattern in 'Plate 8ABC123' 'Case 26-1234' "Reason $reason" 'Purpose homicide' '40\. .*ca.southgate.pd|40\. .*ca.northport.pd' \
    'ca.southgate.pd Name Southgate Police Outcome answered Rows 20' 'Withheld ' 'Of the investigator' 'Serial ' \
    'Of the node Name spiffe://valley.example/ca.southgate.pd/node/node1'; do
    prints "$pattern"
done
fits_terminal
cp "$dir/out" "$dir/exhibit"
check 0 "$dir/receipt" --json
answered 40
grep -q '"receipt":{"holds":true' "$dir/out" || die "no verdict: $(tail -n 1 "$dir/out")"

# Whatever is altered is found: the unit test takes each byte, here are some.
size=$(stat -c %s "$dir/receipt")
for at in 0 30 400 $((size / 3)) $((size / 2)) $((size - 300)) $((size - 2)); do
    cp "$dir/receipt" "$dir/bent"
    byte=$(od -An -tu1 -j "$at" -N 1 "$dir/bent")
    # shellcheck disable=SC2059 # an octal escape
    printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$dir/bent" bs=1 seek="$at" conv=notrunc status=none
    check 7 "$dir/bent"
    grep -q '^does not hold: ' "$dir/out" || die "does not say what: $(cat "$dir/out")"
done
head -c $((size - 10)) "$dir/receipt" >"$dir/bent"
check 7 "$dir/bent" --print
if grep -q 8ABC123 "$dir/out"; then
    die "printed what does not hold"
fi
check 7 "$dir/bent" --json
[ "$(wc -l <"$dir/out")" = 1 ] || die "rows of what does not hold: $(head -n 3 "$dir/out")"
grep -q '"receipt":{"holds":false' "$dir/out" || die "no verdict: $(cat "$dir/out")"

# The node's certificate is revoked, the list and the directory move on, an agency joins: then is then.
quietly "revoking" comity keys revoke "$dir/ca.southgate.pd/node/node1.pem" --ca "$dir/ca.southgate.pd/ca"
make_crl ca.southgate.pd
cp "$dir/directory.bundle" "$dir/previous"
sign_directory --previous "$dir/previous"
check 0 "$dir/receipt"
check 0 "$dir/receipt" --print --directory "$dir/directory.bundle"
prints 'Revoked since, as of '
prints 'holds: the directory you hold is of one line'
check 0 "$dir/receipt" --directory "$dir/previous"

# Another federation's root, and a directory of another line.
mkdir "$dir/other"
quietly "another root" comity keys root "$federation" --out "$dir/other/root" --passphrase-file "$dir/passphrase"
root=$dir/other/root/ca.pem check 7 "$dir/receipt"

# Nothing is left of a lookup that was killed, but what the next run removes.
: >"$answers/00112233445566778899aabbccddeeff.part"
touch -d '-1 hour' "$answers/00112233445566778899aabbccddeeff.part"
touch -d '-25 hours' "$answers/$id"
receipt 0 list
says '2 older than 24 hours'
[ ! -e "$answers/$id" ] || die "kept for more than 24 hours"
nothing_stored 8ABC123 "$reason" rivera
echo "a receipt holds as of its time"
