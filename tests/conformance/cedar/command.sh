#!/bin/sh
# What the command writes for a small example stands beside, for people to review, and Cedar takes it.
# usage: command.sh COMITY-ACL; after a wanted change: command.sh COMITY-ACL --accept
set -eu
acl=$1
cd "$(dirname "$0")"
export_valley() { "$acl" export --cedar valley/northport.rules --directory valley/directory.json "$@" 2>/dev/null; }
if [ "${2:-}" = --accept ]; then
    export_valley --out valley/cedar
    exit
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export_valley --out "$dir/northport"
diff -ru valley/cedar "$dir/northport"
export_valley >"$dir/printed"
diff -u valley/cedar/policies.cedar "$dir/printed"
[ "$(node -p 'Object.keys(JSON.parse(fs.readFileSync(0))).join()' <<END
$(export_valley --json)
END
)" = policies,schema,entities ]
timed=$(node --no-turbo-inline-js-wasm-calls time.mjs "$dir" valley/requests)
case $timed in
*'"owners":1,"requests":3,"allowed":2}') ;;
*)
    echo "$timed"
    exit 1
    ;;
esac

# The examples that people start from.
examples=../../../deploy/examples/rules
set -- "$dir/northport"
mkdir "$dir/examples"
for rules in "$examples"/*.rules; do
    [ -e "$rules" ] || continue
    set -- "$@" "$dir/examples/$(basename "$rules" .rules)"
    "$acl" export --cedar "$rules" --directory "$examples/directory.json" --packs ../../../acl/statutes \
        --out "$dir/examples/$(basename "$rules" .rules)" 2>/dev/null
done
node --no-turbo-inline-js-wasm-calls validate.mjs "$@"

printf 'rules 1\nnode ca.northport.pd\npermit @nobody to any for any back all see all\n' >"$dir/wrong.rules"
if "$acl" export --cedar "$dir/wrong.rules" --directory valley/directory.json --out "$dir/wrong" 2>"$dir/said"; then
    echo "rules with an error were exported"
    exit 1
fi
grep -q 'unknown group' "$dir/said"
[ ! -e "$dir/wrong" ]
