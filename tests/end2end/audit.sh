#!/bin/bash
# The ledgers that daemons wrote, as auditors read them: verified, shown, revealed, copied; altered, cut and put back;
# and nothing in them is changed by it.
# usage: audit.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

northport=$dir/ca.northport.pd/node/data
southgate=$dir/ca.southgate.pd/node/data
auditor=(--chain "$dir/ca.northport.pd/people/vega.pem" --key "$dir/ca.northport.pd/people/vega.key")
stranger=(--chain "$dir/ca.southgate.pd/people/vega.pem" --key "$dir/ca.southgate.pd/people/vega.key")

lines() { # how many objects show --json must have printed
    [ "$(grep -c '^{' "$dir/out")" = "$1" ] || die "$(grep -c '^{' "$dir/out") entries instead of $1: $(cat "$dir/out")"
}

state_of() { find "$1" -printf '%p %s %m %T@ %C@ %n\n' | sort; }

# What is opened in a folder while a command reads it.
opens_nothing_to_write() { # folder, arguments
    local folder=$1 before
    shift
    before=$(state_of "$folder")
    ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 strace -f -y -qq -e trace=file,ftruncate,fchmod,fchown,write,pwrite64 \
        -o "$dir/trace" comity audit "$@" >/dev/null 2>&1 </dev/null || die "audit $* failed under strace"
    if grep -F "$folder" "$dir/trace" | grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|unlink|rename|mkdir|chmod|chown|utime'; then
        die "audit $1 opens what it reads for writing"
    fi
    grep -qF "$folder/ledger/log" "$dir/trace" || die "strace saw nothing"
    [ "$before" = "$(state_of "$folder")" ] || die "audit $1 changed something"
}

in_use() {
    audit 1 verify "$northport"
    says 'running node or gateway writes it.*--chain'
    audit 0 show --json --plate 8ABC123 --kind node "${auditor[@]}" "$northport"
    lines 1
    audit 0 verify "${auditor[@]}" "$northport/ledger"
    prints 'nothing wrong was found'
    audit 1 show "${stranger[@]}" "$northport"
    audit 1 show --chain "$dir/ca.northport.pd/people/rivera.pem" --key "$dir/ca.northport.pd/people/rivera.key" "$northport"
    # Each look is in the ledger, also the next one's own, and what was looked for.
    audit 0 show --json --kind audit "${auditor[@]}" "$northport"
    grep -q '"person":"spiffe://valley.example/ca.northport.pd/auditor/vega"' "$dir/out" ||
        die "the audits are not recorded: $(cat "$dir/out")"
    grep -q -- '--plate 8ABC123' "$dir/out" || die "it is not recorded what was looked for: $(cat "$dir/out")"
    cp "$southgate/ledger/checkpoint" "$dir/seen"
    mkdir "$dir/old"
    cp -a "$southgate/ledger" "$dir/old/ledger"
    lookup 0
    answered 40
}

all_verify() {
    local folder
    for folder in "$northport" "$southgate" "$dir/gw1/data" "$dir/gw2/data"; do
        audit 0 verify "${trusted[@]}" "$folder"
        prints 'nothing wrong was found'
        prints 'tiles compared'
        [ ! -s "$dir/err" ] || die "verify says: $(cat "$dir/err")"
    done
    audit 0 verify "$northport"
    says 'NOBODY VOUCHES FOR THE KEY'
    audit 0 verify --vkey "$northport/ledger/vkey" "$northport"
    audit 3 verify --vkey "$southgate/ledger/vkey" "$northport"
}

shown() {
    audit 0 show --json --plate 8abc-123 --kind node "$southgate"
    lines 2
    grep -q "\"reason\":\"$reason\"" "$dir/out" || die "no reason in: $(cat "$dir/out")"
    audit 0 show --json --plate 8ABC124 "$southgate"
    lines 0
    audit 0 show --json --person investigator/rivera --kind query "$dir/gw1/data"
    audit 0 show --kind node "$southgate"
    prints 'permitted: yes'
    prints "reason: $reason"
    fits_terminal
}

revealed() {
    local index
    audit 0 show --json --plate 8ABC123 --kind node "$southgate"
    index=$(sed -n '1s/.*"index":\([0-9]*\).*/\1/p' "$dir/out")
    audit 0 reveal --value plate --out "$dir/revealed" "$southgate" "$index"
    ! grep -qE 'near the scene|rivera' "$dir/revealed" || die "more was revealed than the plate"
    audit 0 reveal --check "$dir/revealed" --vkey "$southgate/ledger/vkey"
    prints 'plate +8ABC123.*all of it is proved'
    audit 3 reveal --check "$dir/revealed" --vkey "$northport/ledger/vkey"
    sed 's/8ABC123/8ABC124/' "$dir/revealed" >"$dir/false"
    audit 3 reveal --check "$dir/false" --vkey "$southgate/ledger/vkey"
    says 'not what the entry committed to'
    audit 0 reveal --question "$southgate" "$index"
    cp "$dir/out" "$dir/whole"
    audit 0 reveal --check "$dir/whole"
    prints 'question signed by .*/rivera'
}

copied() {
    audit 0 export --to "$dir/copy" "$southgate"
    audit 0 verify "${trusted[@]}" "$dir/copy"
    prints ' 0 entries open'
    ! grep -raqE '8ABC123|near the scene|rivera' "$dir/copy" || die "a copy without keys holds clear values"
    audit 0 show --plate 8ABC123 "$dir/copy"
    says 'more may fit'
    audit 1 export --to "$dir/copy" "$southgate"
    audit 0 export --with-keys --jsonl --to "$dir/open" "$southgate"
    audit 0 show --json --plate 8ABC123 --kind node "$dir/open"
    lines 2
}

altered() {
    local middle
    cp -a "$southgate/ledger" "$dir/bad"
    middle=$(($(stat -c %s "$dir/bad/log") / 4))
    printf '\x55\xaa\x55' | dd of="$dir/bad/log" bs=1 seek="$middle" conv=notrunc status=none
    audit 3 verify "${trusted[@]}" "$dir/bad"
    prints 'WRONG.*NOT AS IT MUST BE'
    audit 3 export --to "$dir/none" "$dir/bad"
    [ ! -e "$dir/none" ] || die "a damaged ledger was copied"
    # The folder as it was before the second question: whole, but for what others keep.
    audit 0 verify "${trusted[@]}" "$dir/old/ledger"
    audit 0 verify --seen "$dir/seen" "${trusted[@]}" "$southgate"
    audit 3 verify --seen "$southgate/ledger/checkpoint" "${trusted[@]}" "$dir/old/ledger"
    prints 'cut, rewritten or put back'
}

# As the daemon leaves it once a day is over that long.
erased() {
    cp -a "$southgate/ledger" "$dir/erased"
    rm "$dir/erased/keys/"2*
    date -u -d '2 days' +%F >"$dir/erased/keys/erased"
    audit 0 verify "${trusted[@]}" "$dir/erased"
    prints ' 0 entries open'
    audit 0 show "$dir/erased"
    ! grep -qE '8ABC123|near the scene|rivera' "$dir/out" || die "erased values are shown"
    ! grep -raqE '8ABC123|near the scene|rivera' "$dir/erased" || die "erased values are there"
}

small_federation
for agency in $owners; do
    make_asker "$agency" auditor vega
done
start_daemons
echo "ready after $SECONDS s"
lookup 0
answered 40
in_use
stop_daemons
all_verify
echo "the four ledgers verify"
shown
revealed
copied
altered
erased
for folder in "$northport" "$dir/gw1/data"; do
    opens_nothing_to_write "$folder" verify "${trusted[@]}" "$folder"
    opens_nothing_to_write "$folder" show "$folder"
    opens_nothing_to_write "$folder" export --with-keys --to "$dir/copy.$(basename "$(dirname "$folder")")" "$folder"
done
echo "nothing was opened for writing, and nothing changed"
