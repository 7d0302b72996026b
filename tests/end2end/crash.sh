#!/bin/bash
# Gateways and nodes killed at random moments while people ask: whatever anybody was told is recorded, every ledger
# verifies and only grows, and service goes on.
# usage: crash.sh [--kills N] [--seed N] FOLDER-OF-THE-PROGRAMS
kills=12
seed=$RANDOM
while [ $# -gt 1 ]; do
    case $1 in
    --kills) kills=$2 ;;
    --seed) seed=$2 ;;
    *) break ;;
    esac
    shift 2
done
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"
RANDOM=$seed
# shellcheck source=tests/end2end/ledgers.sh
. "$(dirname "$0")/ledgers.sh"

# Somebody asks without end, going to the other gateway when one is gone.
ask_on() { # number
    until [ -e "$dir/enough" ]; do
        comity lookup --batch "$dir/plates" --purpose homicide --case 26-1234 --reason "$reason" --since 7d \
            --deadline 2 --format json --config "$dir/ca.northport.pd/people/rivera.ini" \
            >>"$dir/load.$1" 2>>"$dir/load.$1.err" </dev/null || true
    done
}

told() { # how many answers came to their end so far
    cat "$dir"/load.? | grep -c '"manifest":' || true
}

# A moment that no event decides: up to 400 ms from now.
some_time() {
    read -r -t "0.$(printf '%03d' $((RANDOM % 400)))" _ <> <(:) || true
}

kill_one() {
    local victims victim
    read -r -a victims <<<"$gateways $owners"
    victim=${victims[RANDOM % ${#victims[@]}]}
    stop_one "$victim" KILL
    grows "$victim"
    restart "$victim"
    victim_count[$victim]=$((${victim_count[$victim]:-0} + 1))
}

loads=()
at_end() {
    touch "$dir/enough"
    [ ${#loads[@]} -eq 0 ] || wait "${loads[@]}" || true
}

declare -A victim_count=()
small_federation
start_daemons
echo "seed $seed, ready after $SECONDS s"
printf '8ABC%03d\n' {100..199} >"$dir/plates"
for number in 1 2; do
    : >"$dir/load.$number"
    ask_on $number &
    loads+=($!)
done
for ((n = 0; n < kills; n++)); do
    some_time
    kill_one
done
at_end
loads=()
for name in "${!victim_count[@]}"; do
    echo "$name: killed ${victim_count[$name]} times"
done
lookup 0
answered 40
stop_daemons
for name in $gateways $owners; do
    grows "$name"
done
[ "$(told)" -gt "$kills" ] || die "only $(told) answers came: too few to tell"
all_recorded "$dir"/load.?
echo "$(told) answers came to their end, each recorded by its gateway and by every agency that answered"
