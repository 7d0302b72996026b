# Makes the demo's federation: keys where they are used, certificates, the signed directory, rules, daemons.
# Sourced by deploy/demo; uses $dir, $here, ${as_daemon[@]}, die.

federation=demo.example
agencies="ca.alder.so ca.harborview.plaza ca.milltown.pd ca.northport.pd nv.dryfork.pd us.transit"
owners="ca.alder.so ca.harborview.plaza ca.milltown.pd ca.northport.pd nv.dryfork.pd"
declare -A pids=()

quietly() { # what it is for, command: its output only when it fails
    local what=$1 out
    shift
    out=$("$@" 2>&1) || die "$what: $out"
}

fingerprint() { comity keys show "$1" | sed -n "s/^fingerprint *//p"; }

# As people do it: the request travels, its fingerprint is told by another channel.
certify() { # request, CA's folder
    quietly "signing $1" comity keys sign "$1" --ca "$2" --passphrase-file "$dir/passphrase" \
        --fingerprint "$(fingerprint "$1")"
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
name = gw1
[state]
folder = $folder/$3.state
INI
}

make_agency() { # id
    mkdir -p "$dir/$1"
    quietly "CA of $1" comity keys ca "$federation/$1" --out "$dir/$1/ca" \
        --passphrase-file "$dir/passphrase"
    certify "$dir/$1/ca/ca.csr" "$dir/root"
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
where = sqlite:$folder/data/detections.db
INI
}

make_gateway() {
    mkdir -p "$dir/gateway/data"
    quietly "gateway key" comity keys request --name "$federation/_/gateway/gw1" --out "$dir/gateway"
    certify "$dir/gateway/gw1.csr" "$dir/root"
    cat >"$dir/gateway/gatewayd.ini" <<INI
[gateway]
listen = 127.0.0.1:$port
data = $dir/gateway/data
key = $dir/gateway/gw1.key
chain = $dir/gateway/gw1.pem
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

sign_directory() {
    local crls=() agency
    for agency in $agencies; do
        crls+=(--crl "$dir/$agency/ca/crl.der")
    done
    quietly "signing the directory" comity directory sign --file "$dir/directory.json" \
        --key "$dir/operator/op.key" --chain "$dir/operator/op.pem" \
        --passphrase-file "$dir/passphrase" --root "$dir/root/ca.pem" "${crls[@]}" \
        --out "$dir/directory.bundle"
}

apply_rules() { # agency, rule file
    quietly "rules of $1" comity acl apply "$2" --key "$dir/$1/people/admin.key" \
        --chain "$dir/$1/people/admin.pem" --directory "$dir/directory.bundle" \
        --packs "$dir" --node-data "$dir/$1/node/data" \
        --passphrase-file "$dir/passphrase" --yes
}

# A port nobody listens on. Another program could take it first: the gateway then says so and the demo fails.
free_port() {
    local candidate
    for candidate in $(seq 47443 47543); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "no free port from 47443 to 47543"
}

make_federation() {
    local agency
    port=$(free_port)
    head -c 18 /dev/urandom | base64 >"$dir/passphrase"
    quietly "root" comity keys root "$federation" --out "$dir/root" \
        --passphrase-file "$dir/passphrase"
    mkdir -p "$dir/operator"
    quietly "operator's key" comity keys request --name "$federation/_/directory/op" \
        --out "$dir/operator" --passphrase-file "$dir/passphrase"
    certify "$dir/operator/op.csr" "$dir/root"
    make_gateway
    for agency in $agencies; do
        make_agency "$agency"
    done
    for agency in $owners; do
        make_node "$agency"
        make_person "$agency" admin admin
    done
    make_person ca.northport.pd investigator rivera
    make_person ca.northport.pd supervisor osei
    make_person ca.milltown.pd investigator lindqvist
    make_person nv.dryfork.pd investigator tanaka
    make_person us.transit investigator moreau
    quietly "directory" comity directory init --file "$dir/directory.json" --federation "$federation"
    list_agency ca.alder.so sheriff CA "Alder County Sheriff"
    list_agency ca.milltown.pd local CA "Milltown Police"
    list_agency ca.northport.pd local CA "Northport Police"
    list_agency nv.dryfork.pd local NV "Dry Fork Police"
    list_agency ca.harborview.plaza private CA "Harborview Plaza"
    list_agency us.transit federal "" "Transit Security Administration"
    quietly "listing the gateway" comity directory gateway add gw1 --file "$dir/directory.json" \
        --address "127.0.0.1:$port" --pin "$(comity keys pin "$dir/gateway/gw1.pem")"
    sign_directory
    for agency in $owners; do
        apply_rules "$agency" "$here/rules/$agency.rules"
    done
    give_to_daemons
}

# Daemons run as nobody: they get their own folders, and a way through to them.
give_to_daemons() {
    local agency
    [ ${#as_daemon[@]} -gt 0 ] || return 0
    chmod 711 "$dir" "$dir/root"
    chmod 644 "$dir/root/ca.pem" "$dir/directory.bundle"
    chown -R 65534:65534 "$dir/gateway"
    for agency in $owners; do
        chmod 711 "$dir/$agency"
        chown -R 65534:65534 "$dir/$agency/node"
    done
}

load_detections() {
    local agency
    mkdir "$dir/csv"
    stories=$(comity-demo-data --rows 200000 "$dir/csv") || die "no detections were made"
    chmod 711 "$dir/csv"
    chmod 644 "$dir"/csv/*.csv
    for agency in $owners; do
        "${as_daemon[@]}" comity node ingest "$dir/csv/$agency.csv" \
            --config "$dir/$agency/node/noded.ini" || die "$agency took not all detections"
    done
}

wait_for_log() { # log, pattern, process
    local tries
    for tries in $(seq 200); do
        grep -q "$2" "$1" 2>/dev/null && return 0
        kill -0 "$3" 2>/dev/null || break
        read -r -t 0.05 _ <> <(:) || true
    done
    tail -n 5 "$1" >&2
    die "no \"$2\" in $1"
}

start_node() { # agency
    "${as_daemon[@]}" comity-noded --config "$dir/$1/node/noded.ini" 2>>"$dir/$1.log" &
    pids[$1]=$!
}

start_daemons() {
    local agency
    "${as_daemon[@]}" comity-gatewayd --config "$dir/gateway/gatewayd.ini" 2>>"$dir/gateway.log" &
    pids[gateway]=$!
    for agency in $owners; do
        start_node "$agency"
    done
    for agency in $owners; do
        wait_for_log "$dir/gateway.log" "node-attached.*agency=$agency" "${pids[gateway]}"
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
