#!/bin/bash
# The merged answer equals, byte for byte, what one SQL computation over all agencies' rows gives, with the rules' meaning
# written by hand: four agencies, one on PostgreSQL, two gateways, many ties in time.
# usage: postgres.sh merged.sh FOLDER-OF-THE-PROGRAMS
# shellcheck source=tests/end2end/lib.sh
. "$(dirname "$0")/lib.sh"

federation=valley.example
agencies="ca.alder.so ca.milltown.pd ca.northport.pd ca.southgate.pd"
owners=$agencies
gateways="gw1 gw2"
stores[ca.southgate.pd]="postgres:$CM_TEST_POSTGRES"
rows=1200                               # of the plate asked for, an agency
base=$((($(date +%s) - 1800) * 1000 + 123)) # ages are whole hours and a half: no rule's bound is near one

write_rules() {
    cat >"$dir/ca.northport.pd.rules" <<'RULES'
rules 1
node ca.northport.pd
permit self  to any  for any  back all  see all
permit ca.alder.so  to lookup  for vehicle-theft  back 10 days  see place, vehicle  until 2030-01-01
RULES
    cat >"$dir/ca.southgate.pd.rules" <<'RULES'
rules 1
node ca.southgate.pd
site harbour = cam-1, cam-2
site staff = cam-3
group friends = ca.northport.pd
permit self  to any  for any  back all  see all
permit kind:local state:CA  to lookup  for homicide  at harbour  back 20 days  see place, vehicle
    require case  until 2030-01-01
permit @friends  to lookup  for any  back 5 days  see all  until 2030-01-01
permit kind:sheriff  to lookup  for vehicle-theft  back 15 days  see plate  until 2030-01-01
forbid not self  at staff
RULES
    cat >"$dir/ca.milltown.pd.rules" <<'RULES'
rules 1
node ca.milltown.pd
retain 25 days
permit self  to any  for any  back all  see all
permit ca.northport.pd  to lookup  for homicide  back 30 days  see camera, heading, confidence
    until 2030-01-01
permit kind:sheriff  to lookup  for any  back all  see all  until 2030-01-01
forbid not self  beyond 10 days  see camera
forbid anyone  for vehicle-theft unless court-order
RULES
    cat >"$dir/ca.alder.so.rules" <<'RULES'
rules 1
node ca.alder.so
site yard = cam-5, cam-6
permit self  to any  for any  back all  see all
permit kind:local,sheriff  to lookup  for homicide  back 40 days  see place, confidence, image
    require case  until 2030-01-01
forbid anyone  at yard  see place
forbid not self  at yard  for vehicle-theft
RULES
}

# One agency's detections: whole groups missing here and there, states unknown, three spellings of the plate, times that
# repeat within the agency and across agencies.
make_rows() { # agency, prefix, number
    sqlite3 "$dir/all.db" <<SQL
ATTACH '$dir/$1.db' AS own;
CREATE TABLE own.detection AS
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $rows + 399)
SELECT '$2-' || i AS event_id,
    $base - ((i * 37 + $3 * 5) % 1080) * 3600000 AS captured_at,
    CASE WHEN i >= $rows THEN '7XYZ' || i WHEN i % 3 = 0 THEN '8abc-123' WHEN i % 3 = 1 THEN '8ABC 123'
        ELSE '8ABC123' END AS plate_read,
    CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'NV' ELSE 'CA' END AS state,
    iif(i % 11, 37 + (i % 160) / 16.0, NULL) AS latitude, iif(i % 11, -122 + (i % 32) / 32.0, NULL) AS longitude,
    iif(i % 11 AND i % 3, 'Pier ' || (i % 9), NULL) AS site,
    iif(i % 7, 'cam-' || (i % 8 + 1), NULL) AS camera,
    iif(i % 5, (i % 16) * 22.5, NULL) AS heading,
    iif(i % 6, 'Make' || (i % 4), NULL) AS make, iif(i % 6, 'Model, "' || (i % 3) || '"', NULL) AS model,
    iif(i % 6, 'blue', NULL) AS colour, iif(i % 6, 'sedan', NULL) AS body, iif(i % 6, 1990 + i % 30, NULL) AS year,
    iif(i % 6, (i % 8) / 8.0, NULL) AS vehicle_confidence,
    iif(i % 4, (i % 16) / 16.0, NULL) AS confidence,
    iif(i % 4 = 2, '8ABC123:0.5;8A8C123:0.25', NULL) AS candidates,
    iif(i % 3, 'img/' || i, NULL) AS image_reference, iif(i % 3, printf('%064x', i), NULL) AS image_sha256
FROM n;
.mode csv
.headers on
.once $dir/csv/$1.csv
SELECT * FROM own.detection;
SQL
}

# Who sees what, by hand: a row per agency, asker and field as SQL conditions over age (seconds) and camera.
# shown ASKER: statements that fill table shown with every row the asker may see, invisible groups emptied.
visible() { # agency, row, place, camera, heading, vehicle, confidence, image
    cat <<SQL
INSERT INTO shown SELECT '$1', event_id, captured_at, plate_read, state,
    iif($3, latitude, NULL), iif($3, longitude, NULL), iif($3, site, NULL), iif($4, camera, NULL),
    iif($5, heading, NULL),
    iif($6, make, NULL), iif($6, model, NULL), iif($6, colour, NULL), iif($6, body, NULL), iif($6, year, NULL),
    iif($6, vehicle_confidence, NULL), iif($7, confidence, NULL), iif($7, candidates, NULL),
    iif($8, image_reference, NULL), iif($8, image_sha256, NULL)
FROM (SELECT *, ($base + 1800000 - captured_at) / 1000 AS age, ifnull(camera, '') AS cam FROM "$1".detection
    WHERE upper(replace(replace(plate_read, '-', ''), ' ', '')) = '8ABC123')
WHERE $2;
SQL
}
northport_asks() { # homicide
    local near="cam IN ('cam-1', 'cam-2') AND age <= 20 * 86400 OR age <= 5 * 86400"
    visible ca.northport.pd 1 1 1 1 1 1 1
    visible ca.southgate.pd "cam <> 'cam-3' AND ($near)" 1 "age <= 5 * 86400" "age <= 5 * 86400" 1 \
        "age <= 5 * 86400" "age <= 5 * 86400"
    visible ca.milltown.pd "age <= 25 * 86400" 0 "age <= 10 * 86400" 1 0 1 0
    visible ca.alder.so "age <= 40 * 86400" "cam NOT IN ('cam-5', 'cam-6')" 0 0 0 1 1
}
alder_asks() { # vehicle-theft
    visible ca.northport.pd "age <= 10 * 86400" 1 0 0 1 0 0
    visible ca.southgate.pd "cam <> 'cam-3' AND age <= 15 * 86400" 0 0 0 0 0 0
    visible ca.alder.so 1 "cam NOT IN ('cam-5', 'cam-6')" 1 1 1 1 1
}

compute() { # asker's function
    {
        for agency in $agencies; do
            echo "ATTACH '$dir/$agency.db' AS \"$agency\";"
        done
        cat <<'SQL'
CREATE TABLE shown(owner, event_id, captured_at, plate_read, state, latitude, longitude, site, camera, heading, make, model,
    colour, body, year, vehicle_confidence, confidence, candidates, image_reference, image_sha256);
SQL
        "$1"
    } | sqlite3 "$dir/$1.shown"
}

# The whole answer as the client prints it, newest first; null members are left out.
expected() { # asker's function, condition, limit
    sqlite3 "$dir/$1.shown" <<SQL
SELECT json_patch('{}', json_object('event_id', event_id, 'agency', owner,
    'captured_at', printf('%s.%03dZ', strftime('%Y-%m-%dT%H:%M:%S', captured_at / 1000, 'unixepoch'), captured_at % 1000),
    'plate_read', plate_read, 'plate', '8ABC123', 'state', state, 'latitude', latitude, 'longitude', longitude,
    'site', site, 'camera', camera, 'heading', heading,
    'vehicle', iif(make IS NULL, NULL, json_object('make', make, 'model', model, 'colour', colour, 'body', body,
        'year', year, 'confidence', vehicle_confidence)),
    'confidence', confidence,
    'candidates', iif(confidence IS NULL, NULL, iif(candidates IS NULL, json_array(),
        json_array(json_object('plate', '8ABC123', 'confidence', 0.5), json_object('plate', '8A8C123', 'confidence', 0.25)))),
    'image', image_reference, 'image_sha256', image_sha256))
FROM shown WHERE $2 ORDER BY captured_at DESC, owner, event_id LIMIT $3;
SQL
}

compare() { # what it is, expected, got
    cmp -s "$2" "$3" || {
        diff "$2" "$3" | head -n 6 >&2
        die "$1: the answer differs from the computation ($(wc -l <"$2") rows expected, $(wc -l <"$3") came)"
    }
    echo "$1: $(wc -l <"$2") rows, as computed"
}

questions=0
# One question, in turn at either gateway: the whole answer or its first rows.
check() { # agency/person, function, condition, limit, lookup's arguments
    local who=$1 computed=$2 where=$3 limit=$4 order=""
    shift 4
    questions=$((questions + 1))
    expected "$computed" "$where" "$limit" >"$dir/expected"
    [ $((questions % 2)) -eq 0 ] || who=$who-2
    ask "$who" 0 8ABC123 --case 26-1234 --reason "seen near the scene twice" --format json --limit "$limit" "$@"
    grep '^{"event_id"' "$dir/out" >"$dir/rows" || true
    [[ " $* " != *" --unordered "* ]] || order=none
    if [ -n "$order" ]; then
        sort -o "$dir/rows" "$dir/rows"
        sort -o "$dir/expected" "$dir/expected"
    fi
    compare "${who#*/}, limit $limit $*" "$dir/expected" "$dir/rows"
    tail -n 1 "$dir/out" >"$dir/manifest"
    [ "$(sqlite3 :memory: "SELECT json_extract(readfile('$dir/manifest'), '$.manifest.rows')")" = "$(wc -l <"$dir/rows")" ] ||
        die "the manifest counts other rows"
}

mkdir "$dir/csv"
write_rules
number=0
for agency in $agencies; do
    prefix=${agency#ca.}
    make_rows "$agency" "${prefix%%.*}" $number
    number=$((number + 1))
done
compute northport_asks
compute alder_asks
chmod 711 "$dir" "$dir/csv"
chmod 644 "$dir"/csv/*.csv

make_root
for name in $gateways; do
    make_gateway "$name"
done
for agency in $agencies; do
    make_agency "$agency"
    make_node "$agency"
    make_person "$agency" admin admin
done
make_asker ca.northport.pd investigator rivera
make_asker ca.alder.so investigator moss
for person in ca.northport.pd/people/rivera ca.alder.so/people/moss; do
    sed '/^name = gw1$/d; s/\.state$/-2.state/' "$dir/$person.ini" >"$dir/$person-2.ini"
done
quietly "directory" comity directory init --file "$dir/directory.json" --federation "$federation"
list_agency ca.alder.so sheriff CA "Alder County Sheriff"
list_agency ca.milltown.pd local CA "Milltown Police"
list_agency ca.northport.pd local CA "Northport Police"
list_agency ca.southgate.pd local CA "Southgate Police"
list_gateways
sign_directory
for agency in $agencies; do
    apply_rules "$agency" "$dir/$agency.rules"
done
give_to_daemons
for agency in $agencies; do
    ingest "$agency" "$dir/csv/$agency.csv" >"$dir/ingested"
done
start_daemons
echo "ready after $SECONDS s"


for limit in 1 2 15 16 17 100 511 512 513 1000 100000; do
    check ca.northport.pd/rivera northport_asks 1 "$limit" --purpose homicide --since 60d
done
check ca.northport.pd/rivera northport_asks 1 100000 --purpose homicide --since 60d --unordered
check ca.northport.pd/rivera northport_asks "state IS NULL OR state = 'CA'" 700 --purpose homicide --since 60d --state CA
check ca.northport.pd/rivera northport_asks "owner IN ('ca.milltown.pd', 'ca.southgate.pd')" 400 --purpose homicide \
    --since 60d --agency ca.milltown.pd --agency ca.southgate.pd

# Both ends of the window lie on rows: the first is in it, the last is not.
from=$((base - 22 * 86400000))
to=$((base - 3 * 86400000))
rfc3339() { date -u -d "@$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" +%Y-%m-%dT%H:%M:%S.%3NZ; }
for limit in 300 100000; do
    check ca.northport.pd/rivera northport_asks "captured_at >= $from AND captured_at < $to" $limit --purpose homicide \
        --since "$(rfc3339 $from)" --until "$(rfc3339 $to)"
done
for limit in 16 1000 100000; do
    check ca.alder.so/moss alder_asks 1 $limit --purpose vehicle-theft --since 60d
done
check ca.alder.so/moss alder_asks 1 100000 --purpose vehicle-theft --since 60d --unordered
says '1 does not share this with you'
[ $questions -ge 20 ] || die "only $questions questions were asked"
