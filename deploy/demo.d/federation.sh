# shellcheck shell=bash disable=SC2034,SC2154 # variables come from and go to the files that source this
# The demo's federation: who is in it, with which people, rules and detections.
# Sourced by deploy/demo after parts.sh; uses $dir, $here, ${as_daemon[@]}, die.

federation=demo.example
agencies="ca.alder.so ca.harborview.plaza ca.milltown.pd ca.northport.pd nv.dryfork.pd us.transit"
owners="ca.alder.so ca.harborview.plaza ca.milltown.pd ca.northport.pd nv.dryfork.pd"
gateways="gw1"

make_federation() {
    local agency name
    make_root
    for name in $gateways; do
        make_gateway "$name"
    done
    for agency in $agencies; do
        make_agency "$agency"
    done
    for agency in $owners; do
        make_node "$agency"
        make_person "$agency" admin admin
    done
    make_person ca.northport.pd investigator rivera
    make_person ca.northport.pd supervisor osei
    share_approvals ca.northport.pd rivera osei
    make_person ca.milltown.pd investigator lindqvist
    make_person nv.dryfork.pd investigator tanaka
    make_person us.transit investigator moreau
    quietly "directory" comity directory init --file "$dir/directory.json" --federation "$federation"
    list_agency ca.alder.so sheriff CA "Alder County Sheriff"
    list_agency ca.milltown.pd local CA "Milltown Police"
    list_agency ca.northport.pd local CA "Northport Police"
    list_agency nv.dryfork.pd local NV "Dry Fork Police"
    list_agency ca.harborview.plaza private CA "Harborview Plaza"
    list_agency us.transit federal "" "Transit Security Administration"
    list_gateways
    sign_directory
    for agency in $owners; do
        apply_rules "$agency" "$here/rules/$agency.rules"
    done
    give_to_daemons
}

# A folder where an agency's people find each other's requests and approvals.
share_approvals() { # agency, name...
    local agency=$1 name
    shift
    mkdir "$dir/$agency/approvals"
    chmod 770 "$dir/$agency/approvals"
    for name in "$@"; do
        printf '[approvals]\nfolder = %s\n' "$dir/$agency/approvals" >>"$dir/$agency/people/$name.ini"
    done
}

load_detections() {
    local agency
    mkdir "$dir/csv"
    quietly "detections" comity-demo-data --rows "${detections:-200000}" "$dir/csv"
    chmod 711 "$dir/csv"
    chmod 644 "$dir"/csv/*.csv
    for agency in $owners; do
        ingest "$agency" "$dir/csv/$agency.csv"
    done
}
