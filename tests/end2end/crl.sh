#!/bin/bash
# An agency whose revocation list has run out, and one that never gave any: its people are refused at the gateway, and at the
# node too when a gateway asks all the same.
# usage: crl.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

lapsed=ca.alder.so
fresh=ca.harbor.pd
silent=ca.milltown.pd
askers="$lapsed $fresh $silent"

make_crl() { # id
    [ "$1" = "$silent" ] || quietly "CRL of $1" comity keys crl --ca "$dir/$1/ca" --passphrase-file "$dir/passphrase"
}

# Signed as it ought to be, for so many seconds only.
brief_crl() { # seconds
    local ca=$dir/$lapsed/ca
    if [ ! -e "$dir/number" ]; then
        : >"$dir/index"
        echo 10 >"$dir/number"
    fi
    cat >"$dir/crl.ini" <<INI
[ca]
default_ca = it
[it]
database = $dir/index
crlnumber = $dir/number
default_md = sha256
certificate = $ca/ca.pem
private_key = $ca/ca.key
crl_extensions = list
[list]
authorityKeyIdentifier = keyid
INI
    openssl ca -config "$dir/crl.ini" -gencrl -passin "file:$dir/passphrase" -crlsec "$1" -out "$dir/crl.pem" \
        2>"$dir/openssl" || die "$(cat "$dir/openssl")"
    openssl crl -in "$dir/crl.pem" -outform DER -out "$ca/crl.der"
}

spread() { # serial: signs the next directory with the lists as they are, and sees it come to everybody
    local name
    cp "$dir/directory.bundle" "$dir/previous"
    sign_directory --previous "$dir/previous"
    kill -HUP "${pids[gw1]}"
    for name in gw1 $owners; do
        wait_for_log "$dir/$name.log" "directory-counts serial=$1" "${pids[$name]}"
    done
}

# The gateway, and the node whatever gateway asks it.
refused_everywhere() { # agency, serial
    local before
    before=$(recorded)
    sign_as "$1/quine" "$1-$2" serial="$2"
    send_as "$1/quine" gw1 "$1-$2" '^status=(unauthenticated|unavailable) '
    send_as "$fresh/quine" gw1 "$1-$2" '^status=unauthenticated .*accepted=0 '
    [ "$(recorded)" = "$before" ] || die "it is in a ledger"
    sign_as "$1/quine" "$1-$2-gw2" gateway=gw2 serial="$2"
    asks ca.southgate.pd "$1-$2-gw2" 1 'refused=unauthenticated rows=0'
}

answered_everywhere() { # agency, serial
    sign_as "$1/quine" "$1-$2" serial="$2"
    send_as "$1/quine" gw1 "$1-$2" '^status=ok field= rows=20 accepted=1 '
    sign_as "$1/quine" "$1-$2-gw2" gateway=gw2 serial="$2"
    asks ca.southgate.pd "$1-$2-gw2" 1 'answered= rows=20'
}

node_status() { # exit code, in words and for programs
    ends "$1" comity node status --json --config "$dir/ca.southgate.pd/node/noded.ini"
    ends "$1" comity node status --config "$dir/ca.southgate.pd/node/noded.ini"
}

small_federation
start_crooked
gateways=gw1
start_daemons
echo "ready after $SECONDS s"
answered_everywhere $fresh 1
answered_everywhere $lapsed 1
refused_everywhere $silent 1
node_status 0

brief_crl 20
until_s=$(($(date +%s) + 20))
spread 2
while [ "$(date +%s)" -le $until_s ]; do
    read -r -t 0.2 _ <> <(:) || true
done
refused_everywhere $lapsed 2
answered_everywhere $fresh 2
node_status 1
prints "! the revocation list of $lapsed: it has ended"

# With a new list it goes on.
brief_crl 3600
spread 3
answered_everywhere $lapsed 3
refused_everywhere $silent 3
gateways="gw1 gw2"
nothing_stored 8ABC123 "$reason" quine
echo "no fresh list, no answer"
