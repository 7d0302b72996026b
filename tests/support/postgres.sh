#!/bin/sh
# Runs a command with a private PostgreSQL: postgres.sh COMMAND [ARGUMENT]...
# The server lives in a temporary folder, listens on a Unix socket there and nowhere else, and is gone when the command
# ends. CM_TEST_POSTGRES holds the conninfo of an empty database. No server of the machine is touched.
set -eu

if [ $# -eq 0 ]; then
    echo "usage: postgres.sh COMMAND [ARGUMENT]..." >&2
    exit 2
fi
bin=""
for folder in /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && bin=$folder
done
[ -n "$bin" ] || { echo "postgres.sh: no initdb in /usr/lib/postgresql: run deploy/dependencies test" >&2; exit 1; }

folder=$(mktemp -d /tmp/comity-postgres-XXXXXX)
server=""
clean() {
    if [ -n "$server" ]; then
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# initdb and the server refuse to run as root. The server goes when this script does, even by SIGKILL.
drop="setpriv --pdeathsig INT"
if [ "$(id -u)" -eq 0 ]; then
    drop="$drop --reuid nobody --regid nogroup --clear-groups"
    chown nobody:nogroup "$folder"
fi
cd "$folder"
$drop "$bin/initdb" -D "$folder/data" -U comity --auth=trust --no-sync --encoding=UTF8 --locale=C.UTF-8 \
    >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
$drop "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=200 \
    -c log_min_messages=log -c timezone=America/Los_Angeles >>"$folder/log" 2>&1 &
server=$!
timeout 30 tail --pid="$server" -n +1 -F "$folder/log" 2>/dev/null | grep -q "ready to accept connections" || {
    cat "$folder/log" >&2
    exit 1
}
cd "$OLDPWD"
CM_TEST_POSTGRES="host=$folder user=comity dbname=postgres"
export CM_TEST_POSTGRES
status=0
"$@" || status=$?
exit $status
