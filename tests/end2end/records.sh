#!/bin/bash
# What a node records, read back by its own auditor, while it runs and after: each kind of entry, with who and why.
# usage: records.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

quarrel="a quarrel over the costs"
southgate=$dir/ca.southgate.pd northport=$dir/ca.northport.pd

node() { # agency, command...
    local agency=$1
    shift
    ends 0 "${as_daemon[@]}" comity node "$@" --config "$dir/$agency/node/noded.ini"
}

# As the auditor of an agency at a running node, whose folder it is.
look() { # agency/auditor, exit code, folder
    local person=$dir/${1%/*}/people/${1#*/}
    audit "$2" show "$3" --json --chain "$person.pem" --key "$person.key"
}

holds() { # folder, kind, pattern...: an entry of that kind holds all of them
    local folder=$1 kind=$2 pattern lines
    shift 2
    lines=$(comity audit show "$folder" --kind "$kind" --json 2>/dev/null)
    for pattern in "$@"; do
        lines=$(grep -E -- "$pattern" <<<"$lines") ||
            die "no $kind with \"$pattern\" in $folder: $(comity audit show "$folder" --kind "$kind" --json)"
    done
}

small_federation
make_asker ca.southgate.pd auditor vera
make_asker ca.northport.pd auditor walt
# A key of long ago, for what is to be erased.
mkdir -p "$southgate/node/data/ledger/keys"
head -c 32 /dev/urandom >"$southgate/node/data/ledger/keys/2026-01-15"
chmod 600 "$southgate/node/data/ledger/keys/2026-01-15"
give_to_daemons
start_daemons

lookup 0
answered 40
node ca.southgate.pd share off --with ca.northport.pd --reason "$quarrel"
lookup "0|3"
answered 20
node ca.southgate.pd share on --with ca.northport.pd --reason "$quarrel is over"
lookup 0
answered 40
node ca.southgate.pd share off --with kind:campus --until 2030-01-01 --reason "$quarrel too"
node ca.southgate.pd detach --reason "a new switch"
node ca.southgate.pd attach --reason "it is in"
ingest ca.southgate.pd "$southgate.csv" >"$dir/ingested"
node ca.southgate.pd erase --before 2026-06-01 --reason "the court said so"
[ ! -e "$southgate/node/data/ledger/keys/2026-01-15" ] || die "the key of 2026-01-15 is still there"

ends 0 comity node order add SC-26/0077 --court "Superior Court of Alder County" --until 2030-01-01 --agency ca.northport.pd \
    --plate 7XYZ321 --purpose kidnapping --yes --config "$southgate/node/noded.ini" --key "$southgate/people/admin.key" \
    --chain "$southgate/people/admin.pem"
wait_for_log "$dir/ca.southgate.pd.log" 'orders-standing sequence=1 added=1' "${pids[ca.southgate.pd]}"

# While it runs: its own auditor alone, and recorded.
look ca.southgate.pd/vera 0 "$southgate/node/data"
prints '"kind": *"node"'
prints "$reason"
look ca.northport.pd/walt 1 "$southgate/node/data"
says 'auditors of ca.southgate.pd alone'
[ ! -s "$dir/out" ] || die "a stranger reads it"
echo "a running node: its own auditor reads it, another agency's is told why not"

stop_daemons
for folder in "$southgate/node/data" "$northport/node/data"; do
    audit 0 verify "$folder" "${trusted[@]}"
done
south=$southgate/node/data north=$northport/node/data
holds "$south" start
holds "$south" rules 'admin/admin'
holds "$south" directory
holds "$south" node '8ABC123' 'rivera' "$reason" '26-1234' 'homicide' 'rules:'
holds "$south" release '"rows": *20' 'complete'
holds "$south" evidence '1 added' 'admin/admin'
holds "$south" sharing 'ca.northport.pd' '"shared": *false' '"overlay_revision": *1,' "$quarrel"
holds "$south" sharing 'ca.northport.pd' '"shared": *true' '"overlay_revision": *2,' "$quarrel is over"
holds "$south" sharing 'kind:campus' 'until 2030-01-01: ' "$quarrel too"
holds "$south" admin 'detach' 'a new switch'
holds "$south" admin 'erase before 2026-06-01' 'the court said so'
holds "$south" admin 'access records before 2026-06-01 erased'
holds "$south" ingest '"accepted": *20'
holds "$south" ingest '"duplicates": *20' 'ca.southgate.pd.csv'
holds "$south" audit '"show"' 'auditor/vera'
holds "$south" audit 'refused'
holds "$south" stop 'SIGTERM'
# What Northport's own people asked, as the gateways said it ended.
holds "$north" copy '8ABC123' 'rivera' "$reason"
copies=$(comity audit show "$north" --kind copy --json 2>/dev/null | grep -c .)
[ "$copies" = 3 ] || die "$copies copies of 3 searches"
releases=$(comity audit show "$south" --kind release --json 2>/dev/null | grep -c .)
permits=$(comity audit show "$south" --kind node --outcome permitted --json 2>/dev/null | grep -c .)
[ "$releases" = "$permits" ] || die "$permits permissions, $releases releases"
echo "every kind of entry is there, with who and why; $permits permissions, $releases releases, $copies copies"

nothing_stored 8ABC123 "$reason" rivera vera
echo "and nothing of it in clear"
