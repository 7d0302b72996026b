# shellcheck shell=bash disable=SC2154 # variables come from the files that source this
# The situations that six agencies can show, one after another; each is checked against the owners' stores.
# Sourced by deploy/demo; uses $dir, $here, functions of federation.sh, die, say.

shown=0
output=""

story=8KLM492 # a wanted car, seen from the valley to over the state line

# What an agency's own store holds of the story since so many days ago, asked of SQLite and nobody else.
reads_of() { # agency, days, cameras to leave out
    sqlite3 "file:$dir/$1/node/data/detections.db?mode=ro" \
        "SELECT count(*) FROM detection WHERE plate = '$story' AND camera <> '${3:-}'
         AND captured_at >= (unixepoch() - $2 * 86400) * 1000"
}

# Asks as a person and checks the exit code; the output stays in $output.
ask() { # agency/person, exit code, lookup's arguments
    local agency=${1%/*} person=${1#*/} expected=$2 code=0
    shift 2
    printf '\n$ comity lookup %s   # as %s of %s\n' "$*" "$person" "$agency"
    output=$(printf '%s\n' "$story" | comity lookup - "$@" --accounts \
        --config "$dir/$agency/people/$person.ini" --passphrase-file "$dir/passphrase" 2>&1) || code=$?
    # The whole answer is long: its first rows, then who answered.
    printf '%s\n' "$output" | awk 'NR <= 6 || !/^[0-9]{4}-/ { print; next } NR == 7 { print "  ..." }'
    [ "$code" -eq "$expected" ] || die "it ended with $code instead of $expected"
    shown=$((shown + 1))
}

# Runs another command, from the demo's folder, and checks the exit code; the output stays in $output.
run() { # exit code, comity's arguments
    local expected=$1 code=0
    shift
    printf '\n$ comity %s\n' "$*"
    output=$(cd "$dir" && comity "$@" 2>&1 </dev/null) || code=$?
    printf '%s\n' "$output"
    [ "$code" -eq "$expected" ] || die "it ended with $code instead of $expected"
}

expect() { # pattern, what it means
    printf '%s\n' "$output" | grep -Eq -- "$1" || die "$2 (no \"$1\" in the answer)"
}
expect_not() {
    ! printf '%s\n' "$output" | grep -Eq -- "$1" || die "$2 (\"$1\" is in the answer)"
}
rows_from() { printf '%s\n' "$output" | grep -Ec "^[0-9]{4}-.* $1 " || true; }
expect_rows() { # agency, number
    local came
    came=$(rows_from "$1")
    [ "$came" -eq "$2" ] || die "$came rows came from $1 instead of $2"
}

situation_reach() {
    say "1. Before a question is asked: who would be asked?"
    printf '\n$ comity reach --purpose vehicle-theft --case 26-1234   # as rivera of ca.northport.pd\n'
    output=$(comity reach --purpose vehicle-theft --case 26-1234 \
        --config "$dir/ca.northport.pd/people/rivera.ini" --passphrase-file "$dir/passphrase" 2>&1) ||
        die "reach failed: $output"
    printf '%s\n' "$output"
    expect '^ca\.alder\.so +would be asked' "the sheriff lets local police in"
    expect '^ca\.harborview\.plaza +would be asked' "the mall lets local police in"
    expect_not '^ca\.milltown\.pd' "Milltown never shares"
}

situation_one_answer() {
    say "2. One question, several agencies, one merged answer"
    ask ca.northport.pd/rivera 0 --purpose vehicle-theft --case 26-1234 \
        --reason "stolen from the harbour car park" --since 7d
    expect_rows ca.northport.pd "$(reads_of ca.northport.pd 7)"
    expect_rows ca.alder.so "$(reads_of ca.alder.so 7)"
    expect_rows nv.dryfork.pd "$(reads_of nv.dryfork.pd 7)"
    expect_rows ca.milltown.pd 0
    expect 'do(es)? not share this with you' "Milltown is counted, not hidden"
}

situation_never_shares() {
    say "3. A department that uses its reads itself and never shares"
    ask ca.milltown.pd/lindqvist 0 --purpose property-crime --case 26-0042 \
        --reason "burglary series in Milltown" --since 7d --agency ca.milltown.pd
    expect_rows ca.milltown.pd "$(reads_of ca.milltown.pd 7)"
}

situation_private_owner() {
    say "4. A private owner: local police, at some sites, 30 days"
    ask ca.northport.pd/rivera 0 --purpose vehicle-theft --case 26-1234 \
        --reason "stolen from the harbour car park" --since 90d --agency ca.harborview.plaza
    expect_rows ca.harborview.plaza "$(reads_of ca.harborview.plaza 30 staff)"
    expect 'showed only (29|30) days of your 90 days' "the owner keeps 30 days"
    expect_not 'staff' "the staff entrance is nobody's business"
    ask nv.dryfork.pd/tanaka 4 --purpose vehicle-theft --case 26-0777 \
        --reason "follow up on a stolen truck" --agency ca.harborview.plaza
}

situation_federal() {
    say "5. A federal agency that only asks: bounds where agreed, nothing elsewhere"
    ask us.transit/moreau 0 --purpose terrorism --case 26-9001 \
        --reason "threat against the airport line" --since 1y
    expect_rows nv.dryfork.pd "$(reads_of nv.dryfork.pd 365)"
    expect_rows ca.northport.pd 0
    expect_rows ca.alder.so 0
    ask us.transit/moreau 4 --purpose immigration-civil --case 26-9002 \
        --reason "check of a travel document"
}

situation_on_behalf() {
    say "6. Asking for somebody else gains nothing"
    ask nv.dryfork.pd/tanaka 0 --purpose kidnapping --case 26-0777 --on-behalf-of us.transit \
        --reason "joint case with the transit agency" --since 7d
    expect_rows ca.alder.so 0
    expect_rows nv.dryfork.pd "$(reads_of nv.dryfork.pd 7)"
}

situation_placeholder() {
    say "7. A reason that is none"
    ask ca.northport.pd/rivera 5 --purpose vehicle-theft --case 26-1234 --reason "investigation"
    expect 'reason' "the refusal names the field"
}

situation_approval() {
    local request question=(--purpose narcotics --case 26-1234 --reason "deliveries at the harbour car park")
    local people=ca.northport.pd/people
    say "8. A search that needs a supervisor: the sheriff shows nothing until one has signed for it"
    ask ca.northport.pd/rivera 0 "${question[@]}" --since 7d
    expect_rows ca.alder.so 0
    run 0 approve request "$story" "${question[@]}" --since 8d \
        --config "$people/rivera.ini"
    request=$(printf '%s\n' "$output" | sed -n 's/^request \([0-9a-f]*\) waits.*/\1/p')
    run 5 approve sign "$request" --yes --config "$people/rivera.ini" --passphrase-file passphrase
    run 0 approve sign "$request" --yes --config "$people/osei.ini" --passphrase-file passphrase
    ask ca.northport.pd/rivera 0 "${question[@]}" --since 7d
    expect_rows ca.alder.so "$(reads_of ca.alder.so 7)"
}

situation_opting_out() {
    local change=(--directory directory.bundle)
    say "9. Opting out: first what it would change, then it counts at once, everywhere"
    cp "$here/rules/ca.alder.so.rules" "$dir/ca.alder.so/now.rules"
    sed '/^permit kind:local,sheriff state:CA/,/until 2030-01-01/d' "$here/rules/ca.alder.so.rules" \
        >"$dir/ca.alder.so/narrow.rules"
    run 0 acl diff ca.alder.so/now.rules ca.alder.so/narrow.rules "${change[@]}"
    expect '^  loses .*lookup for' "what the others lose is said"
    apply_rules ca.alder.so "$dir/ca.alder.so/narrow.rules"
    wait_for_log "$dir/gw1.log" "rules-standing.*agency=ca.alder.so sequence=2" "${pids[gw1]}"
    ask ca.northport.pd/rivera 0 --purpose vehicle-theft --case 26-1234 \
        --reason "stolen from the harbour car park" --since 7d
    expect_rows ca.alder.so 0
    run 3 acl diff ca.alder.so/narrow.rules ca.alder.so/now.rules "${change[@]}"
    expect '^  gains .*lookup for' "what sharing again would give is said before it is signed"
    apply_rules ca.alder.so "$dir/ca.alder.so/now.rules"
    wait_for_log "$dir/gw1.log" "rules-standing.*agency=ca.alder.so sequence=3" "${pids[gw1]}"
}

# At the sheriff's node, as its own user.
switch() { # on or off, reason
    printf '\n$ comity node share %s --reason "%s"   # at ca.alder.so\n' "$1" "$2"
    "${as_daemon[@]}" comity node share "$1" --reason "$2" --config "$dir/ca.alder.so/node/noded.ini" ||
        die "sharing was not switched $1"
}

situation_switched_off() {
    local question=(--purpose vehicle-theft --case 26-1234 --reason "stolen from the harbour car park" --since 7d)
    say "10. A switch for a bad day: one command, no edit, no second person"
    switch off "last week is audited"
    ask ca.northport.pd/rivera 0 "${question[@]}"
    expect_rows ca.alder.so 0
    switch on "the audit is done"
    ask ca.northport.pd/rivera 0 "${question[@]}"
    expect_rows ca.alder.so "$(reads_of ca.alder.so 7)"
}

situation_one_is_gone() {
    say "11. One node's machine is gone: the others answer, and the account says who is missing"
    stop_one nv.dryfork.pd KILL
    wait_for_log "$dir/gw1.log" "node-detached.*agency=nv.dryfork.pd" "${pids[gw1]}"
    ask ca.northport.pd/rivera 3 --purpose vehicle-theft --case 26-1234 \
        --reason "stolen from the harbour car park" --since 7d
    expect '1 offline' "the missing agency is named as such"
    expect_rows ca.northport.pd "$(reads_of ca.northport.pd 7)"
}

# A copy of what a running node keeps, for whoever audits it.
backup() { # agency
    printf '\n$ comity node backup audit/%s   # at %s\n' "$1" "$1"
    quietly "backup of $1" "${as_daemon[@]}" comity node backup --config "$dir/$1/node/noded.ini" "$dir/audit/$1"
}

situation_proof() {
    local id
    say "12. Afterwards: what was asked can be proved, by anybody who holds a copy"
    id=$(comity receipt list --config "$dir/ca.northport.pd/people/rivera.ini" --passphrase-file "$dir/passphrase" |
        grep -oE '[0-9a-f]{8,32}\b' | tail -n 1) || die "no answer was kept"
    run 0 receipt save "$id" exhibit --config ca.northport.pd/people/rivera.ini --passphrase-file passphrase
    run 0 receipt check exhibit --root root/ca.pem
    mkdir "$dir/audit"
    [ ${#as_daemon[@]} -eq 0 ] || chown 65534:65534 "$dir/audit"
    backup ca.northport.pd
    backup ca.alder.so
    run 0 audit verify audit/ca.alder.so --directory directory.bundle --root root/ca.pem
    run 0 audit compare audit/ca.northport.pd -- audit/ca.alder.so
    run 0 audit report audit/ca.alder.so --public
}

run_situations() {
    situation_reach
    situation_one_answer
    situation_never_shares
    situation_private_owner
    situation_federal
    situation_on_behalf
    situation_placeholder
    situation_approval
    situation_opting_out
    situation_switched_off
    situation_one_is_gone
    start_node nv.dryfork.pd
    situation_proof
    printf '\n%d questions asked.\n' "$shown"
}

print_commands() {
    say "It stays up until you press Ctrl-C. In another terminal:"
    cat <<TXT
  export PATH=$source_dir/build/release/bin:\$PATH
  comity lookup $story --config $dir/ca.northport.pd/people/rivera.ini \\
      --passphrase-file $dir/passphrase --purpose vehicle-theft --case 26-1234 --since 30d
  comity reach --config $dir/ca.northport.pd/people/rivera.ini \\
      --passphrase-file $dir/passphrase --purpose homicide --case 26-1234
  comity acl explain $here/rules/ca.harborview.plaza.rules --directory $dir/directory.bundle \\
      --as ca.northport.pd --for vehicle-theft --evidence case
  comity acl who $here/rules/ca.alder.so.rules --directory $dir/directory.bundle
  comity directory show $dir/directory.bundle
  comity audit report $dir/audit/ca.alder.so
  comity audit show $dir/audit/ca.alder.so --kind query --kind node
  comity receipt check $dir/exhibit --root $dir/root/ca.pem --print
  tail -f $dir/gw1.log
TXT
}
