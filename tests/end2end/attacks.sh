#!/bin/bash
# Questions that somebody forged, altered, replayed or may not ask, against real daemons.
# usage: attacks.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

rivera=ca.northport.pd/rivera

# Whatever name the certificate is to carry, signed by that agency's CA: what a CA gone bad can do.
forge() { # agency whose people have it, person, SPIFFE name, CA's agency, days
    local folder=$dir/$1/people ca=$dir/$4/ca
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$folder/$2.key" \
        -out "$folder/$2.csr" -subj "/CN=$2" 2>/dev/null
    cat >"$folder/$2.ext" <<EXT
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = URI:spiffe://$3
authorityKeyIdentifier = keyid
EXT
    openssl x509 -req -in "$folder/$2.csr" -CA "$ca/ca.pem" -CAkey "$ca/ca.key" -passin "file:$dir/passphrase" \
        -days "$5" -extfile "$folder/$2.ext" -set_serial 0x4142434445464748 -out "$folder/$2.pem" 2>"$dir/openssl" ||
        die "$(cat "$dir/openssl")"
    cat "$ca/ca.pem" >>"$folder/$2.pem"
    sed "s/rivera/$2/g" "$dir/ca.northport.pd/people/rivera.ini" | sed "s#ca.northport.pd/people#$1/people#" >"$folder/$2.ini"
}

altered() {
    sign_as $rivera altered alter=8ABC123:8ABC124
    send_as $rivera gw1 altered '^status=unauthenticated '
    sign_as $rivera relabelled alter=vnd.comity.query.v1:vnd.comity.reach.v1
    send_as $rivera gw1 relabelled '^status=invalid field=query\.payload_type '
    sign_as $rivera other-family family=reach
    send_as $rivera gw1 other-family '^status=invalid field=query\.payload_type '
    sign_as $rivera unknown-field append=e20301ff
    send_as $rivera gw1 unknown-field '^status=invalid field=query'
    sign_as $rivera doubled append=ba010b6e6f7468696e67206f6e65
    send_as $rivera gw1 doubled '^status=invalid field=reason '
    sign_as $rivera tail tail=9a0601ff
    send_as $rivera gw1 tail '^status=invalid '
    sign_as $rivera other-action varint=10:2
    send_as $rivera gw1 other-action '^status=invalid field=selector '
}

forged() {
    forge ca.northport.pd impostor $federation/ca.northport.pd/investigator/rivera ca.southgate.pd 30
    sign_as ca.northport.pd/impostor forged
    send_as $rivera gw1 forged '^status=unauthenticated '
    send_as ca.northport.pd/impostor gw1 forged '^status=(unauthenticated|unavailable) '
    forge ca.northport.pd lapsed $federation/ca.northport.pd/investigator/lapsed ca.northport.pd -1
    sign_as ca.northport.pd/lapsed expired
    send_as $rivera gw1 expired '^status=unauthenticated '
    # Of the right CA, but not its own query; and one whose role may not ask.
    sign_as $rivera stolen
    send_as ca.southgate.pd/admin gw1 stolen '^status=forbidden '
    sign_as ca.northport.pd/admin by-admin
    send_as ca.northport.pd/admin gw1 by-admin '^status=forbidden '
}

stale() {
    sign_as $rivera old issued=70000
    send_as $rivera gw1 old '^status=stale '
    sign_as $rivera early issued=-60000
    send_as $rivera gw1 early '^status=stale '
    sign_as $rivera for-gw2 gateway=gw2
    send_as $rivera gw1 for-gw2 '^status=stale field=gateway '
    sign_as $rivera ahead serial=99
    send_as $rivera gw1 ahead '^status=stale '
}

replayed() {
    sign_as $rivera once life=120000
    send_as $rivera gw1 once '^status=ok field= rows=40 accepted=1 '
    send_as $rivera gw1 once '^status=replayed '
    send_as $rivera gw2 once '^status=stale field=gateway '
    sign_as $rivera race life=120000
    send_as $rivera gw1 race 'status=(ok field= rows=40|replayed)' 8 >"$dir/race"
    [[ $(grep -o 'status=ok' "$dir/race" | wc -l) = 1 && $(grep -o 'status=replayed' "$dir/race" | wc -l) = 7 ]] ||
        die "eight at once: $(cat "$dir/race")"
    # Neither a clean stop nor a crash forgets it, at gateway and nodes.
    local signal
    for signal in TERM KILL; do
        stop_one gw1 $signal
        restart_gateway gw1
        send_as $rivera gw1 once '^status=replayed '
        send_as $rivera gw1 race '^status=replayed '
    done
}

small_federation
start_daemons
echo "ready after $SECONDS s"
before=$(recorded)
altered
forged
stale
[ "$(recorded)" = "$before" ] || die "a refused question is in a ledger"
replayed
lookup 0
answered 40
nothing_stored 8ABC123 8ABC124 "$reason" rivera impostor lapsed
echo "all refused, nothing stored"
