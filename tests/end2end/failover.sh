#!/bin/bash
# A gateway that dies in the middle of a query, ledgers that can't be written any more: the client goes to the other
# gateway, a node refuses, and the ledger verifies at the next start.
# usage: failover.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

rivera=ca.northport.pd/rivera

# Each node's newest session is open: one that was frozen too long has come back.
still_attached() { # gateway
    local agency session seen
    for agency in $owners; do
        while :; do
            seen=$(lines_of "$1")
            session=$(sed -n "s/.*node-attached agency=$agency \(session=[0-9]*\) .*/\1/p" "$dir/$1.log" | tail -n 1)
            grep -q "node-detached agency=$agency $session\$" "$dir/$1.log" || break
            wait_for_new "$1" "$seen" "node-attached agency=$agency"
        done
    done
}

begin_again() { # gateway
    stop_one "$1" KILL
    restart_gateway "$1"
}

# Southgate's node is frozen, so the query is still open when its gateway dies; a gateway notices a frozen node after two
# seconds, so on a busy machine the query may be over before: then once more.
killed_midway() {
    local seen asking code tries
    for tries in 1 2 3 4 5; do
        seen=$(lines_of ca.northport.pd)
        kill -STOP "${pids[ca.southgate.pd]}"
        lookup '0|3' --unordered &
        asking=$!
        wait_for_new ca.northport.pd "$seen" 'query .*gateway=gw1 outcome=answered'
        stop_one gw1 KILL
        kill -CONT "${pids[ca.southgate.pd]}"
        code=0
        wait $asking || code=$?
        [ $code = 0 ] || die "the question broke off"
        ! tr -s ' \n' '  ' <"$dir/err" | grep -q 'asking gw2 instead, as a new query' || break
        [ $tries -lt 5 ] || die "no gateway died in the middle of a query: $(cat "$dir/err")"
        begin_again gw1
        still_attached gw2
    done
    [ "$(grep -o '"event_id":"[^"]*","agency":"ca.northport.pd"' "$dir/out" | sort -u | wc -l)" = 20 ] ||
        die "not all of Northport's rows came"
    [ -z "$(grep '^{"event_id"' "$dir/out" | sort | uniq -d)" ] || die "rows were shown twice"
    local entries
    seen=$(lines_of gw1)
    restart_gateway gw1
    entries=$(tail -n "+$((seen + 1))" "$dir/gw1.log" | sed -n 's/.* started .*entries=\([0-9]*\).*/\1/p')
    [ "$entries" -ge 2 ] || die "gw1's ledger lost what it recorded: $entries entries"
    lookup 0
    answered 40
}

# As on a full disk, no file of the gateway may grow past a bound that its ledger reaches soon.
gateway_full() {
    local name=0 ledger=$dir/gw1/data/ledger/log
    still_attached gw2
    stop_one gw1
    mv "$dir/gw1.log" "$dir/gw1.before.log" # it would reach the bound too
    : >"$dir/gw1.log"
    ulimit -S -f $(($(stat -c %s "$ledger") / 1024 + 3))
    restart_gateway gw1
    ulimit -S -f unlimited
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

# The same at a node: it refuses, the other agency answers, and no row leaves that isn't in its ledger.
node_full() {
    local south=ca.southgate.pd folder=$dir/ca.southgate.pd/node shown=0 before came
    local ledger=$folder/data/ledger
    stop_one $south
    before=$(answers_recorded "$folder")
    mv "$dir/$south.log" "$dir/$south.before.log"
    restart_node $south
    "${as_daemon[@]}" prlimit --pid "${pids[$south]}" --fsize=$(($(stat -c %s "$ledger/log") + 8000)):
    until grep -q ledger-latched "$dir/$south.log"; do
        [ $shown -lt 30 ] || die "the node records without end"
        lookup '0|3'
        came=$(grep -c '^{"event_id".*"agency":"ca.southgate.pd"' "$dir/out" || true)
        [ "$came" = 20 ] || [ "$came" = 0 ] || die "$came rows of Southgate's"
        shown=$((shown + came / 20))
    done
    [ $shown -gt 0 ] || die "it was full at once"
    for _ in 1 2; do
        lookup 3
        answered 20
        says '1 refused'
    done
    kill -0 "${pids[$south]}" || die "the node is gone"
    stop_one $south
    [ "$(answers_recorded "$folder")" = $((before + shown)) ] || die "rows left that its ledger doesn't tell of"
    mv "$dir/$south.log" "$dir/$south.full.log"
    restart_node $south
    lookup 0
    answered 40
}

answers_recorded() { # folder of a node that is down
    crooked entries "$1/node1.key" "$1/node1.pem" "$1/data/ledger" >"$dir/entries" 2>"$dir/entries.log" ||
        die "the ledger in $1: $(cat "$dir/entries.log")"
    grep -c 'refusal=none' "$dir/entries" || true
}

small_federation
start_daemons
echo "ready after $SECONDS s"
killed_midway
echo "killed in the middle of a query: the other gateway answered"
gateway_full
echo "a gateway that can't record admits nothing"
node_full
echo "a node that can't record shows nothing"
nothing_stored 8ABC123 "$reason" rivera
