#!/bin/bash
# Every write, flush, cut and rename of a gateway and a node fails in turn, as on a bad or a full disk: whatever anybody
# was told is recorded, the ledger verifies and only grows, and service goes on once the fault is gone.
# usage: faults.sh [--sample N] FOLDER-OF-THE-PROGRAMS     (without --sample: every one)
sample=
while [ $# -gt 1 ]; do
    case $1 in
    --sample) sample=$2 ;;
    *) break ;;
    esac
    shift 2
done
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/end2end/ledgers.sh
. "$(dirname "$0")/ledgers.sh"
# A traced program can't look for its leaks.
ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0

untraced=("${as_daemon[@]}")
tried=0 hit=0 short=0 latched=0 ended=0

# Starts the victim so that its n-th call of that name fails in each of its threads.
start_with_fault() { # victim, call, error, n
    local seen name
    : >"$dir/calls"
    chmod 666 "$dir/calls"
    as_daemon=("${untraced[@]}" strace -D -f -q -o "$dir/calls" -e "trace=$2" -e "inject=$2:error=$3:when=$4")
    case $1 in
    ca.*)
        seen=$(lines_of gw1)
        start_node "$1"
        as_daemon=("${untraced[@]}")
        (patience=20 wait_for_log "$dir/gw1.log" "node-attached.*agency=$1" "${pids[$1]}" "$seen") 2>/dev/null || true
        ;;
    *)
        seen=$(lines_of "$1")
        start_gateway "$1"
        as_daemon=("${untraced[@]}")
        for name in $owners; do
            (patience=20 wait_for_log "$dir/$1.log" "node-attached.*agency=$name" "${pids[$1]}" "$seen") 2>/dev/null || true
        done
        ;;
    esac
}

# False when the call was not made as often.
try() { # victim, call, error, n
    local lines
    lines=$(lines_of "$1")
    start_with_fault "$@"
    # Copies go to disk where no node takes them: nothing else here syncs a whole file system.
    [ "$1 $2" != "gw1 syncfs" ] || stop_one ca.northport.pd
    for _ in 1 2 3; do
        lookup '0|3|4|5|6'
        cat "$dir/out" >>"$dir/told"
    done
    kill -0 "${pids[$1]}" 2>/dev/null || ended=$((ended + 1))
    stop_one "$1"
    tried=$((tried + 1))
    grows "$1"
    tail -n "+$((lines + 1))" "$dir/$1.log" | grep -q 'ledger-latched' && latched=$((latched + 1))
    [ "$1 $2" != "gw1 syncfs" ] || start_node ca.northport.pd
    restart "$1"
    lookup 0
    answered 40
    grep -q INJECTED "$dir/calls" || return 1
    hit=$((hit + 1))
}

every() {
    local victim call error n
    for victim in gw1 ca.southgate.pd; do
        for call in pwrite64 write fdatasync fsync syncfs ftruncate rename; do
            for error in EIO ENOSPC; do
                for ((n = 1; n < 40; n++)); do
                    stop_one "$victim"
                    try "$victim" "$call" "$error" "$n" || break
                done
            done
        done
    done
}

some() {
    local victims=(gw1 ca.southgate.pd) calls=(pwrite64 fdatasync syncfs fsync rename) errors=(EIO ENOSPC) victim n
    for ((n = 0; n < sample; n++)); do
        victim=${victims[n % 2]}
        stop_one "$victim"
        try "$victim" "${calls[n % 5]}" "${errors[n % 2]}" $((n / 10 + 1)) || true
    done
}

# Real short writes: no file of the victim may grow past a bound that lies anywhere in what it writes next.
short_writes() {
    local victim ledger n
    for victim in gw1 ca.southgate.pd; do
        ledger=$(folder_of "$victim")/ledger/log
        for ((n = 1; n <= ${sample:-40}; n += 3)); do
            "${untraced[@]}" prlimit --pid "${pids[$victim]}" --fsize=$(($(stat -c %s "$ledger") + n * 97)):
            for _ in 1 2 3; do
                lookup '0|3|4|5|6'
                cat "$dir/out" >>"$dir/told"
            done
            stop_one "$victim"
            grows "$victim"
            restart "$victim"
            lookup 0
            answered 40
            short=$((short + 1))
        done
    done
}

small_federation
start_daemons
: >"$dir/told"
if [ -n "$sample" ]; then
    some
else
    every
fi
short_writes
stop_daemons
for name in $gateways $owners; do
    grows "$name"
done
[ $hit -gt 0 ] || die "no call failed at all"
all_recorded "$dir/told"
echo "$hit of $tried calls failed as told, $short writes were cut short: the daemon ended $ended times, its ledger latched $latched times; all that was told is recorded"
