#!/bin/bash
# What waits for a signature is named, whoever caused it, and administrators see the difference before they sign.
# usage: pending.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

node=ca.northport.pd
data=$dir/$node/data
main=$dir/main.rules

edit_directory() { # Python on the directory "d"
    python3 - "$dir/directory.json" "$1" <<'PY'
import json, sys
path, change = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    d = json.load(file)
agencies = {one["id"]: one for one in d["agencies"]}
exec(change)
with open(path, "w", encoding="utf-8") as file:
    json.dump(d, file)
PY
}

# Runs pending; its exit code and what it says must be so, in text and as JSON.
pending() { # exit code, pattern unless it is 1
    local command=(comity acl pending "$main" --node-data "$data" --directory "$dir/directory.json" --packs "$dir/packs")
    ends "$1" "${command[@]}"
    [ "$1" != 1 ] || return 0
    prints "$2"
    fits_terminal
    ends "$1" "${command[@]}" --json
    python3 -c 'import json, sys; sys.exit(json.load(open(sys.argv[1]))["waits"] != (sys.argv[2] == "3"))' \
        "$dir/out" "$1" || die "JSON says otherwise: $(cat "$dir/out")"
}

apply() { # exit code, person, option...
    local expected=$1 person=$2
    shift 2
    ends "$expected" comity acl apply --key "$dir/$node/people/$person.key" --chain "$dir/$node/people/$person.pem" \
        --directory "$dir/directory.bundle" --root "$dir/root/ca.pem" --packs "$dir/packs" --yes "$@"
}

# As a node keeps what it accepted.
accept() { # signed set
    mkdir -p "$data/rules"
    cp "$1" "$data/rules/$node.ruleset"
    cp "$dir/directory.bundle" "$data/rules/directory-1"
}

write_rules() {
    cat >"$main" <<RULES
rules 1
node $node
include "partners.rules"
include "us-zz"
permit @valley to lookup for homicide back 30 days see place until 2099-01-01
permit kind:local to lookup for homicide back 7 days see place until 2099-01-01
permit nv.dryfork.pd to lookup for homicide back 90 days see place until 2099-01-01
RULES
    printf 'rules 1\ngroup valley = ca.southgate.so\n' >"$dir/partners.rules"
    printf 'rules 1\nforbid not state:CA beyond 14 days\n' >"$dir/packs/us-zz.rules"
    cp "$dir/directory.signed.json" "$dir/directory.json"
}

each_cause() {
    pending 0 'nothing waits'
    echo 'permit us.customs to lookup for homicide back 1 day see place until 2099-01-01' >>"$main"
    pending 3 'the file main.rules was edited .*us.customs Customs gains lookup for homicide'
    write_rules
    printf 'rules 1\ngroup valley = ca.southgate.so, us.customs\n' >"$dir/partners.rules"
    pending 3 'the file partners.rules was edited .*us.customs Customs gains'
    write_rules
    printf 'rules 1\nforbid not state:CA beyond 60 days\n' >"$dir/packs/us-zz.rules"
    pending 3 'the statute pack us-zz is another one than was signed .*nv.dryfork.pd Dry Fork gains'
    write_rules
    edit_directory 'd["agencies"].append(dict(agencies["nv.dryfork.pd"], id="nv.eastfork.pd", name="East Fork"))'
    pending 3 'nv.eastfork.pd is new .*nv.eastfork.pd East Fork gains'
    write_rules
    edit_directory 'agencies["us.customs"]["kind"] = "local"'
    pending 3 'us.customs is local, was federal .*us.customs Customs gains'
    write_rules
    edit_directory 'agencies["nv.dryfork.pd"]["state"] = "CA"'
    pending 3 'nv.dryfork.pd is of CA, was of NV .*nv.dryfork.pd Dry Fork gains'
    write_rules
    edit_directory 'agencies["ca.southgate.so"]["ca_pins"] = ["11" * 32]'
    pending 3 'ca.southgate.so has another CA key .*ca.southgate.so Southgate gains'
    write_rules
    printf 'rules 1\ngroup valley =\n' >"$dir/partners.rules"
    pending 0 'the file partners.rules was edited \(it does not widen\) .*ca.southgate.so Southgate loses'
    echo 'permitt' >>"$main"
    pending 1
    says 'did you mean "?permit'
    write_rules
}

# The second administrator signs what the first one saw, and nothing over another set.
two_administrators() {
    apply 0 ann "$main" --out "$dir/one"
    prints 'what changes for whom, from .*: 3 gain, 0 lose .*ca.southgate.so Southgate gains'
    apply 0 ben --cosign "$dir/one" --out "$dir/first"
    prints 'permit @valley .*what changes for whom, from .*: 3 gain, 0 lose .*ca.southgate.so Southgate gains'
    accept "$dir/first"
    sed -i 's/back 30 days/back 60 days/' "$main"
    apply 0 ann "$main" --previous "$dir/first" --out "$dir/one"
    prints ': 1 gain, 0 lose .*beyond 30 days, up to 60 days back: the row, place'
    apply 1 ben --cosign "$dir/one" --out "$dir/second"
    says 'to follow another'
    apply 0 ben --cosign "$dir/one" --previous "$dir/first" --out "$dir/second"
    prints ': 1 gain, 0 lose .*beyond 30 days, up to 60 days back: the row, place'
}

expectations() {
    echo 'expect ca.southgate.so role:investigator to lookup for homicide age 40 days denied' >"$dir/main.acltest"
    apply 1 ann "$main" --previous "$dir/first" --out "$dir/one"
    says 'as the expectations beside it say'
    rm "$dir/main.acltest"
}

# The sharing matrix of the same rules: a table, and the same for spreadsheets.
matrix() {
    ends 0 comity acl who "$main" --directory "$dir/directory.json" --packs "$dir/packs"
    prints 'ca.southgate.so lookup for homicide; until up to 30 days back: the Southgate 2099-01-01 row, place'
    fits_terminal
    ends 0 comity acl who "$main" --directory "$dir/directory.json" --packs "$dir/packs" --csv
    prints '"ca.southgate.so","Southgate","lookup for homicide; until 2099-01-01","the row, place",,2592000,"none"'
    prints '"nv.dryfork.pd","Dry Fork","lookup for homicide; until 2099-01-01","the row, place",,1209600,"none"'
    ! grep -q us.customs "$dir/out" || die "customs sees nothing: $(cat "$dir/out")"
}

federation=valley.example
agencies="$node ca.southgate.so nv.dryfork.pd"
gateways="" owners=""
make_root
for name in $agencies; do make_agency "$name"; done
for name in ann ben; do make_asker $node admin $name; done
quietly "directory" comity directory init --file "$dir/directory.json" --federation "$federation"
list_agency $node local CA Northport
list_agency ca.southgate.so sheriff CA Southgate
list_agency nv.dryfork.pd local NV "Dry Fork"
quietly "customs" comity directory add us.customs --file "$dir/directory.json" --name Customs --kind federal
edit_directory 'agencies["ca.northport.pd"]["rule_signatures"] = 2'
cp "$dir/directory.json" "$dir/directory.signed.json"
# shellcheck disable=SC2119
sign_directory
mkdir "$dir/packs"
write_rules
pending 3 'nothing was signed yet'
two_administrators
expectations
write_rules
matrix
each_cause
echo "$test_name: every cause is named, and seen before it is signed"
