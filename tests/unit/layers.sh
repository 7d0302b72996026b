#!/bin/sh
# Holds the includes to ARCHITECTURE.md: they point one way, and each library of others stays in its folder.
# usage: layers.sh SOURCE
set -eu
cd "$1"
failed=0
none() { # what it is, where it would stand, pattern, paths that may
    what=$1
    folders=$2
    pattern=$3
    shift 3
    # shellcheck disable=SC2086
    if found=$(grep -rnE "$pattern" --include='*.[ch]' $folders "$@" 2>/dev/null); then
        printf '%s:\n%s\n' "$what" "$found"
        failed=1
    fi
}
up() { # lower folder, what it must not include
    none "$1 includes what lies above it" "$1" "#include [<\"]($2)/"
}
above="gateway|nodes"
up proto "acl|$above"
up acl "$above"
up proto/base "proto/(codec|envelope|trust|ledger|rpc)"
up proto/codec "proto/(envelope|trust|ledger|rpc)"
up proto/envelope "proto/(trust|ledger|rpc)"
up proto/trust "proto/(ledger|rpc)"
up proto/ledger "proto/rpc"
up proto/rpc "proto/(trust|ledger)"
none "gateway includes nodes" gateway '#include [<"]nodes/'
none "nodes includes gateway" nodes '#include [<"]gateway/'
none "gRPC outside proto/rpc" "acl deploy gateway nodes proto" '#include <grpc/' --exclude-dir=rpc
none "a database outside nodes/store" "acl deploy gateway proto nodes" '#include <(libpq-fe|sqlite3)\.h' \
    --exclude-dir=store
none "generated messages outside the codecs" "acl deploy gateway nodes proto" '#include [<"].*\.pb-c\.h' \
    --exclude-dir=codec --exclude=health.c
none "the gateway reads rows" gateway 'cm_(row_(decode|open|key_parse)|detection)' --exclude-dir=client
none "calls that lose errors or bounds" "acl deploy gateway nodes proto" \
    '[^_a-z](strcpy|strcat|sprintf|gets|atoi|atol|strtok)\('
none "what changes the modes of other threads' files" "acl deploy gateway nodes proto" '[^_a-z]umask\('
exit $failed
