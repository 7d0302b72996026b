#!/bin/sh
# A federation made with comity keys and comity directory alone, checked by openssl.
# usage: keys.sh FOLDER-OF-THE-PROGRAMS
set -eu
PATH="$1:$PATH"
dir=$(mktemp -d /tmp/comity-keys-XXXXXX)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

fail() {
    echo "keys.sh: $*" >&2
    exit 1
}

# Runs a command that must fail with this exit code and say this.
refused() { # code, words, command...
    code=$1 words=$2
    shift 2
    set +e
    "$@" >out 2>err </dev/null
    got=$?
    set -e
    [ "$got" = "$code" ] || fail "'$*' ended with $got, not $code: $(cat err)"
    tr -s ' \n' '  ' <err | grep -q -- "$words" || fail "'$*' didn't say '$words': $(cat err)"
}

fingerprint() {
    comity keys show "$1" | sed -n 's/^fingerprint *//p'
}

sign() { # request, CA's folder, option...
    request=$1 ca=$2
    shift 2
    comity keys sign "$request" --ca "$ca" --fingerprint "$(fingerprint "$request")" \
        --passphrase-file pass "$@" >/dev/null
}

leaf() { # name, folder, CA's folder
    comity keys request --name "$1" --out "$2" ${4:-} >/dev/null
    sign "$2/${1##*/}.csr" "$3"
}

umask 077
echo 'correct horse battery staple' >pass
echo 'another passphrase' >wrong
F=valley.example

# Root, two agencies, people, nodes, a gateway, a directory signer.
comity keys root $F --out root --passphrase-file pass >/dev/null
for agency in ca.northport.pd ca.milltown.pd; do
    comity keys ca $F/$agency --out $agency --passphrase-file pass >/dev/null
    sign $agency/ca.csr root
    comity keys request --name $F/$agency/investigator/jdoe --out $agency/jdoe \
        --passphrase-file pass >/dev/null
    sign $agency/jdoe/jdoe.csr $agency
    leaf $F/$agency/node/n1 $agency/node $agency
    comity keys crl --ca $agency --passphrase-file pass >/dev/null
done
leaf $F/_/gateway/gw1 gateway root
comity keys request --name $F/_/directory/op --out op --passphrase-file pass >/dev/null
sign op/op.csr root

# Private keys are theirs alone; people's are encrypted, daemons' are not.
for key in root/ca.key ca.northport.pd/ca.key ca.northport.pd/jdoe/jdoe.key gateway/gw1.key; do
    [ "$(stat -c %a $key)" = 600 ] || fail "$key can be read by others"
done
grep -q 'BEGIN ENCRYPTED PRIVATE KEY' ca.northport.pd/jdoe/jdoe.key || fail "jdoe's key is open"
grep -q 'BEGIN PRIVATE KEY' gateway/gw1.key || fail "the gateway's key is not for a daemon"
openssl pkey -in ca.northport.pd/jdoe/jdoe.key -passin file:pass -noout || fail "not its passphrase"
! openssl pkey -in ca.northport.pd/jdoe/jdoe.key -passin file:wrong -noout 2>/dev/null ||
    fail "any passphrase opens jdoe's key"

# OpenSSL agrees, path, purpose and revocation.
for agency in ca.northport.pd ca.milltown.pd; do
    openssl crl -inform der -in $agency/crl.der -out $agency/crl.pem
    for cert in $agency/jdoe/jdoe.pem $agency/node/n1.pem; do
        openssl verify -x509_strict -purpose sslclient -CAfile root/ca.pem \
            -untrusted $agency/ca.pem -CRLfile $agency/crl.pem -crl_check $cert >/dev/null ||
            fail "openssl does not verify $cert"
    done
    openssl crl -in $agency/crl.pem -CAfile $agency/ca.pem -noout 2>&1 | grep -q 'verify OK' ||
        fail "openssl does not verify $agency's revocation list"
done
openssl verify -x509_strict -purpose sslserver -verify_hostname gateway.$F -CAfile root/ca.pem \
    gateway/gw1.pem >/dev/null || fail "openssl does not verify the gateway"
openssl x509 -in ca.northport.pd/jdoe/jdoe.pem -noout -ext subjectAltName |
    grep -q "URI:spiffe://$F/ca.northport.pd/investigator/jdoe" || fail "jdoe's name is not in the SAN"
openssl x509 -in ca.northport.pd/ca.pem -noout -ext basicConstraints | grep -q 'CA:TRUE, pathlen:0' ||
    fail "an agency CA could make CAs"
pin=$(openssl x509 -in gateway/gw1.pem -noout -pubkey | openssl pkey -pubin -outform der |
    openssl dgst -sha256 -r | cut -d' ' -f1)
[ "$(comity keys pin gateway/gw1.pem)" = "$pin" ] || fail "the pin is not the key's SHA-256"
told=$(openssl req -in gateway/gw1.csr -outform der | openssl dgst -sha256 -r | cut -d' ' -f1)
[ "$(fingerprint gateway/gw1.csr | tr -d -)" = "$told" ] || fail "the fingerprint is not SHA-256"
comity keys sign gateway/gw1.csr --ca root --fingerprint "$(echo "$told" | tr a-f A-F)" \
    --passphrase-file pass --out again.pem >/dev/null || fail "a fingerprint in capitals is refused"

# What must not be signed.
refused 1 'not the one you were told' comity keys sign gateway/gw1.csr --ca root \
    --fingerprint "$(fingerprint op/op.csr)" --passphrase-file pass
refused 1 "can't vouch" sign ca.milltown.pd/jdoe/jdoe.csr ca.northport.pd
refused 1 "can't vouch" sign gateway/gw1.csr ca.northport.pd
refused 1 "can't vouch" sign ca.northport.pd/jdoe/jdoe.csr root
refused 1 'passphrase' comity keys sign gateway/gw1.csr --ca root \
    --fingerprint "$(fingerprint gateway/gw1.csr)" --passphrase-file wrong
openssl req -new -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.csr -subj /CN=x 2>/dev/null \
    -addext "subjectAltName=URI:spiffe://$F/_/gateway/gw2"
refused 1 'P-256' comity keys sign rsa.csr --ca root --fingerprint 00 --passphrase-file pass
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout two.key -out two.csr \
    -subj /CN=x -addext "subjectAltName=URI:spiffe://$F/_/gateway/gw2,DNS:bank.example" 2>/dev/null
refused 1 'exactly one SPIFFE name' sign two.csr root

# What the requester put in beside key and name is left out.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca2.key -out ca2.csr \
    -subj /CN=evil -addext "subjectAltName=URI:spiffe://$F/_/gateway/gw3" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign 2>/dev/null
sign ca2.csr root
openssl x509 -in ca2.pem -noout -text >text
grep -q 'CA:FALSE' text || fail "a requester made itself a CA"
! grep -Eq 'CA:TRUE|Certificate Sign|evil' text || fail "a requester chose its own extensions"

# Nothing is overwritten, and secrets aren't read from files of others.
refused 1 'exists already' comity keys request --name $F/_/gateway/gw1 --out gateway
refused 1 'exists already' comity keys root $F --out root --passphrase-file pass
chmod 644 pass
refused 1 'others may read' comity keys crl --ca ca.northport.pd --passphrase-file pass
chmod 600 pass
refused 1 'passphrase-file' setsid -w comity keys crl --ca ca.northport.pd
refused 2 'fingerprint is missing' comity keys sign gateway/gw1.csr --ca root
refused 2 'not a command' comity kyes
mv ca.milltown.pd/ca.json saved
refused 1 'backup' comity keys crl --ca ca.milltown.pd --passphrase-file pass
mv saved ca.milltown.pd/ca.json

# The directory: edited by commands and by hand, signed, verified against the root.
comity directory init --federation $F
for agency in ca.northport.pd ca.milltown.pd; do
    comity directory add $agency --name "$agency's police" --kind local --state CA \
        --ca-pin "$(comity keys pin $agency/ca.pem)" \
        --node-pin "$(comity keys pin $agency/node/n1.pem)"
done
comity directory gateway add gw1 --address 127.0.0.1:7400 --pin "$pin"
comity directory purpose set homicide --fan-out-cap 500
refused 1 'in the directory already' comity directory add ca.milltown.pd
refused 1 'no such agency' comity directory set ca.nowhere.pd --state CA
refused 1 'state' comity directory set ca.milltown.pd --state ZZ
refused 1 'yes nor no' comity directory set ca.milltown.pd --active maybe
comity directory show | grep -q 'ca.milltown.pd  *local  *CA' || fail "show doesn't list Milltown"
publish() { # bundle, option...
    bundle=$1
    shift
    comity directory sign --key op/op.key --chain op/op.pem --passphrase-file pass --out "$bundle" \
        --root root/ca.pem "$@"
}
crls="--crl ca.northport.pd/crl.der --crl ca.milltown.pd/crl.der"
publish one --dry-run $crls | grep -q '^+ agency .*ca.milltown.pd' || fail "sign doesn't show what is new"
[ ! -e one ] || fail "a dry run signed"
publish one $crls >/dev/null
comity directory show one | grep -q '^serial  *1$' || fail "the first serial is not 1"
refused 1 'serial 1 already' publish one $crls
comity directory retire ca.milltown.pd
sed -i "s/ca.northport.pd's police/Northport Police/" directory.json
publish two --previous one --crl ca.northport.pd/crl.der >changes
grep -q '^~ agency ca.milltown.pd: active true -> false' changes || fail "sign doesn't show what changed"
grep -q 'Northport Police' changes || fail "an edit by hand got lost"
comity directory show two | grep -q '^serial  *2$' || fail "the second serial is not 2"

# Ids are never reused, CRLs and signers are checked.
cp directory.json kept.json
comity directory set ca.milltown.pd --active yes --ca-pin "$pin"
refused 1 'never reused' publish three --previous two
cp kept.json directory.json
sed 's/ca.milltown.pd/ca.newtown.pd/g' kept.json >directory.json
refused 1 'never reused' publish three --previous two
cp kept.json directory.json
refused 1 'pinned' publish three --previous two --crl ca.northport.pd/crl.der \
    --crl ca.northport.pd/crl.der
refused 1 'no directory signer' comity directory sign --key ca.northport.pd/jdoe/jdoe.key \
    --chain ca.northport.pd/jdoe/jdoe.pem --passphrase-file pass --out three --previous two
refused 1 'before the directory would' publish three --previous two --days 366
refused 1 'agency.*stat' sh -c 'sed "s/\"state\"/\"stat\"/" kept.json >bad.json &&
    comity directory show bad.json'

# A revoked certificate fails with the next list, and with that list in the directory.
comity keys revoke ca.northport.pd/jdoe/jdoe.pem --ca ca.northport.pd --reason key-compromise >/dev/null
refused 1 "didn't issue" comity keys revoke ca.milltown.pd/jdoe/jdoe.pem --ca ca.northport.pd
comity keys revoke spiffe://$F/ca.northport.pd/node/n1 --ca ca.northport.pd >/dev/null
comity keys crl --ca ca.northport.pd --passphrase-file pass | grep -q '^number  *2$' ||
    fail "the second list is not number 2"
openssl crl -inform der -in ca.northport.pd/crl.der -out ca.northport.pd/crl.pem
for cert in jdoe/jdoe.pem node/n1.pem; do
    refused 2 'certificate revoked' openssl verify -CAfile root/ca.pem \
        -untrusted ca.northport.pd/ca.pem -CRLfile ca.northport.pd/crl.pem -crl_check \
        ca.northport.pd/$cert
done
publish three --previous two --crl ca.northport.pd/crl.der >/dev/null
echo "keys.sh: all passed"
