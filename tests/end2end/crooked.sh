#!/bin/bash
# A second gateway that the directory lists, and that is dishonest: what it captured, it asks the nodes again. They refuse,
# record that they did, and show no row.
# usage: crooked.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

rivera=ca.northport.pd/rivera
north=ca.northport.pd
south=ca.southgate.pd

# What must stand in the nodes' ledgers at the end.
expected=()
refused() { # agency, request, attempt, code: and recorded, for the signature is good
    asks "$1" "$2" "$3" "refused=$4 rows=0"
    expected+=("$1 gateway=gw2 ${answer##* } refusal=$4")
}
ignored() { # agency, request: nobody's question, so refused and not recorded
    asks "$1" "$2" 1 "refused=unauthenticated rows=0"
}

change() { # request, new name, sed's expression: the bytes of a request, not signed anew
    LC_ALL=C sed "$3" "$dir/$1.request" >"$dir/$2.request"
    ! cmp -s "$dir/$1.request" "$dir/$2.request" || die "$2: nothing was changed"
}

# Captured at the first gateway, which was the one it named.
of_another_gateway() {
    sign_as $rivera captured life=120000
    send_as $rivera gw1 captured '^status=ok field= rows=40 '
    refused $south captured 1 stale
    refused $north captured 1 stale
    refused $south captured 2 stale
    change captured renamed 's/gw1/gw2/'
    ignored $south renamed
    # Its deadline, 60,000 ms, changed by one.
    change captured hurried 's/\xe0\x01\xe0\xd4\x03/\xe0\x01\xdf\xd4\x03/'
    ignored $north hurried
    change captured other-plate 's/8ABC123/8ABC124/'
    ignored $south other-plate
}

# Named by the question itself it may ask, once, whom the question names.
of_its_own() {
    sign_as $rivera own gateway=gw2 life=120000
    asks $south own 1 "answered= rows=20"
    refused $south own 1 replayed
    refused $south own 2 replayed
    asks $north own 1 "answered= rows=20"
    refused $north own 1 replayed
    sign_as $rivera for-one gateway=gw2 life=120000 "set=7:$(printf %s $north | od -An -v -tx1 | tr -d ' \n')"
    refused $south for-one 1 "bad record"
    asks $north for-one 1 "answered= rows=20"
}

# Each checkpoint is judged where asks are: what comes without end ends the session.
insistent() {
    command_it show $south
    [[ $answer =~ ^signed=([0-9]+)\ left=1$ ]] || die "shown without end: $answer"
    ((BASH_REMATCH[1] >= 8 && BASH_REMATCH[1] <= 40)) || die "$answer"
    echo "shown without end: $answer"
}

expired() {
    sign_as $rivera short gateway=gw2 life=3000
    asks $south short 1 "answered= rows=20"
    command_it expire "$dir/short.request"
    refused $south short 1 stale
    refused $north short 1 stale
}

# A question that was answered before the node went down, however it went down.
restarted() {
    local signal
    for signal in TERM KILL; do
        stop_one $south $signal
        mv "$dir/$south.log" "$dir/$south.$signal.log"
        start_node $south
        refused $south own 1 replayed
        refused $south captured 1 stale
    done
}

# Each refusal of a genuine question has its entry, once a minute; the others are counted.
accounted() {
    local agency
    for agency in $owners; do
        stop_one "$agency"
        crooked entries "$dir/$agency/node/node1.key" "$dir/$agency/node/node1.pem" "$dir/$agency/node/data/ledger" \
            2>"$dir/entries.log" | sed "s/^/$agency /" >>"$dir/entries" || die "$agency's ledger: $(cat "$dir/entries.log")"
    done
    diff <(printf '%s\n' "${expected[@]}" | sort -u) <(grep gateway=gw2 "$dir/entries" | grep -v 'refusal=none' | sort -u) >&2 ||
        die "the nodes' ledgers do not hold just these refusals"
    grep -q "^$north [0-9]* refused without an entry" "$dir/entries" || die "what got no entry is not counted"
}

small_federation
start_crooked
gateways=gw1
start_daemons
echo "ready after $SECONDS s"
of_another_gateway
of_its_own
insistent
restarted
expired
gateways="gw1 gw2"
accounted
nothing_stored 8ABC123 8ABC124 "$reason" rivera
echo "a dishonest gateway got nothing out of it but what it was asked to ask"
