#!/bin/bash
# Ledgers put back or run twice: found by the other side, told, refused until recovered; then searches count again.
# usage: witness.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

south=ca.southgate.pd
data=$dir/$south/node/data

put_back() { # what is in place, what replaces it
    rm -rf "$1"
    cp -a "$2" "$1"
}

node_does() { # command's words, as the node's user
    "${as_daemon[@]}" comity node "$@" --config "$dir/$south/node/noded.ini"
}

recover() { # exit code, node or gateway, its configuration, whose signature
    ends "$1" comity "$2" recover --config "$3" --key "$4.key" --chain "$4.pem" --passphrase-file "$dir/passphrase" \
        --why "the disk failed and yesterday's backup was put back" --yes
}

recover_node() { # exit code, agency whose administrator signs
    recover "$1" node "$dir/$south/node/noded.ini" "$dir/$2/people/admin"
}

# Starts the node. The first gateway that it meets refuses it; then it leaves the other before that has judged.
start_refused_as() { # finding
    local name seen
    declare -A before=()
    for name in $gateways; do
        before[$name]=$(lines_of "$name")
    done
    seen=$(lines_of $south)
    start_node $south
    wait_for_new $south "$seen" 'error ledger-refuted'
    for name in $gateways; do
        tail -n "+$((before[$name] + 1))" "$dir/$name.log"
    done | grep "ledger-witnessed agency=$south.*finding=$1" >/dev/null || die "no gateway says $1"
}

# An ordinary day: both answer.
all_is_well() {
    lookup 0
    answered 40
}

# Both epochs hold, by themselves and as signed by witnesses, on a copied folder.
verified_apart() { # data folder
    rm -rf "$dir/apart"
    cp -a "$1/ledger" "$dir/apart"
    audit 0 verify "$dir/apart" "${trusted[@]}"
    prints 'cosigned to size'
}

node_put_back() {
    local seen
    ends 0 node_does backup "$dir/$south/node/backup"
    prints 'holds the ledger up to entry'
    [ ! -e "$dir/$south/node/backup/detections.db" ] || die "the detections are in the backup"
    ends 1 node_does backup "$dir/$south/node/backup"
    all_is_well
    all_is_well
    stop_one $south
    cp -a "$data/ledger" "$dir/$south/node/true"
    put_back "$data/ledger" "$dir/$south/node/backup/ledger"
    start_refused_as '\(rollback\|fork\)'
    wait_for_log "$dir/$south.log" 'nothing-is-answered' "${pids[$south]}"
    lookup "0|3"
    answered 20
    # Who looks at the node sees why.
    ends 1 node_does status
    prints "lacks what this node's key once signed"
    recover_node 1 $south
    says 'stop the daemon'
    # Not by a restart: it knows.
    stop_one $south
    seen=$(lines_of $south)
    start_node $south
    wait_for_new $south "$seen" ' started .*gateways=0' # it dials nobody
    stop_one $south
}

node_recovers() {
    local seen name
    # Not by anybody's signature.
    recover_node 1 ca.northport.pd
    recover_node 0 $south
    cat "$dir/out"
    prints 'epoch 2'
    [ -e "$data/ledger/epochs/1/log" ] || die "the old log is gone"
    restart_node $south
    for name in $gateways; do
        wait_for_new "$name" 0 'ledger-witnessed agency=ca.southgate.pd.*finding=epoch'
    done
    all_is_well
    stop_one $south
    verified_apart "$data"
    restart_node $south
    # Nor is there a way back to the first epoch, however true its log.
    stop_one $south
    cp -a "$data/ledger" "$dir/$south/node/second"
    put_back "$data/ledger" "$dir/$south/node/true"
    start_refused_as rollback
    stop_one $south
    put_back "$data/ledger" "$dir/$south/node/second"
    restart_node $south
    all_is_well
}

# Two copies of one folder, run one after the other.
node_forked() {
    local seen name
    stop_one $south
    cp -a "$data/ledger" "$dir/$south/node/twin"
    restart_node $south
    all_is_well
    stop_one $south
    # The twin grows past it unseen: no gateway listens.
    stop_one gw1
    stop_one gw2
    put_back "$data/ledger" "$dir/$south/node/twin"
    for _ in $(seq 12); do
        seen=$(lines_of $south)
        start_node $south
        wait_for_new $south "$seen" ' started '
        stop_one $south
    done
    for name in $gateways; do
        seen=$(lines_of "$name")
        start_gateway "$name"
        wait_for_new "$name" "$seen" 'node-attached.*agency=ca.northport.pd'
    done
    start_refused_as fork
    stop_one $south
    recover_node 0 $south
    prints 'epoch 3'
    restart_node $south
    all_is_well
}

gateway_put_back() {
    local seen name
    ends 0 "${as_daemon[@]}" comity gateway backup "$dir/gw1/backup" --config "$dir/gw1/gatewayd.ini"
    all_is_well
    all_is_well
    stop_one gw1
    put_back "$dir/gw1/data" "$dir/gw1/backup"
    seen=$(lines_of ca.northport.pd)
    start_gateway gw1
    wait_for_new ca.northport.pd "$seen" 'error ledger-witnessed gateway=gw1.*finding=\(rollback\|fork\)'
    wait_for_log "$dir/gw1.log" 'error ledger-refuted' "${pids[gw1]}"
    wait_for_log "$dir/gw1.log" "admits-nothing why=\"this gateway's ledger lacks" "${pids[gw1]}"
    # The client goes to the other.
    lookup 0
    answered 40
    stop_one gw1
    recover 1 gateway "$dir/gw1/gatewayd.ini" "$dir/$south/people/admin" # of an agency
    recover 0 gateway "$dir/gw1/gatewayd.ini" "$dir/operator/op"
    cat "$dir/out"
    stop_one gw2 # so that gw1 must answer
    start_gateway gw1
    for name in $owners; do
        wait_for_new "$name" 0 'ledger-witnessed gateway=gw1.*finding=epoch'
    done
    all_is_well
}

small_federation
for ini in "$dir"/gw?/gatewayd.ini "$dir"/ca.*/node/noded.ini; do
    printf '[witness]\nevery_s = 1\n' >>"$ini"
done
start_daemons
echo "ready after $SECONDS s"
all_is_well
node_put_back
echo "a node's old folder is refused"
node_recovers
echo "recovered, it is answered again"
node_forked
echo "a fork is refused"
gateway_put_back
echo "and a gateway's"
nothing_stored 8ABC123 "$reason" rivera
