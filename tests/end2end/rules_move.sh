#!/bin/bash
# Rules on the move: edits of a rule file, what operators switch off and on, the wire itself; each counts within a second,
# what widens waits for a signature, and a question under way gives no more rows.
# usage: rules_move.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

owner=ca.southgate.pd
rows=100000 # in the store of $owner, for a question that takes a while

shows() { # rows
    lookup "0|3"
    answered "$1"
}

# The rule file as an editor saves it: beside it, then renamed over it.
edit() { # text of the rules behind `node`
    printf 'rules 1\nnode %s\n%s\n' "$owner" "$1" >"$edited.new"
    chmod 644 "$edited.new"
    mv "$edited.new" "$edited"
}

edit_and_wait() { # text, pattern that the node's log must show from now on
    local seen
    seen=$(lines_of "$owner")
    edit "$1"
    wait_for_new "$owner" "$seen" "$2"
}

apply() {
    local seen
    seen=$(lines_of gw1)
    apply_rules "$owner" "$edited"
    wait_for_new gw1 "$seen" "rules-standing agency=$owner"
}

node() { # expected exit code, command...
    local expected=$1
    shift
    ends "$expected" comity node "$@" --config "$dir/$owner/node/noded.ini"
}

pending() { # exit code, pattern
    ends "$1" comity acl pending "$edited" --node-data "$dir/$owner/node/data" --directory "$dir/directory.bundle" \
        --packs "$source_dir/acl/statutes"
    prints "$2"
}

permit='permit kind:local to lookup for homicide back 30 days see place, camera until 2030-01-01'
narrow='permit kind:local to lookup for homicide back 30 minutes see place, camera until 2030-01-01' # no row is that young

edits() {
    shows 40
    node 0 status
    prints 'attached to 2 of 2'
    edit_and_wait "$narrow" 'narrowed in [0-9]* ms'
    grep -o 'narrowed in [0-9]* ms' "$dir/$owner.log" | tail -n 1
    shows 20
    node 0 status
    prints 'hides what the rule file no longer shows'
    # Taken back, it still waits: somebody must have seen it.
    edit_and_wait "$permit" 'rule-file-waits'
    shows 20
    node 1 status
    prints 'waits for .comity acl apply.: more for'
    pending 3 'edits took something away since'
    apply
    wait_for_new "$owner" 0 'overlay-signed what="less is withheld'
    shows 40
    # What can't be read never counts.
    edit_and_wait "permitt kind:local" 'rule-file-bad'
    shows 40
    node 1 status
    prints 'error'
    edit_and_wait "$permit
permit ca.northport.pd to lookup for vehicle-theft back 1 day see place until 2030-01-01" 'rule-file-waits'
    shows 40
    edit_and_wait "$permit" 'rule-file-counts'
    pending 0 'nothing waits'
    node 0 status --json
    prints '"state":"counts"'
}

sharing() {
    node 1 share off --with ca.nortport.pd --reason "a misspelt name"
    says 'ca.northport.pd' # the nearest name
    node 0 share off --with ca.northport.pd --reason "memorandum under review"
    prints 'counts now; 2 of 2 gateways'
    shows 20
    node 0 share status
    prints 'ca.northport.pd'
    prints 'memorandum under review'
    node 0 share off --with kind:federal --until 2031-01-01 --reason "memorandum under review"
    node 0 share on --with ca.northport.pd --reason "signed again"
    shows 40
    node 1 share on --with ca.northport.pd --reason "signed again"
    node 0 share on --reason "all signed"
    # The administrators' next set doesn't switch it on, nor does a restart; nor is a running node needed.
    stop_one "$owner"
    node 3 status
    node 0 share off --reason "night shift"
    prints 'does not run'
    restart_node "$owner"
    shows 20
    apply
    shows 20
    node 0 share on --reason "day shift"
    shows 40
    nothing_stored_but_journal
}

nothing_stored_but_journal() {
    local found
    found=$(grep -raFl --exclude=journal -e 'memorandum under review' "$dir/$owner/node/data" "$dir"/*.log || true)
    [ -z "$found" ] || die "the reason stands in $found"
    grep -qaF 'memorandum under review' "$dir/$owner/node/data/rules/journal" || die "nothing in the journal"
    mkdir -p "$dir/copy"
    cp "$dir/$owner/node/data/ledger/log" "$dir/copy/log"
    comity audit show --json --kind sharing "$dir/copy" >"$dir/shown" 2>&1 || die "$(cat "$dir/shown")"
    grep -qF 'ca.northport.pd' "$dir/shown" || die "not recorded: $(cat "$dir/shown")"
}

wire() {
    node 0 detach --reason "maintenance"
    lookup 3
    answered 20
    grep -q '"outcome":"detached"' "$dir/out" || die "not detached: $(tail -n 1 "$dir/out")"
    restart_detached
    node 0 status
    prints 'detached'
    declare -A seen=()
    local name
    for name in $gateways; do
        seen[$name]=$(lines_of "$name")
    done
    node 0 attach --reason "done"
    for name in $gateways; do
        wait_for_new "$name" "${seen[$name]}" "node-attached.*agency=$owner"
    done
    shows 40
}

restart_detached() {
    local seen
    stop_one "$owner"
    seen=$(lines_of "$owner")
    start_node "$owner"
    wait_for_new "$owner" "$seen" 'started.*gateways=0'
    lookup 3
    answered 20
}

# Far more entries than can be made here are not published: what the node says then is answered in its place.
behind() {
    local answers
    node 0 status --json
    prints '"published":[1-9]'
    stop_one "$owner"
    exec {answers}< <(exec python3 - "$dir/out" "$dir/$owner/node/data" <<'PY'
import json, os, socket, sys

with open(sys.argv[1]) as file:
    status = json.load(file)
status["ledger"]["entries"] = status["ledger"]["published"] + 64 * 1024 + 1
os.chdir(sys.argv[2])
if os.path.lexists("control"):
    os.unlink("control")
listener = socket.socket(socket.AF_UNIX)
listener.bind("control")
os.chown("control", os.stat(".").st_uid, os.stat(".").st_gid)
listener.listen()
listener.settimeout(60)
print("ready", flush=True)
for _ in range(2):
    caller, _ = listener.accept()
    caller.makefile().readline()
    caller.sendall(json.dumps(status).encode())
    caller.close()
os.unlink("control")
PY
    )
    read -r -t 60 -u "$answers" _ || die "nobody answers in the node's place"
    node 1 status
    prints "its tiles can't be written"
    node 1 status --json
    exec {answers}<&-
    restart_node "$owner"
}

# A question with many rows, of which some were read when sharing ends.
in_flight() {
    local now began ended last count=0
    now=$(date +%s)000
    {
        echo event_id,captured_at,plate_read,camera
        awk -v now="$now" -v rows="$rows" 'BEGIN { for (i = 1; i <= rows; i++) printf "b-%d,%.0f,8BIG123,cam-1\n", i, now - 3600000 - i }'
    } >"$dir/big.csv"
    chmod 644 "$dir/big.csv"
    ingest "$owner" "$dir/big.csv" >"$dir/ingested"
    exec {answer}< <(comity lookup 8BIG123 --purpose homicide --case 26-1234 --reason "$reason" --since 7d --format json \
        --limit "$rows" --deadline 60 --config "$dir/ca.northport.pd/people/rivera.ini" 2>"$dir/err" </dev/null || echo "exit $?")
    while [ $count -lt 500 ] && read -r -t 60 _ <&"$answer"; do
        count=$((count + 1))
    done
    began=$(date +%s%3N)
    node 0 share off --with ca.northport.pd --reason "stop"
    prints 'counts now; 2 of 2 gateways'
    ended=$(date +%s%3N)
    cat <&"$answer" >"$dir/rest"
    last=$(date +%s%3N)
    exec {answer}<&-
    grep -q '^exit 3$' "$dir/rest" || die "it did not end with 3: $(tail -n 2 "$dir/rest")"
    grep -q '"outcome":"withdrawn"' "$dir/rest" || die "not withdrawn: $(tail -n 2 "$dir/rest")"
    count=$((count + $(grep -c '^{"event_id"' "$dir/rest" || true)))
    [ "$count" -lt "$rows" ] || die "all $count rows came"
    echo "sharing ended after $count of $rows rows: command done after $((ended - began)) ms, last row printed after" \
        "$((last - began)) ms"
    node 0 share on --reason "go on"
    shows 40
}

small_federation
edited=$dir/$owner/node/rules/southgate.rules
mkdir -p "$dir/$owner/node/rules"
edit "$permit"
printf '[rules]\nfile = %s\npacks = %s\n' "$edited" "$source_dir/acl/statutes" >>"$dir/$owner/node/noded.ini"
give_to_daemons
start_daemons
echo "ready after $SECONDS s"
edits
echo "edits that take away count at once, those that give wait"
sharing
echo "sharing goes off and on, whatever the rules say"
behind
echo "a ledger that is not published shows"
wire
echo "the wire is left and taken up again"
in_flight
nothing_stored 8ABC123 "$reason"
