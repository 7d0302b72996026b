#!/bin/bash
# A gateway that dies in the middle of a query, a ledger that can't be written any more: the client goes to the other
# gateway, and the ledger verifies at the next start.
# usage: failover.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

rivera=ca.northport.pd/rivera

attached() { # gateway, lines of its log that don't count
    local agency
    for agency in $owners; do
        wait_for_new "$1" "$2" "node-attached.*agency=$agency"
    done
}

begin_again() { # gateway
    local seen
    stop_one "$1" KILL
    seen=$(wc -l <"$dir/$1.log")
    start_gateway "$1"
    attached "$1" "$seen"
}

# Southgate's node is frozen, so the query is still open when its gateway dies.
killed_midway() {
    local seen asking code=0
    seen=$(wc -l <"$dir/ca.northport.pd.log")
    kill -STOP "${pids[ca.southgate.pd]}"
    lookup '0|3' --unordered &
    asking=$!
    wait_for_new ca.northport.pd "$seen" 'query .*gateway=gw1 outcome=answered'
    stop_one gw1 KILL
    kill -CONT "${pids[ca.southgate.pd]}"
    wait $asking || code=$?
    [ $code = 0 ] || die "the question broke off"
    says 'asking gw2 instead, as a new query'
    [ "$(grep -o '"event_id":"[^"]*","agency":"ca.northport.pd"' "$dir/out" | sort -u | wc -l)" = 20 ] ||
        die "not all of Northport's rows came"
    [ -z "$(grep '^{"event_id"' "$dir/out" | sort | uniq -d)" ] || die "rows were shown twice"
    local entries
    seen=$(wc -l <"$dir/gw1.log")
    start_gateway gw1
    attached gw1 "$seen"
    entries=$(tail -n "+$((seen + 1))" "$dir/gw1.log" | sed -n 's/.* started .*entries=\([0-9]*\).*/\1/p')
    [ "$entries" -ge 2 ] || die "gw1's ledger lost what it recorded: $entries entries"
    lookup 0
    answered 40
}

# As on a full disk, no file of the gateway may grow past a bound that its ledger reaches soon.
gateway_full() {
    local name=0 ledger=$dir/gw1/data/ledger/log
    stop_one gw1
    mv "$dir/gw1.log" "$dir/gw1.before.log"
    ulimit -S -f $(($(stat -c %s "$ledger") / 1024 + 3))
    start_gateway gw1
    ulimit -S -f unlimited
    attached gw1 0
    until [ -e "$dir/full" ]; do
        name=$((name + 1))
        [ $name -lt 30 ] || die "gw1 records without end"
        sign_as $rivera "fill-$name"
        send_as $rivera gw1 "fill-$name" '^status=(ok|unavailable) ' >"$dir/sent"
        ! grep -q 'status=unavailable field=[a-z]* rows=0 accepted=0 ' "$dir/sent" || touch "$dir/full"
    done
    lookup 0
    answered 40
    says 'asking gw2 instead, as a new query'
    kill -0 "${pids[gw1]}" || die "gw1 is gone"
    # It is whole again after a restart with room: the torn end of its ledger is mended.
    begin_again gw1
    sign_as $rivera after
    send_as $rivera gw1 after '^status=ok field= rows=40 '
}

small_federation
start_daemons
echo "ready after $SECONDS s"
killed_midway
echo "killed in the middle of a query: the other gateway answered"
gateway_full
echo "a gateway that can't record admits nothing"
nothing_stored 8ABC123 "$reason" rivera
