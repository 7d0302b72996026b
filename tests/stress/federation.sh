#!/bin/bash
# Gateways, nodes and clients built with ThreadSanitizer: the demo's federation and questions, many questions at once while
# rules and directory change, a gateway that dies. Any report fails it.
# usage: federation.sh FOLDER-OF-THE-PROGRAMS
set -euo pipefail
PATH="$1:$PATH"
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
here=$source_dir/deploy/demo.d
patience=60
detections=5000
export TZ=UTC

die() {
    printf 'federation.sh: %s\n' "$*" >&2
    exit 1
}
say() { printf '\n%s (%s s)\n' "$*" "$SECONDS"; }

umask 077
dir=$(mktemp -d /tmp/comity-stress-XXXXXX)
export TSAN_OPTIONS="ignore_noninstrumented_modules=1"
# shellcheck source=deploy/demo.d/parts.sh
. "$here/parts.sh"
# shellcheck source=deploy/demo.d/federation.sh
. "$here/federation.sh"
# shellcheck source=deploy/demo.d/situations.sh
. "$here/situations.sh"
gateways="gw1 gw2"

finish() {
    local code=$?
    stop_daemons
    if grep -lE 'ThreadSanitizer' "$dir"/*.log "$dir"/asked-* 2>/dev/null; then
        grep -hE -A 40 -m 1 'WARNING: ThreadSanitizer' "$dir"/*.log "$dir"/asked-* >&2 || true
        code=1
    fi
    [ $code -eq 0 ] || tail -n 5 "$dir"/*.log >&2
    if [ -n "${CM_KEEP:-}" ]; then
        echo "federation.sh: files are in $dir" >&2
    else
        rm -rf "$dir"
    fi
    exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM

# Someone who asks again and again; 3: an agency is missing, as while a gateway dies.
asker() { # name, agency/person, times
    local at code
    for at in $(seq "$3"); do
        code=0
        printf '%s\n' "$story" | comity lookup - --purpose vehicle-theft --case 26-1234 --since 30d --deadline 30 \
            --reason "stolen from the harbour car park" --config "$dir/${2%/*}/people/${2#*/}.ini" \
            --passphrase-file "$dir/passphrase" >>"$dir/asked-$1" 2>&1 || code=$?
        [[ $code = [03] ]] || die "question $at of $2 ended with $code: $(tail -n 5 "$dir/asked-$1")"
    done
}

# Questions under way while rules and directory change and a gateway goes and comes.
all_at_once() {
    local number askers=() asker serial=1 seen
    for number in 1 2 3; do
        asker "$number" ca.northport.pd/rivera 4 &
        askers+=($!)
        asker "$number-more" ca.milltown.pd/lindqvist 4 &
        askers+=($!)
    done
    for number in 4 5; do
        apply_rules ca.alder.so "$here/rules/ca.alder.so.rules"
        wait_for_log "$dir/gw2.log" "rules-standing.*agency=ca.alder.so sequence=$number" "${pids[gw2]}"
        serial=$((serial + 1))
        cp "$dir/directory.bundle" "$dir/previous"
        sign_directory --previous "$dir/previous"
        kill -HUP "${pids[gw1]}" "${pids[ca.northport.pd]}"
        wait_for_log "$dir/gw2.log" "directory-counts serial=$serial" "${pids[gw2]}"
    done
    stop_one gw1 KILL
    seen=$(wc -l <"$dir/gw1.log")
    start_gateway gw1
    for asker in "${askers[@]}"; do
        wait "$asker" || die "a question failed"
    done
    wait_for_log "$dir/gw1.log" ' started ' "${pids[gw1]}" "$seen"
}

# Each must end by itself, in order; 66 is the sanitizer's.
all_stop() {
    local name code
    for name in "${!pids[@]}"; do
        code=0
        kill -TERM "${pids[$name]}"
        wait "${pids[$name]}" || code=$?
        unset "pids[$name]"
        [ $code = 0 ] || die "$name ended with $code"
    done
}

bring_programs
say "making the federation"
make_federation
load_detections
say "starting"
start_daemons
run_situations >"$dir/asked-situations"
say "all at once"
all_at_once
all_stop
say "no report"
