# shellcheck shell=bash
# What the tests with real daemons share: a folder of their own, a federation in it, questions and what must come of them.
# Sourced by a test whose first argument is the folder of the programs.
set -euo pipefail
PATH="$1:$PATH"
test_name=$(basename "$0")
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
patience=60 # seconds: sanitizers and busy machines are slow
export TZ=UTC ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$source_dir/tests/lsan.supp:print_suppressions=0

die() {
    printf '%s: %s\n' "$test_name" "$*" >&2
    exit 1
}

umask 077
dir=$(mktemp -d "/tmp/comity-${test_name%.sh}-XXXXXX")
# shellcheck source=deploy/demo.d/parts.sh
. "$source_dir/deploy/demo.d/parts.sh"
bring_programs
# Whose keys audits believe.
# shellcheck disable=SC2034
trusted=(--directory "$dir/directory.bundle" --root "$dir/root/ca.pem")

finish() {
    local code=$? log
    ! declare -F at_end >/dev/null || at_end # what a test itself must end
    stop_daemons
    for log in "$dir"/*.log; do
        if grep -Eq 'runtime error|Sanitizer' "$log" 2>/dev/null; then
            echo "$test_name: a sanitizer's report in $log:" >&2
            grep -E -m 1 -A 60 'runtime error|Sanitizer' "$log" >&2
            code=1
        fi
        [ $code -eq 0 ] || tail -n 20 "$log" >&2
    done
    if [ -n "${CM_KEEP:-}" ]; then
        echo "$test_name: files are in $dir" >&2
    else
        rm -rf "$dir"
    fi
    exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM

# Somebody who asks a lot here: opening the key each time is what takes longest.
make_asker() { # agency, role, name
    make_person "$@"
    local key=$dir/$1/people/$3.key
    openssl pkey -in "$key" -passin "file:$dir/passphrase" -out "$key.open"
    mv "$key.open" "$key"
}

# Runs a command: output goes to $dir/out, messages to $dir/err; the exit code must be one of those given.
ends() { # exit code or "3|6", command...
    local expected=$1 code=0
    shift
    "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
    [[ "|$expected|" == *"|$code|"* ]] ||
        die "\"$*\" ended with $code instead of $expected: $(tail -n 20 "$dir/err" "$dir/out")"
}

prints() { # pattern that the last command's output must hold, wrapped or not
    grep -Eq -- "$1" < <(tr -s ' \n' '  ' <"$dir/out") || die "no \"$1\" in: $(cat "$dir/out" "$dir/err")"
}

says() { # pattern that its messages must hold
    grep -Eq -- "$1" < <(tr -s ' \n' '  ' <"$dir/err") || die "no \"$1\" in: $(cat "$dir/err")"
}

fits_terminal() { # no line of its output is wider than 80 columns
    ! grep -q '.\{81\}' "$dir/out" || die "wider than 80 columns: $(grep '.\{81\}' "$dir/out")"
}

audit() { # exit code, arguments
    local expected=$1
    shift
    ends "$expected" comity audit "$@"
}

# Asks as a person.
ask() { # agency/person, exit code, lookup's arguments
    local config=$dir/${1%/*}/people/${1#*/}.ini expected=$2
    shift 2
    ends "$expected" comity lookup "$@" --deadline 60 --config "$config"
}

answered() { # rows, number
    local came
    came=$(grep -c '^{"event_id"' "$dir/out" || true)
    [ "$came" = "$1" ] || die "$came rows instead of $1: $(tail -n 3 "$dir/err")"
}

# Nothing that a gateway or node writes, but the store's own rows, may hold what was asked, by whom and why.
nothing_stored() { # text...
    local text name found folders=()
    for name in $gateways; do
        folders+=("$dir/$name/data")
    done
    for name in $owners; do
        folders+=("$dir/$name/node/data")
    done
    for text in "$@"; do
        found=$(grep -raFl --exclude='detections.db' --exclude='detections.db-*' -e "$text" "${folders[@]}" "$dir"/*.log ||
            true)
        [ -z "$found" ] || die "\"$text\" stands in $found"
    done
    grep -qaF -e 8ABC123 "$dir/ca.northport.pd/node/data/detections.db"* || die "this search finds nothing at all"
}

# Northport asks, Southgate shares, two gateways; rivera is the investigator, the plate is in both stores. A test's
# $askers are local agencies that only ask, as their investigator quine.
small_federation() {
    federation=valley.example
    owners="ca.northport.pd ca.southgate.pd"
    agencies="$owners${askers:+ $askers}"
    gateways="gw1 gw2"
    local name agency now
    make_root
    for name in $gateways; do
        make_gateway "$name"
    done
    for agency in $agencies; do
        make_agency "$agency"
    done
    for agency in $owners; do
        make_node "$agency"
        make_asker "$agency" admin admin
    done
    for agency in ${askers:-}; do
        make_asker "$agency" investigator quine
    done
    make_asker ca.northport.pd investigator rivera
    quietly "directory" comity directory init --file "$dir/directory.json" --federation "$federation"
    list_agency ca.northport.pd local CA "Northport Police"
    list_agency ca.southgate.pd local CA "Southgate Police"
    for agency in ${askers:-}; do
        list_agency "$agency" local CA "$agency"
    done
    list_gateways
    sign_directory
    printf 'rules 1\nnode %s\npermit self to any for any back all see all\n' ca.northport.pd >"$dir/ca.northport.pd.rules"
    printf 'rules 1\nnode %s\npermit kind:local to lookup for homicide back 30 days see place, camera until 2030-01-01\n' \
        ca.southgate.pd >"$dir/ca.southgate.pd.rules"
    now=$(date +%s)000
    for agency in $owners; do
        apply_rules "$agency" "$dir/$agency.rules"
        {
            echo event_id,captured_at,plate_read,camera
            seq 20 | while read -r name; do echo "e-$name,$((now - name * 3600000)),8ABC123,cam-1"; done
        } >"$dir/$agency.csv"
    done
    give_to_daemons
    for agency in $owners; do
        [ ${#as_daemon[@]} -eq 0 ] || chmod 644 "$dir/$agency.csv"
        ingest "$agency" "$dir/$agency.csv" >"$dir/ingested"
    done
}

# A question with our plate and reason, as rivera unless told otherwise.
reason="seen near the scene twice"
lookup() { # exit code, lookup's arguments
    local expected=$1
    shift
    ask "${who:-ca.northport.pd/rivera}" "$expected" 8ABC123 --purpose homicide --case 26-1234 --reason "$reason" \
        --since 7d --format json "$@"
}

# Makes a signed question in $dir/NAME.request; probe.c says what can be changed in it.
sign_as() { # agency/person, name, change...
    local config=$dir/${1%/*}/people/${1#*/}.ini name=$2
    shift 2
    probe sign "$config" "$dir/passphrase" "$dir/$name.request" "$@" from=604800000 reason="$reason" ||
        die "$name: not signed"
}

# Sends it with somebody's certificate; what came of it must fit the pattern.
send_as() { # agency/person, gateway, name, pattern, times
    local config=$dir/${1%/*}/people/${1#*/}.ini got
    got=$(probe send "$config" "$dir/passphrase" "127.0.0.1:${ports[$2]}" "$dir/$3.request" "${5:-1}") || die "$3: not sent"
    [[ $got =~ $4 ]] || die "$3 at $2: expected \"$4\", got: $got"
    echo "$3 at $2: $got"
}

lines_of() { wc -l <"$dir/$1.log"; }

wait_for_new() { # daemon, lines of its log seen already, pattern
    wait_for_log "$dir/$1.log" "$3" "${pids[$1]}" "$2"
}

restart_node() { # agency: attached to both gateways again
    local name
    declare -A seen=()
    for name in $gateways; do
        seen[$name]=$(lines_of "$name")
    done
    start_node "$1"
    for name in $gateways; do
        wait_for_new "$name" "${seen[$name]}" "node-attached.*agency=$1"
    done
}

restart_gateway() { # name: both nodes attached again
    local agency seen
    seen=$(lines_of "$1")
    start_gateway "$1"
    for agency in $owners; do
        wait_for_new "$1" "$seen" "node-attached.*agency=$agency"
    done
}

restart() { # gateway or agency
    case $1 in
    *.*) restart_node "$1" ;;
    *) restart_gateway "$1" ;;
    esac
}

# How many questions all ledgers say were taken.
recorded() {
    local at
    for at in "$dir"/gw?/data/ledger "$dir"/ca.*/node/data/ledger; do
        rm -rf "$dir/recorded"
        mkdir "$dir/recorded"
        cp "$at/log" "$dir/recorded/log"
        comity-audit show --json --kind=query --kind=reach --kind=node "$dir/recorded" ||
            die "$at can't be read"
    done | wc -l
}

# Runs crooked.c in gw2's place.
start_crooked() {
    local folder=$dir/gw2
    mkdir -p "$folder/data/ledger"
    coproc crooked { exec crooked gw2 "127.0.0.1:${ports[gw2]}" "$folder/gw2.key" "$folder/gw2.pem" "$dir/root/ca.pem" \
        "$folder/data/ledger" 2>"$dir/gw2.log"; }
    # shellcheck disable=SC2154
    pids[gw2]=$crooked_PID
}

command_it() { # command; the answer goes to $answer
    echo "$*" >&"${crooked[1]}" || die "the dishonest gateway is gone: $(cat "$dir/gw2.log")"
    read -r -t 120 answer <&"${crooked[0]}" || die "no answer to \"$*\": $(cat "$dir/gw2.log")"
}

asks() { # agency, request, attempt, what comes of it
    command_it ask "$1" "$dir/$2.request" "$3"
    [ "${answer% digest=*}" = "$4" ] || die "$2 at $1: expected \"$4\", got \"$answer\""
    echo "$2 at $1: $answer"
}
