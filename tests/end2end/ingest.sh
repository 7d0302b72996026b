#!/bin/sh
# Made-up detections through comity node ingest into a store: all of them, once, whatever happens in between.
# usage: ingest.sh FOLDER-OF-THE-PROGRAMS   (on PostgreSQL under tests/support/postgres.sh)
set -eu
PATH="$1:$PATH"
dir=$(mktemp -d /tmp/comity-ingest-XXXXXX)
reader=""
trap '[ -z "$reader" ] || kill "$reader" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"

fail() {
    echo "ingest.sh: $*" >&2
    exit 1
}

owner=ca.northport.pd
store="sqlite:$dir/n.db"
[ -z "${CM_TEST_POSTGRES:-}" ] || store="postgres:$CM_TEST_POSTGRES"

# Runs an ingest that must end with this code and say this.
ingest() { # code, words, arguments...
    code=$1 words=$2
    shift 2
    set +e
    comity node ingest "$@" >out 2>err
    got=$?
    set -e
    [ "$got" = "$code" ] || fail "ingest $* ended with $got, not $code: $(cat out err)"
    cat out err | tr -s ' \n' '  ' | grep -q -- "$words" || fail "ingest $* didn't say '$words': $(cat out err)"
}

# The same seed and time: the same bytes.
comity-demo-data --rows 5000 --seed 7 --now 1795337603000 a >list
comity-demo-data --rows 5000 --seed 7 --now 1795337603000 b >/dev/null
cmp a/$owner.csv b/$owner.csv || fail "two runs differ"
[ "$(grep -c '^file ' list)" = 5 ] || fail "not five files"
comity-demo-data --rows 5000 --seed 8 --now 1795337603000 c >/dev/null
! cmp -s a/$owner.csv c/$owner.csv || fail "another seed makes no difference"
lines=$(($(wc -l <a/$owner.csv) - 1))
shown=$(echo "$lines" | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta')

# Every line of the generator is fit to be stored, and known the second time.
ingest 0 "$shown lines: $shown stored, 0 known already, 0 rejected" --store "$store" --owner $owner a/$owner.csv
ingest 0 "$shown lines: 0 stored, $shown known already, 0 rejected" --store "$store" --owner $owner a/$owner.csv
ingest 3 "belongs to another agency" --store "$store" --owner ca.milltown.pd a/ca.milltown.pd.csv

# A plate of the story is found where the story says, newest first, by the database's own means.
if [ -z "${CM_TEST_POSTGRES:-}" ]; then
    times=$(sqlite3 n.db "SELECT (1795337603000 - captured_at) / 60000 FROM detection WHERE plate = '8KLM492' ORDER BY 1")
else
    times=$(psql -X "$CM_TEST_POSTGRES" -Atc "SELECT round((1795337603 - extract(epoch FROM captured_at)) / 60) FROM
        detection WHERE plate = '8KLM492' ORDER BY 1")
fi
[ "$times" = "$(sed -n "s/^story 8KLM492 $owner //p" list)" ] || fail "the story isn't in the store: $times"

# Rejected lines are kept with their reasons; corrected, they go in.
printf 'plate_read,event_id,captured_at\n8ABC123,x-1,1795337600000\n8ABC123,x-2,yesterday\n' >new.csv
ingest 1 "2 lines: 1 stored, 0 known already, 1 rejected" --store "$store" --owner $owner new.csv
grep -q '^8ABC123,x-2,yesterday,"line 3, column captured_at' new.csv.rejects.csv || fail "$(cat new.csv.rejects.csv)"
sed 's/yesterday/1795337601000/' new.csv.rejects.csv | ingest 0 "1 stored" --store "$store" --owner $owner -

# Interrupted, it says so, and a rerun completes. The reader waits for more on the pipe when the signal comes.
mkfifo pipe
comity-demo-data --rows 9000 --seed 9 --now 1795337603000 d >/dev/null
sed 's/^np-/other-/' d/$owner.csv >other.csv
comity node ingest --store "$store" --owner $owner --rejects other.rejects.csv - <pipe >out 2>err &
reader=$!
exec 3>pipe
# The rejected line is written once those before it are stored: that is the event.
head -n 1501 other.csv >&3
echo '8ABC123' >&3
if [ -z "${CM_TEST_POSTGRES:-}" ]; then
    stored() { sqlite3 -cmd '.timeout 5000' n.db "SELECT count(*) FROM detection WHERE event_id LIKE 'other-%'"; }
else
    stored() { psql -X "$CM_TEST_POSTGRES" -Atc "SELECT count(*) FROM detection WHERE event_id LIKE 'other-%'"; }
fi
timeout 30 tail --pid=$reader -n +1 -F other.rejects.csv 2>/dev/null | grep -q 8ABC123 ||
    fail "rows wait in a pipe that is quiet: $(cat err)"
[ "$(stored)" = 1500 ] || fail "$(stored) of 1500"
kill -INT $reader || fail "the reader is gone: $(cat err)"
code=0
wait $reader || code=$?
reader=""
exec 3>&-
[ $code = 4 ] || fail "interrupted, it ended with $code: $(cat out err)"
grep -q "1,500 stored" out || fail "$(cat out)"
total=$(($(wc -l <other.csv) - 1))
ingest 0 "1,500 known already, 0 rejected" --store "$store" --owner $owner other.csv
[ "$(stored)" = $total ] || fail "$(stored) of $total"

# Usage and what can't be opened.
ingest 2 "together" --store "$store" a/$owner.csv
ingest 2 "is missing" --store "$store" --owner $owner
ingest 3 "can't be opened" --store "$store" --owner $owner none.csv
ingest 3 "is unknown" --store "$store" --owner $owner list
ingest 3 "cannot open" --config none.ini a/$owner.csv
