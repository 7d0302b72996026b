#!/bin/bash
# One side rewrites what it asked, as agencies have done: held against the other side's ledger, each altered search is
# named, and no other. Also a search dropped, one invented, and a "late" that was none.
# usage: rewrite.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

searches=12

# All that northport's node has against southgate's; the first arguments are those of compare.
compare() { # exit code, northport's ledger, option...
    local expected=$1 ledger=$2
    shift 2
    audit "$expected" compare --skew 0 "$@" "$ledger" -- "$south"
}

found() { # kind, number
    local count
    count=$(grep -c "^$1 " "$dir/out" || true)
    [ "$count" = "$2" ] || die "$count $1 instead of $2: $(cat "$dir/out")"
}

total() { # number of differences
    if [ "$1" = 0 ]; then
        grep -q '^Nothing that was compared differs' "$dir/out" || die "$(cat "$dir/out")"
    else
        grep -q "^Differences: $1\$" "$dir/out" || die "not $1 differences: $(cat "$dir/out")"
    fi
}

# A copy comes after its answer.
all_copied() { # number
    local count
    count=$(grep -c -m "$1" ' copy-kept ' < <(follow "$dir/ca.northport.pd.log" "${pids[ca.northport.pd]}" 0)) || true
    [ "$count" = "$1" ] || die "$count copies instead of $1"
}

# The indices of northport's copies, in order.
copies() {
    comity audit show "$north" --kind copy --json 2>/dev/null | sed -n 's/.*"index":\([0-9]*\).*/\1/p'
}

# Writes northport's history anew into $dir/NAME.
rewrite() { # name, change...
    local name=$1
    shift
    mkdir "$dir/$name"
    cp -r "$north/ledger/keys" "$dir/$name/keys"
    rewrite_reasons "$north" "$dir/$name" "$dir/ca.northport.pd/node/node1" "$dir/ca.northport.pd/people/rivera" \
        "$dir/gw1/gw1" "$@" || die "$name was not made"
}

north=$dir/ca.northport.pd/node/data
south=$dir/ca.southgate.pd/node/data

small_federation
start_daemons
for i in $(seq $((searches - 1))); do
    reason="seen near scene number $i" lookup 0 --case "26-$((1000 + i))"
done
# An auditor signs for what the running node recorded so far; then one more search comes.
make_asker ca.northport.pd auditor vega
vega=(--chain "$dir/ca.northport.pd/people/vega.pem" --key "$dir/ca.northport.pd/people/vega.key")
all_copied $((searches - 1))
audit 1 review "$north" --chain "$dir/ca.northport.pd/people/rivera.pem" --key "$dir/ca.northport.pd/people/rivera.key"
audit 0 review "$north" "${vega[@]}" --note "asked the shift about each"
reason="seen near scene number $searches" lookup 0 --case "26-$((1000 + searches))"
all_copied $searches
stop_daemons
mapfile -t copied < <(copies)
[ ${#copied[@]} -eq $searches ] || die "${#copied[@]} copies of $searches searches"

compare 0 "$north"
total 0
audit 0 compare --skew 0 "$dir/gw1/data" "$dir/gw2/data" -- "$north" "$south"
total 0
audit 0 compare --skew 0 "$north" "$dir/gw1/data" "$dir/gw2/data" -- "$south"
total 0
echo "true ledgers do not differ"

rewrite reasons "reason:${copied[1]}:stolen vehicle on main street" "reason:${copied[4]}:stolen vehicle on oak street" \
    "reason:${copied[9]}:stolen vehicle on elm street"
compare 3 "$dir/reasons"
found altered 3
total 3
[ "$(grep -c '^  differs: reason$' "$dir/out")" = 3 ] || die "not the reasons: $(cat "$dir/out")"
[ "$(grep -c '^  differs:' "$dir/out")" = 3 ] || die "not the reasons alone: $(cat "$dir/out")"
for i in 2 5 10; do
    grep -q "B: seen near scene number $i\$" "$dir/out" || die "search $i is not named: $(cat "$dir/out")"
done
grep -q 'A: stolen vehicle on elm street$' "$dir/out" || die "what was said instead is not named: $(cat "$dir/out")"
echo "3 rewritten reasons of $searches searches are named, and no other"

rewrite dropped "drop:${copied[5]}" "drop:${copied[6]}"
compare 3 "$dir/dropped"
found missing 2
total 2
prints 'A in valley.example/ca.northport.pd/node/node1: no copy of what its own person asked'
echo "2 dropped searches are missed"

rewrite invented "invent:${copied[3]}"
compare 3 "$dir/invented"
found missing 1
total 1
echo "an invented search has no twin"

rewrite late "late:${copied[7]}:ca.southgate.pd"
compare 3 "$dir/late"
found contradicted 1
total 1
prints 'says late of ca.southgate.pd'
echo "a late that was none is contradicted"

rewrite all "reason:${copied[0]}:stolen vehicle on main street" "drop:${copied[2]}" "invent:${copied[4]}" \
    "late:${copied[8]}:ca.southgate.pd"
compare 3 "$dir/all"
total 4

# The report of the same ledgers: each search of rivera's one line, wherever it was recorded.
audit 0 report "$north" --format csv
[ "$(wc -l <"$dir/out")" = $((searches + 1)) ] || die "not a line for each search: $(cat "$dir/out")"
audit 0 report "$south" "$north"
grep -q "^Searches *$searches\$" "$dir/out" || die "not $searches searches: $(head -n 40 "$dir/out")"
audit 0 report "$south" --public
grep -Eq '8ABC123|rivera|scene' "$dir/out" && die "the public report says too much"
audit 0 subject "$south" --plate '8abc-123' --redact
grep -q "^$searches searches asked about it" "$dir/out" || die "$(tail -n 5 "$dir/out")"
grep -Eq 'rivera|scene|26-10' "$dir/out" && die "other people's data is not left out"
echo "reports add up"

# What the auditor signed, and what is left; of a copy it is signed into a file.
reviewed() { # number not reviewed, report's arguments
    local left=$1
    shift
    audit 0 report "$@" "${trusted[@]}"
    grep -q "^Reviewed *$((searches - left)), not reviewed $left\$" "$dir/out" || die "not $left left: $(cat "$dir/out")"
}
reviewed 1 "$north"
prints 'ca.northport.pd/auditor/vega on .*: asked the shift about each'
audit 1 review "$south" "${vega[@]}"
audit 1 review "$south" --chain "$dir/ca.northport.pd/people/rivera.pem" --key "$dir/ca.northport.pd/people/rivera.key" \
    --out "$dir/none.review"
audit 0 review "$south" "${vega[@]}" --out "$dir/south.review"
reviewed 0 "$south" --review "$dir/south.review"
reviewed $searches "$south"
# The same review, in the ledger that was written anew, is of a history that it no longer has.
audit 0 report "$dir/reasons"
grep -q '^Reviewed *0,' "$dir/out" || die "what was written anew counts as reviewed: $(cat "$dir/out")"
prints 'signed another history of this ledger'
echo "reviews count for what was signed"
nothing_stored 8ABC123 "seen near scene" rivera
