# shellcheck shell=bash disable=SC2034,SC2154 # variables come from and go to the files that source this
# Makes and runs a federation on one machine, step by step, as people would: shared by deploy/demo and the end-to-end
# tests. Sourced; uses $dir, $federation, $agencies, $owners, $gateways, die.

declare -A pids=() ports=() stores=()
# The daemons never run as root: started by root, they run as nobody.
as_daemon=()
if [ "$(id -u)" -eq 0 ]; then
    as_daemon=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
fi

quietly() { # what it is for, command: its output only when it fails
    local what=$1 out
    shift
    out=$("$@" 2>&1) || die "$what: $out"
}

# Programs built where daemons may not look, such as root's home, are copied to where they may.
bring_programs() {
    local built program
    built=$(dirname "$(command -v comity-noded)") || die "comity-noded is not built"
    if [ ${#as_daemon[@]} -eq 0 ] || "${as_daemon[@]}" test -x "$built/comity-noded"; then
        return
    fi
    chmod 711 "$dir"
    mkdir -p "$dir/bin"
    for program in "$built"/comity*; do
        install -m 755 "$program" "$dir/bin"
    done
    chmod 755 "$dir/bin"
    PATH=$dir/bin:$PATH
}

fingerprint() { comity keys show "$1" | sed -n "s/^fingerprint *//p"; }

# As people do it: the request travels, its fingerprint is told by another channel.
certify() { # request, CA's folder, option...
    local request=$1 ca=$2
    shift 2
    quietly "signing $request" comity keys sign "$request" --ca "$ca" --passphrase-file "$dir/passphrase" \
        --fingerprint "$(fingerprint "$request")" "$@"
}

make_root() {
    head -c 18 /dev/urandom | base64 >"$dir/passphrase"
    quietly "root" comity keys root "$federation" --out "$dir/root" \
        --passphrase-file "$dir/passphrase"
    mkdir -p "$dir/operator"
    quietly "operator's key" comity keys request --name "$federation/_/directory/op" \
        --out "$dir/operator" --passphrase-file "$dir/passphrase"
    certify "$dir/operator/op.csr" "$dir/root"
}

make_person() { # agency, role, name
    local folder=$dir/$1/people
    mkdir -p "$folder"
    quietly "key of $3" comity keys request --name "$federation/$1/$2/$3" --out "$folder" \
        --passphrase-file "$dir/passphrase"
    certify "$folder/$3.csr" "$dir/$1/ca"
    cat >"$folder/$3.ini" <<INI
[federation]
root = $dir/root/ca.pem
directory = $dir/directory.bundle
[identity]
key = $folder/$3.key
chain = $folder/$3.pem
[gateways]
$(for name in $gateways; do echo "name = $name"; done)
[state]
folder = $folder/$3.state
INI
}

make_agency() { # id
    mkdir -p "$dir/$1"
    quietly "CA of $1" comity keys ca "$federation/$1" --out "$dir/$1/ca" \
        --passphrase-file "$dir/passphrase"
    certify "$dir/$1/ca/ca.csr" "$dir/root"
    make_crl "$1"
}

make_crl() { # id
    quietly "CRL of $1" comity keys crl --ca "$dir/$1/ca" --passphrase-file "$dir/passphrase"
}

make_node() { # id
    local folder=$dir/$1/node
    mkdir -p "$folder/data/rules"
    quietly "node key of $1" comity keys request --name "$federation/$1/node/node1" --out "$folder"
    certify "$folder/node1.csr" "$dir/$1/ca"
    cat >"$folder/noded.ini" <<INI
[node]
agency = $1
data = $folder/data
key = $folder/node1.key
chain = $folder/node1.pem
root = $dir/root/ca.pem
directory = $dir/directory.bundle
[store]
where = ${stores[$1]:-sqlite:$folder/data/detections.db}
INI
}

make_gateway() { # name
    local folder=$dir/$1
    ports[$1]=$(free_port)
    mkdir -p "$folder/data"
    quietly "key of $1" comity keys request --name "$federation/_/gateway/$1" --out "$folder"
    certify "$folder/$1.csr" "$dir/root"
    cat >"$folder/gatewayd.ini" <<INI
[gateway]
listen = 127.0.0.1:${ports[$1]}
data = $folder/data
key = $folder/$1.key
chain = $folder/$1.pem
root = $dir/root/ca.pem
directory = $dir/directory.bundle
INI
}

list_agency() { # id, kind, state, name
    local pins=(--ca-pin "$(comity keys pin "$dir/$1/ca/ca.pem")")
    if [ -d "$dir/$1/node" ]; then
        pins+=(--node-pin "$(comity keys pin "$dir/$1/node/node1.pem")")
    fi
    quietly "listing $1" comity directory add "$1" --file "$dir/directory.json" --name "$4" \
        --kind "$2" ${3:+--state "$3"} --case-pattern '99-9999' "${pins[@]}"
}

list_gateways() {
    local name
    for name in $gateways; do
        quietly "listing $name" comity directory gateway add "$name" --file "$dir/directory.json" \
            --address "127.0.0.1:${ports[$name]}" --pin "$(comity keys pin "$dir/$name/$name.pem")"
    done
}

sign_directory() { # option...
    local crls=() agency
    for agency in $agencies; do
        [ ! -e "$dir/$agency/ca/crl.der" ] || crls+=(--crl "$dir/$agency/ca/crl.der")
    done
    quietly "signing the directory" comity directory sign --file "$dir/directory.json" \
        --key "$dir/operator/op.key" --chain "$dir/operator/op.pem" \
        --passphrase-file "$dir/passphrase" --root "$dir/root/ca.pem" "${crls[@]}" \
        --out "$dir/directory.bundle" "$@"
    chmod 644 "$dir/directory.bundle"
}

apply_rules() { # agency, rule file
    quietly "rules of $1" comity acl apply "$2" --key "$dir/$1/people/admin.key" \
        --chain "$dir/$1/people/admin.pem" --directory "$dir/directory.bundle" --root "$dir/root/ca.pem" \
        --packs "$dir" --node-data "$dir/$1/node/data" \
        --passphrase-file "$dir/passphrase" --yes
}

# A port nobody listens on. Another program could take it first: the gateway then says so and the caller fails.
free_port() {
    local candidate taken=" ${ports[*]} "
    for candidate in $(shuf -i 20000-32000 -n 100); do
        [[ $taken != *" $candidate "* ]] || continue
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "no free port from 20000 to 32000"
}

# Daemons run as nobody: they get their own folders, and a way through to them.
give_to_daemons() {
    local name
    [ ${#as_daemon[@]} -gt 0 ] || return 0
    chmod 711 "$dir" "$dir/root"
    chmod 644 "$dir/root/ca.pem"
    for name in $gateways; do
        chown -R 65534:65534 "$dir/$name"
    done
    for name in $owners; do
        chmod 711 "$dir/$name"
        chown -R 65534:65534 "$dir/$name/node"
    done
}

# ingest AGENCY FILE
ingest() {
    "${as_daemon[@]}" comity node ingest "$2" --config "$dir/$1/node/noded.ini" ||
        die "$1 took not all detections"
}

# A log as it is written: ends as soon as the process is gone, or past $patience seconds.
follow() { # log, process, lines to pass over
    exec timeout "${patience:-10}" tail --pid="$2" -s 0.2 -n "+$(($3 + 1))" -F "$1" 2>/dev/null
}

wait_for_log() { # log, pattern, process, [lines to pass over]
    grep -q -- "$2" < <(follow "$1" "$3" "${4:-0}") && return 0
    tail -n 5 "$1" >&2
    die "no \"$2\" in $1"
}

start_node() { # agency
    "${as_daemon[@]}" comity-noded --config "$dir/$1/node/noded.ini" 2>>"$dir/$1.log" &
    pids[$1]=$!
}

start_gateway() { # name
    "${as_daemon[@]}" comity-gatewayd --config "$dir/$1/gatewayd.ini" 2>>"$dir/$1.log" &
    pids[$1]=$!
}

start_daemons() {
    local name agency
    for name in $gateways; do
        start_gateway "$name"
    done
    for agency in $owners; do
        start_node "$agency"
    done
    for name in $gateways; do
        for agency in $owners; do
            wait_for_log "$dir/$name.log" "node-attached.*agency=$agency" "${pids[$name]}"
        done
    done
}

stop_one() { # name, signal
    [ -n "${pids[$1]:-}" ] || return 0
    kill -s "${2:-TERM}" "${pids[$1]}" 2>/dev/null || true
    wait "${pids[$1]}" 2>/dev/null || true
    unset "pids[$1]"
}

stop_daemons() {
    local name
    for name in "${!pids[@]}"; do
        stop_one "$name"
    done
}
