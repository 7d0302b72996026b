#!/bin/bash
# Ledgers put back or run twice: found by the other side, told, refused until recovered; then searches count again.
# usage: witness.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

south=ca.southgate.pd
data=$dir/$south/node/data

lines_of() { wc -l <"$dir/$1.log"; }

put_back() { # what is in place, what replaces it
    rm -rf "$1"
    cp -a "$2" "$1"
}

node_does() { # command's words: as the node's user, as its agency's administrator where it signs
    "${as_daemon[@]}" comity node "$@" --config "$dir/$south/node/noded.ini"
}

recover_node() { # option...
    comity node recover --config "$dir/$south/node/noded.ini" --key "$dir/$south/people/admin.key" \
        --chain "$dir/$south/people/admin.pem" --passphrase-file "$dir/passphrase" \
        --why "the disk failed and yesterday's backup was put back" "$@" >"$dir/recovered" 2>&1
}

recover_gateway() { # name, option...
    local name=$1
    shift
    comity gateway recover --config "$dir/$name/gatewayd.ini" --key "$dir/operator/op.key" \
        --chain "$dir/operator/op.pem" --passphrase-file "$dir/passphrase" \
        --why "the disk failed and yesterday's backup was put back" "$@" >"$dir/recovered" 2>&1
}

# The first gateway that it meets refuses it; then it leaves the other before that has judged.
refused_as() { # finding
    cat "$dir"/gw?.log | grep "ledger-witnessed agency=$south.*finding=$1" >/dev/null || die "no gateway says $1"
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
    comity audit verify "$dir/apart" --directory "$dir/directory.bundle" --root "$dir/root/ca.pem" >"$dir/verified" 2>&1 ||
        die "not verified: $(cat "$dir/verified")"
    grep -q 'cosigned to size' "$dir/verified" || die "nobody has signed: $(cat "$dir/verified")"
}

node_put_back() {
    local seen
    node_does backup "$dir/$south/node/backup" >"$dir/backed-up" || die "no backup: $(cat "$dir/backed-up")"
    grep -q 'holds the ledger up to entry' "$dir/backed-up"
    [ ! -e "$dir/$south/node/backup/detections.db" ] || die "the detections are in the backup"
    ! node_does backup "$dir/$south/node/backup" 2>"$dir/twice" || die "a backup over another"
    all_is_well
    all_is_well
    stop_one $south
    cp -a "$data/ledger" "$dir/$south/node/true"
    put_back "$data/ledger" "$dir/$south/node/backup/ledger"
    seen=$(lines_of $south)
    start_node $south
    wait_for_new $south "$seen" 'error ledger-refuted'
    refused_as '\(rollback\|fork\)'
    wait_for_log "$dir/$south.log" 'nothing-is-answered' "${pids[$south]}"
    lookup "0|3"
    answered 20
    # Who looks at the node sees why.
    ! node_does status >"$dir/status" || die "it says that all is well"
    grep -q "lacks what this node's key once signed" "$dir/status" || die "the status: $(cat "$dir/status")"
    ! recover_node --yes || die "recovered while it runs"
    grep -q 'stop the daemon' "$dir/recovered" || die "it says: $(cat "$dir/recovered")"
    # Not by a restart: it knows.
    stop_one $south
    seen=$(lines_of $south)
    start_node $south
    wait_for_new $south "$seen" ' started '
    [ "$(tail -n "+$((seen + 1))" "$dir/$south.log" | grep -c 'info attached' || true)" = 0 ] || die "it dials"
    stop_one $south
}

node_recovers() {
    local seen name
    # Not by anybody's signature.
    ! comity node recover --config "$dir/$south/node/noded.ini" --key "$dir/ca.northport.pd/people/admin.key" \
        --chain "$dir/ca.northport.pd/people/admin.pem" --passphrase-file "$dir/passphrase" \
        --why "a stranger's reason" --yes >"$dir/recovered" 2>&1 || die "another agency's administrator recovered it"
    recover_node --yes || die "not recovered: $(cat "$dir/recovered")"
    cat "$dir/recovered"
    grep -q 'epoch 2' "$dir/recovered" || die "no epoch: $(cat "$dir/recovered")"
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
    seen=$(lines_of $south)
    start_node $south
    wait_for_new $south "$seen" 'error ledger-refuted'
    refused_as rollback
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
    seen=$(lines_of $south)
    start_node $south
    wait_for_new $south "$seen" 'error ledger-refuted'
    refused_as fork
    stop_one $south
    recover_node --yes || die "not recovered: $(cat "$dir/recovered")"
    grep -q 'epoch 3' "$dir/recovered" || die "no epoch: $(cat "$dir/recovered")"
    restart_node $south
    all_is_well
}

gateway_put_back() {
    local seen name
    "${as_daemon[@]}" comity gateway backup "$dir/gw1/backup" --config "$dir/gw1/gatewayd.ini" >"$dir/backed-up" ||
        die "no backup: $(cat "$dir/backed-up")"
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
    ! comity gateway recover --config "$dir/gw1/gatewayd.ini" --key "$dir/$south/people/admin.key" \
        --chain "$dir/$south/people/admin.pem" --passphrase-file "$dir/passphrase" --why "an agency's reason" \
        --yes >"$dir/recovered" 2>&1 || die "an agency's administrator recovered a gateway"
    recover_gateway gw1 --yes || die "not recovered: $(cat "$dir/recovered")"
    cat "$dir/recovered"
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
