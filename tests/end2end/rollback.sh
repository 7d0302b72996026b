#!/bin/bash
# Revocation, directories and rule sets that somebody takes back, forks or widens on a disk: refused, and nothing is shown.
# usage: rollback.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

rivera=ca.northport.pd/rivera
quine=ca.northport.pd/quine

reload() { # daemon, pattern that its log must show from now on
    local seen
    seen=$(lines_of "$1")
    kill -HUP "${pids[$1]}"
    wait_for_new "$1" "$seen" "$2"
}

# Who is revoked is refused once the directory with the list has come, and stays so, whatever older one is put back.
revoked() {
    local name
    sign_as $quine before
    send_as $quine gw1 before '^status=ok '
    cp "$dir/directory.bundle" "$dir/one"
    cp "$dir/ca.northport.pd/ca/crl.der" "$dir/old.crl"
    quietly revoke comity keys revoke "spiffe://$federation/$quine_name" --ca "$dir/ca.northport.pd/ca"
    make_crl ca.northport.pd
    sign_directory --previous "$dir/one"
    cp "$dir/directory.bundle" "$dir/two"
    reload gw1 'directory-counts serial=2'
    for name in $owners; do
        wait_for_log "$dir/$name.log" 'directory-counts serial=2' "${pids[$name]}"
    done
    wait_for_log "$dir/gw2.log" 'directory-counts serial=2' "${pids[gw2]}"
    refused_everywhere
}

refused_everywhere() {
    local name
    for name in $gateways; do
        sign_as $quine "revoked-$name" gateway="$name" serial=2
        send_as $quine "$name" "revoked-$name" '^status=(unauthenticated|unavailable) '
        send_as $rivera "$name" "revoked-$name" '^status=unauthenticated '
    done
}

rolled_back() {
    local name
    cp "$dir/one" "$dir/directory.bundle"
    reload gw1 'directory-refused status=stale'
    reload ca.southgate.pd 'directory-refused from=file status=stale'
    refused_everywhere
    # Not by a restart either: what was accepted is kept.
    stop_one gw1 KILL
    restart_gateway gw1
    refused_everywhere
    # Even with its disk taken back, it is told by the nodes.
    stop_one gw2
    rm -r "$dir/gw2/data/directory"
    local seen
    seen=$(lines_of gw2)
    start_gateway gw2
    wait_for_new gw2 "$seen" 'directory-counts serial=2'
    for name in $owners; do
        wait_for_new gw2 "$seen" "node-attached.*agency=$name"
    done
    refused_everywhere
    # The client keeps the newest too.
    lookup 0
    answered 40
}

forked() {
    cp "$dir/directory.json" "$dir/kept.json"
    quietly edit comity directory set ca.southgate.pd --file "$dir/directory.json" --kind campus
    sign_directory --previous "$dir/one" --out "$dir/fork"
    cp "$dir/fork" "$dir/directory.bundle"
    chmod 644 "$dir/directory.bundle"
    reload gw1 'directory-refused status=stale'
    reload ca.southgate.pd 'directory-refused from=file status=stale'
    cp "$dir/kept.json" "$dir/directory.json"
    # A later directory with an earlier revocation list takes nothing back.
    cp "$dir/two" "$dir/directory.bundle"
    mv "$dir/ca.northport.pd/ca/crl.der" "$dir/new.crl"
    cp "$dir/old.crl" "$dir/ca.northport.pd/ca/crl.der"
    sign_directory --previous "$dir/two"
    mv "$dir/new.crl" "$dir/ca.northport.pd/ca/crl.der"
    reload gw1 'directory-'
    refused_everywhere
}

# What Southgate's node shows: its rows among rivera's, with or without its 20.
shows() { # rows
    lookup "0|3"
    answered "$1"
}

rules() {
    local folder=$dir/ca.southgate.pd/node/data/rules name forgery
    shows 40
    cp -a "$folder" "$dir/wide"
    # Narrowed by an administrator; the node's disk is then taken back to the wide rules.
    printf 'rules 1\nnode ca.southgate.pd\npermit self to any for any back all see all\n' >"$dir/narrow.rules"
    cp "$dir/two" "$dir/directory.bundle"
    apply_rules ca.southgate.pd "$dir/narrow.rules"
    give_to_daemons
    for name in $gateways; do
        wait_for_log "$dir/$name.log" 'rules-standing agency=ca.southgate.pd sequence=2' "${pids[$name]}"
    done
    shows 20
    cp -a "$folder" "$dir/narrow"
    stop_one ca.southgate.pd
    rm -r "$folder"
    cp -a "$dir/wide" "$folder"
    restart_node ca.southgate.pd
    shows 20
    # Forked: a second set of the same number, also signed by the administrator.
    printf 'rules 1\nnode ca.southgate.pd\npermit anyone to any for any back all see all\n' >"$dir/open.rules"
    apply_rules ca.southgate.pd "$dir/open.rules"
    give_to_daemons
    wait_for_new ca.southgate.pd 0 'rules-standing sequence=2'
    wait_for_new gw1 0 'rules-refused.*agency=ca.southgate.pd'
    shows 20
    # Back to the true rules; then wider ones by whoever can write to the disk, signed by nobody who may.
    stop_one ca.southgate.pd
    rm -r "$folder"
    cp -a "$dir/narrow" "$folder"
    for forgery in text other-admin investigator; do
        forge_rules "$forgery"
        restart_node ca.southgate.pd
        wait_for_log "$dir/ca.southgate.pd.log" 'rules-refused' "${pids[ca.southgate.pd]}"
        shows 20
        stop_one ca.southgate.pd
        mv "$dir/ca.southgate.pd.log" "$dir/ca.southgate.pd.$forgery.log"
        rm -r "$folder"
        cp -a "$dir/narrow" "$folder"
    done
    # The set that was accepted, with a letter changed.
    sed -i 's/permit self/permit anyo/' "$folder/ca.southgate.pd.ruleset"
    "${as_daemon[@]}" comity-noded --config "$dir/ca.southgate.pd/node/noded.ini" 2>"$dir/damaged.log" && die "it started"
    shows 20
}

forge_rules() { # how
    local next=$dir/ca.southgate.pd/node/data/rules/ca.southgate.pd.next signer=$dir/ca.northport.pd/people/admin
    case $1 in
    text) cp "$dir/open.rules" "$next" ;;
    investigator) signer=$dir/ca.northport.pd/people/rivera ;;
    esac
    [ "$1" = text ] || quietly "forging" probe rules "$signer.ini" "$dir/passphrase" "$next" "$dir/open.rules" ca.southgate.pd \
        "$dir/narrow/ca.southgate.pd.ruleset"
    give_to_daemons
}

small_federation
make_asker ca.northport.pd investigator quine
quine_name=ca.northport.pd/investigator/quine
start_daemons
echo "ready after $SECONDS s"
revoked
rolled_back
forked
echo "neither directory nor revocation list goes back"
rules
echo "rules narrow what they did, whatever lies on the node's disk"
nothing_stored 8ABC123 "$reason" rivera quine
