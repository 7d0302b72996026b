#!/bin/bash
# A supervisor's approval, a case that is kept, a list of plates, and court orders, with real daemons.
# usage: evidence.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

people=$dir/ca.northport.pd/people
folder=$dir/approvals

approve() { # person, exit code, command and arguments
    local person=$1 expected=$2
    shift 2
    ends "$expected" comity approve "$@" --config "$people/$person.ini"
}

request() { # person, plate: the request's id in $id
    approve "$1" 0 request "$2" --purpose homicide --case 26-1234 --reason "$reason" --since 8d
    id=$(sed -n 's/^request \([0-9a-f]*\) waits.*/\1/p' "$dir/out")
    [ -n "$id" ] || die "no id: $(cat "$dir/out")"
}

listed() { # pattern
    approve rivera 0 list
    grep -Eq "$1" "$dir/out" || die "no \"$1\" in: $(cat "$dir/out")"
}

quiet() { # pattern that the messages of the last question must not hold
    ! grep -Eq -- "$1" "$dir/err" || die "\"$1\" in: $(cat "$dir/err")"
}

supervisor() {
    lookup 0
    answered 20 # ours alone
    quiet 'approval'
    request rivera 8ABC123
    listed "^$id +waits +rivera +8ABC123 +homicide"
    approve rivera 5 sign "$id" --yes
    lookup 0
    answered 20
    approve sue 0 sign "$id" --yes
    prints 'rivera, investigator of ca.northport.pd, asks to search:'
    prints "$reason"
    approve sue 1 sign "$id" --yes
    listed "^$id +approved +rivera +8ABC123 +homicide +until .*, by sue, 1 use"
    lookup 0
    answered 40
    says "approval $id, by sue, until .*, for 1 use at each agency"
    lookup "0|3"
    answered 20 # used up
    who=ca.northport.pd/sue lookup 0
    answered 20 # it is not hers
    quiet 'approval'
    echo "one use: 20 rows without, 40 with it, 20 after it"

    request rivera 8ABC123
    approve sue 0 sign "$id" --uses 2 --hours 24 --yes
    for rows in 40 40 20; do
        lookup "0|3"
        says "approval $id"
        answered $rows
    done
    ask ca.northport.pd/rivera 0 8ABC123 --purpose homicide --case 26-1235 --reason "$reason" --format json
    quiet 'approval'
    lookup 0 --since 9d # beyond what was approved
    quiet 'approval'
    answered 20

    request sue 8ABC123
    approve sue 5 sign "$id" --yes
    says 'nobody approves what they ask themselves'
    [ ! -e "$folder/$id.approval" ] || die "somebody approved their own request"
    chmod o+r "$folder/$id.request"
    approve sue 1 sign "$id" --yes
    says 'everybody may read'
    echo "two uses, the wrong people, another case: as it must be"
}

# A day-old one that was good for an hour, of this very search: by itself it isn't even tried.
expired() {
    local until
    until=$(date -u -d '3 hours ago' +%FT%TZ)
    approve rivera 0 request 8ABC123 --purpose homicide --case 26-1236 --reason "$reason" --since 8d --until "$until"
    id=$(sed -n 's/^request \([0-9a-f]*\) waits.*/\1/p' "$dir/out")
    probe approve "$people/sue.ini" "$dir/passphrase" "$folder/$id.approval" "$folder/$id.request" 7200000 3600000
    listed "^$id +expired +rivera +8ABC123 +homicide +since .*, by sue"
    local ask=(8ABC123 --purpose homicide --case 26-1236 --reason "$reason" --until "$until" --format json)
    ask ca.northport.pd/rivera 0 "${ask[@]}"
    quiet 'approval'
    ask ca.northport.pd/rivera 5 "${ask[@]}" --approval "$folder/$id.approval"
    says 'the approval does not hold: it has expired'
    probe approve "$people/sue.ini" "$dir/passphrase" "$folder/$id.approval" "$folder/$id.request" 1800000 3600000
    ask ca.northport.pd/rivera 0 "${ask[@]}"
    says "approval $id, by sue"
    probe approve "$people/rivera.ini" "$dir/passphrase" "$folder/$id.approval" "$folder/$id.request" 0 3600000 2>"$dir/err" &&
        die "an approval by the requester could be written at all"
    echo "an approval that is over: not taken, and refused"
}

kept_case() {
    local say=(--purpose vehicle-theft --reason "$reason" --config "$people/rivera.ini")
    ends 1 comity case use 26-77 "${say[@]}" # a case number that doesn't fit
    ends 0 comity case use 26-1234 "${say[@]}"
    [ "$(stat -c %a "$people/rivera.state/case.json")" = 600 ] || die "the kept case is not private"
    ask ca.northport.pd/rivera 0 8ABC123 --format json
    says 'case 26-1234, for vehicle-theft, as kept until'
    answered 40
    ask ca.northport.pd/rivera 5 8ABC123 --case 26-9999
    comity case end --config "$people/rivera.ini"
    ask ca.northport.pd/rivera 5 8ABC123
    says '--purpose: is missing'
    echo "a kept case answers for its question, and no other"
}

batch() {
    local say=(--purpose vehicle-theft --case 26-1234 --reason "$reason")
    local before
    before=$(recorded)
    printf '8ABC123\n\n8ABC123!!!!!!!\n7XYZ123,ZZ\n' >"$dir/list"
    ask ca.northport.pd/rivera 5 --batch "$dir/list" "${say[@]}"
    says 'line 4 has a state that there isn.t.*1 bad line: nothing was asked'
    [ "$(recorded)" = "$before" ] || die "something was asked"
    printf '8ABC123\n8abc-123\n# a stranger\n7XYZ123,NV\n' >"$dir/list"
    ask ca.northport.pd/rivera 0 --batch "$dir/list" "${say[@]}" --format json
    says '2 queries: 2 complete; 1 repeated line left out; 40 rows'
    [ "$(grep -c '^{"query":1,"event_id"' "$dir/out")" = 40 ] || die "$(tail -n 3 "$dir/out")"
    [ "$(grep -c '^{"query":[12],"manifest"' "$dir/out")" = 2 ] || die "$(tail -n 3 "$dir/out")"
    tail -n 1 "$dir/out" | grep -qx '{"query":2,"exit":0}' || die "$(tail -n 1 "$dir/out")"
    ask ca.northport.pd/rivera 0 --batch "$dir/list" "${say[@]}" --format csv
    [ "$(grep -c '^1,' "$dir/out")" = 40 ] || die "$(tail -n 3 "$dir/out")"
    # A reason that only names the second plate is none for it.
    ask ca.northport.pd/rivera 5 --batch "$dir/list" --purpose vehicle-theft --case 26-1234 --reason "seen twice 7XYZ123"
    echo "a list: a query a plate, or none at all"
}

order() { # exit code, command and arguments
    local expected=$1 sign=(--key "$southgate/people/admin.key" --chain "$southgate/people/admin.pem")
    shift
    [ "$1" != list ] || sign=()
    ends "$expected" comity node order "$@" --config "$southgate/node/noded.ini" "${sign[@]}"
}

kidnapping() { # rows that must come, lookup's arguments
    local rows=$1
    shift
    ask ca.northport.pd/rivera "0|3" 8ABC123 --purpose kidnapping --case 26-1234 --reason "$reason" --format json "$@"
    answered "$rows"
}

court_orders() {
    local southgate=$dir/ca.southgate.pd
    kidnapping 20
    kidnapping 20 --court-order SC-26/0077 # nobody registered it
    order 2 add SC-26/0077 --court "Superior Court" --until 2030-01-01 --any-plate --any-purpose --yes
    order 0 add SC-26/0077 --court "Superior Court of Alder County" --until 2030-01-01 --agency ca.northport.pd \
        --plate 8abc-123 --purpose kidnapping --yes
    prints 'SC-26/0077: in force until 2030-01-01'
    wait_for_new ca.southgate.pd 0 'orders-standing sequence=1 added=1'
    kidnapping 20
    kidnapping 40 --court-order SC-26/0077
    kidnapping 20 --court-order SC-26/0078
    kidnapping 0 --court-order SC-26/0077 --on-behalf-of ca.southgate.pd # who may not cite it, nor see ours
    order 1 add SC-26/0077 --court "Superior Court" --until 2031-01-01 --any-agency --any-plate --any-purpose --yes
    stop_one ca.southgate.pd
    restart_node ca.southgate.pd
    kidnapping 40 --court-order SC-26/0077
    order 0 list
    prints 'register 1, 1 order '
    cp "$southgate/node/data/orders/ca.southgate.pd.next" "$dir/first"
    order 1 end SC-26/0078
    order 0 end SC-26/0077
    wait_for_new ca.southgate.pd 0 'orders-standing sequence=2 .*ended=1'
    kidnapping 20 --court-order SC-26/0077
    # The one before, put back.
    cat "$dir/first" >"$southgate/node/data/orders/ca.southgate.pd.next"
    wait_for_new ca.southgate.pd 0 'orders-refused .*does not follow'
    kidnapping 20 --court-order SC-26/0077
    grep -aq 'court orders, register 2: 0 added, 1 ended' "$southgate"/node/data/ledger/log || die "the end is not recorded"
    echo "a court order: 40 rows while it stands, 20 before and after"
}

small_federation
make_asker ca.northport.pd supervisor sue
mkdir "$folder"
chmod 770 "$folder"
for person in rivera sue; do
    printf '[approvals]\nfolder = %s\n' "$folder" >>"$people/$person.ini"
done
cat >"$dir/ca.southgate.pd.rules" <<'RULES'
rules 1
node ca.southgate.pd
permit self  to any  for any  back all  see all
permit kind:local  to lookup  for homicide  back 30 days  see place  require supervisor  until 2030-01-01
permit kind:local  to lookup  for kidnapping  back 30 days  see place  require court-order  until 2030-01-01
permit kind:local  to lookup  for vehicle-theft  back 30 days  see place  until 2030-01-01
RULES
apply_rules ca.southgate.pd "$dir/ca.southgate.pd.rules"
give_to_daemons
start_daemons
supervisor
expired
kept_case
batch
court_orders
nothing_stored "$reason"
