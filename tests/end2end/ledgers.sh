# shellcheck shell=bash disable=SC2154
# What tests ask of ledgers: that they verify, only grow, and hold whatever anybody was told. Sourced after lib.sh.

folder_of() { # gateway or agency: its data
    if [ -d "$dir/$1/node" ]; then
        echo "$dir/$1/node/data"
    else
        echo "$dir/$1/data"
    fi
}

# The ledger of a daemon that is down verifies, and begins with all that a checkpoint covered the last time.
grows() { # gateway or agency
    local ledger kept=$dir/kept.$1 seen=()
    ledger=$(folder_of "$1")/ledger
    [ -e "$kept" ] || cp "$ledger/vkey" "$kept.vkey"
    [ ! -s "$kept.note" ] || seen=(--seen "$kept.note")
    comity audit verify "$ledger" --vkey "$kept.vkey" "${seen[@]}" >"$dir/verified" 2>&1 || die "$1: $(cat "$dir/verified")"
    [ ! -e "$kept" ] || cmp -s -n "$(cat "$kept.end")" "$kept" "$ledger/log" || die "$1: its ledger went back"
    python3 "$source_dir/tests/end2end/last_checkpoint.py" "$ledger/log" "$kept.note" >"$kept.end"
    cp "$ledger/log" "$kept"
}

# Each manifest in these outputs of comity lookup is of a query in its gateway's ledger, and of each agency that
# answered in that agency's. The daemons are down.
all_recorded() { # file...
    local name
    for name in $gateways $owners; do
        comity audit show "$(folder_of "$name")/ledger" --json >"$dir/entries.$name" 2>"$dir/shown" ||
            die "$name: $(cat "$dir/shown")"
    done
    python3 "$source_dir/tests/end2end/all_recorded.py" "$dir" "$@" || die "something that was told is not recorded"
    # And an answer that nobody recorded would be noticed.
    sed 's/"query_digest": *"/&0000/' "$@" >"$dir/invented"
    ! python3 "$source_dir/tests/end2end/all_recorded.py" "$dir" "$dir/invented" 2>"$dir/shown" ||
        die "answers that nobody recorded are taken for recorded"
}
