#!/bin/bash
# Access records are erased by destroying their day's key: proofs hold as before, and neither plate, reason nor name is
# left in any file, log, metric or core of a daemon's folder; nor does trying every plate find one.
# usage: erasure.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/end2end/ledgers.sh
. "$(dirname "$0")/ledgers.sh"

guesses() { # gateway or agency
    guess "$(folder_of "$1")/ledger" || die "$1: no guessing"
}

# Each commitment's plate is found while the blind is there: the search for it can succeed.
found_before() { # gateway or agency
    local said
    said=$(guesses "$1")
    [[ $said =~ ^([0-9]+)\ opened,\ ([0-9]+)\ tried,\ ([0-9]+)\ found$ ]] || die "$1: $said"
    [ "${BASH_REMATCH[1]}" -gt 0 ] && [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ] &&
        [ "${BASH_REMATCH[3]}" = "${BASH_REMATCH[2]}" ] || die "$1 before: $said"
    echo "$1 before: $said"
}

nothing_after() { # gateway or agency
    local said
    said=$(guesses "$1")
    [[ $said =~ ^0\ opened,\ [1-9][0-9]*\ tried,\ 0\ found$ ]] || die "$1 after: $said"
    echo "$1 after: $said"
}

# Looked at until they hold it: what is measured follows what is done.
measured() { # pattern of gw1's metrics
    local tries
    for tries in $(seq $((10 * patience))); do
        exec 3<>"/dev/tcp/127.0.0.1/$metrics"
        printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
        cat <&3 >"$dir/metrics.log"
        exec 3>&-
        ! grep -q "$1" "$dir/metrics.log" || return 0
        read -r -t 0.1 _ <> <(:) || true
    done
    die "no \"$1\" after $tries looks: $(cat "$dir/metrics.log")"
}

# It is ended by a SEGV that is nobody's mistake.
ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0:disable_coredump=0
small_federation
metrics=$(free_port)
echo "metrics_port = $metrics" >>"$dir/gw1/gatewayd.ini"
ulimit -c unlimited
start_daemons
for plate in 4XK27 9QZ03; do
    ask ca.northport.pd/rivera 0 $plate --purpose homicide --case 26-1234 --reason "$reason" --since 7d --format json
done
# A daemon that dies leaves no core, although it might here: where it runs it may write, and nobody bounds it.
stop_one ca.southgate.pd
cd "$(folder_of ca.southgate.pd)"
restart ca.southgate.pd
cd "$OLDPWD"
grep -Eq '^Max core file size +0 +0 ' "/proc/${pids[ca.southgate.pd]}/limits" || die "it may write core files"
stop_one ca.southgate.pd SEGV
restart ca.southgate.pd
measured '^comity_gateway_published [1-9]'
stop_daemons
for name in gw1 $owners; do
    grows "$name"
    comity audit show "$(folder_of "$name")/ledger" --kind query --kind node --kind copy >"$dir/shown" || die "$name can't be shown"
    grep -q 4XK27 "$dir/shown" || die "$name: its records don't open: $(cat "$dir/shown")"
    found_before "$name"
done
for name in $gateways $owners; do
    quietly "$name's keys" outlive "$(folder_of "$name")/ledger"
done
for name in gw1 $owners; do
    grows "$name"
    comity audit show "$(folder_of "$name")/ledger" --kind query --kind node --kind copy >"$dir/shown" || die "$name can't be shown"
    grep -q erased "$dir/shown" || die "$name does not say that it was erased: $(cat "$dir/shown")"
    nothing_after "$name"
done
nothing_stored 4XK27 9QZ03 "$reason" rivera 26-1234
[ -z "$(find "$dir" -name 'core*' -type f)" ] || die "a core file was left"
echo "erased; every proof holds"
