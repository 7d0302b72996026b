#include "nodes/cli/data.h"
#include "nodes/cli/node.h"

#include <string.h>

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "the node's configuration: default /etc/comity/noded.ini", 0},
    {"json", 'j', NULL, 0, "an object for programs", 0},
    {0},
};

static const struct cm_cli_usage usage = {
    options,
    NULL,
    "Says how the running node is: its gateways, the rules that count and what waits, sharing, "
    "directory, certificate, store and ledger.\v"
    "Exit codes: 0 all is well; 1 something wants attention, or it could not be asked; 2 usage; 3 "
    "no node runs.",
    NULL,
    0,
    0};

static const json_t *in(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(in(object, key));
    return value != NULL ? value : "";
}

static long long number(const json_t *object, const char *key)
{
    return json_integer_value(in(object, key));
}

enum { LEAST_DIRECTORY_S = 2 * 24 * 3600, LEAST_CERTIFICATE_S = 14 * 24 * 3600 };

// More than a second's worth by far: its tiles can't be written.
static bool unpublished(const json_t *ledger)
{
    enum { MANY = 64 * 1024 };
    return number(ledger, "entries") - number(ledger, "published") > MANY;
}

// A line that wants somebody's attention.
static void warn(bool *well, const char *what, const char *detail)
{
    *well = false;
    printf("  ! %s%s%s\n", what, detail[0] != '\0' ? ": " : "", detail);
}

static void say_ends(bool *well, const char *what, long long seconds, long long least)
{
    if (seconds < least) {
        char left[64];
        snprintf(left, sizeof left, seconds < 0 ? "it has ended" : "%lld hours left",
                 seconds / 3600);
        warn(well, what, left);
    }
}

static void print_gateways(const json_t *status, bool *well)
{
    const json_t *list = in(status, "gateways");
    if (json_is_true(in(status, "detached"))) {
        puts("gateways     detached: comity node attach puts it back on the wire");
        return;
    }
    size_t attached = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        attached += json_is_true(in(json_array_get(list, i), "attached"));
    }
    printf("gateways     attached to %zu of %zu\n", attached, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (!json_is_true(in(one, "attached"))) {
            warn(well, "not attached", text(one, "name"));
        }
        if (json_is_string(in(one, "ledger"))) {
            printf("             the ledger of %s: %s of what was seen\n", text(one, "name"),
                   text(one, "ledger"));
            warn(well, "its queries are refused", "ask the federation's operator");
        }
    }
}

static void print_file(const json_t *file, bool *well)
{
    const char *state = text(file, "state");
    if (strcmp(state, "none") == 0) {
        puts("rule file    none is watched: [rules] file in the configuration");
        return;
    }
    printf("rule file    %s\n", text(file, "path"));
    if (strcmp(state, "counts") == 0) {
        puts("             counts");
    } else if (strcmp(state, "waits") == 0) {
        warn(well, "waits for `comity acl apply`", text(file, "text"));
    } else {
        warn(well, "error, the rules before go on", text(file, "at"));
        warn(well, "it says", text(file, "text"));
    }
    if (json_is_true(in(file, "hides_more"))) {
        puts("             until it is signed more is hidden than it says, at sites");
    }
}

static void print_rules(const json_t *status, bool *well)
{
    const json_t *rules = in(status, "rules");
    const json_t *overlay = in(rules, "overlay");
    if (number(rules, "sequence") == 0) {
        puts("rules        none");
        warn(well, "nothing is shared until rules are signed", "comity acl apply");
    } else {
        printf("rules        set %lld, %.16s, by directory %lld\n", number(rules, "sequence"),
               text(rules, "digest"), number(rules, "directory_serial"));
    }
    if (number(overlay, "revision") > 0) {
        printf("overlay      %lld.%lld%s%s\n", number(overlay, "sequence"),
               number(overlay, "revision"),
               json_is_true(in(overlay, "edits")) ? ", hides what the rule file no longer shows"
                                                  : "",
               json_is_true(in(overlay, "sharing")) ? ", sharing switched off" : "");
    }
    if (json_is_true(in(overlay, "lost"))) {
        warn(well, "the overlay is lost, all is denied", "restore it, or sign a new set");
    }
    if (json_is_string(in(rules, "error"))) {
        warn(well, "the last narrowing does not count", text(rules, "error"));
    }
    print_file(in(rules, "file"), well);
}

static void print_sharing(const json_t *status, bool *well)
{
    const json_t *sharing = in(status, "sharing");
    const json_t *off = in(sharing, "off");
    printf("sharing      %s\n", json_array_size(off) == 0 ? "on" : "off with");
    for (size_t i = 0; i < json_array_size(off); i++) {
        const json_t *one = json_array_get(off, i);
        printf("             %s%s%s\n", text(one, "with"),
               text(one, "until")[0] != '\0' ? " until " : "", text(one, "until"));
    }
    if (json_is_string(in(sharing, "error"))) {
        warn(well, "not understood, what was off stays off", text(sharing, "error"));
    }
}

static void print_trust(const json_t *status, bool *well)
{
    const json_t *directory = in(status, "directory");
    const json_t *crls = in(directory, "crls");
    printf("directory    serial %lld, %lld hours old, %zu revocation lists\n",
           number(directory, "serial"), number(directory, "age_s") / 3600, json_array_size(crls));
    say_ends(well, "the directory", number(directory, "ends_s"), LEAST_DIRECTORY_S);
    for (size_t i = 0; i < json_array_size(crls); i++) {
        const json_t *crl = json_array_get(crls, i);
        char what[300];
        snprintf(what, sizeof what, "the revocation list of %.255s", text(crl, "issuer"));
        say_ends(well, what, number(crl, "ends_s"), 0);
    }
    const json_t *certificate = in(status, "certificate");
    printf("certificate  %lld days left\n", number(certificate, "ends_s") / (24 * 3600));
    say_ends(well, "the certificate", number(certificate, "ends_s"), LEAST_CERTIFICATE_S);
}

static void print_stores(const json_t *status, bool *well)
{
    const json_t *store = in(status, "store");
    const json_t *ledger = in(status, "ledger");
    if (json_is_null(store)) {
        puts("store        none: an agency without readers");
    } else if (json_is_true(in(store, "readable"))) {
        printf("store        %lld rows\n", number(store, "rows"));
    } else {
        puts("store");
        warn(well, "can't be read", "see the node's log");
    }
    printf("ledger       %lld entries, %lld of them signed by witnesses", number(ledger, "entries"),
           number(ledger, "witnessed"));
    if (number(ledger, "epoch") > 1) {
        printf(", epoch %lld", number(ledger, "epoch"));
    }
    putchar('\n');
    if (!json_is_null(in(ledger, "refuted_by"))) {
        warn(well, "it lacks what this node's key once signed, so nothing is answered",
             "put the right folder back, or: comity node recover");
    }
    if (unpublished(ledger)) {
        warn(well,
             "its tiles can't be written; once a million entries lack them, nothing is answered",
             "see ledger-not-published in the log");
    }
    if (!json_is_true(in(ledger, "writable"))) {
        warn(well, "can't be written, so nothing is answered", "mend the disk, restart the node");
    }
}

static bool print(const json_t *status)
{
    bool well = true;
    printf("node         %s\n", text(status, "agency"));
    print_gateways(status, &well);
    print_rules(status, &well);
    print_sharing(status, &well);
    print_trust(status, &well);
    print_stores(status, &well);
    return well;
}

static bool trust_is_well(const json_t *status)
{
    const json_t *directory = in(status, "directory");
    const json_t *crls = in(directory, "crls");
    bool well = number(directory, "ends_s") >= LEAST_DIRECTORY_S &&
                number(in(status, "certificate"), "ends_s") >= LEAST_CERTIFICATE_S;
    for (size_t i = 0; i < json_array_size(crls); i++) {
        well = well && number(json_array_get(crls, i), "ends_s") >= 0;
    }
    return well;
}

static bool stores_are_well(const json_t *status)
{
    const json_t *store = in(status, "store");
    const json_t *ledger = in(status, "ledger");
    return (json_is_null(store) || json_is_true(in(store, "readable"))) &&
           json_is_true(in(ledger, "writable")) && !unpublished(ledger) &&
           json_is_null(in(ledger, "refuted_by"));
}

// What print says, without a word: for the exit code of --json.
static bool is_well(const json_t *status)
{
    const json_t *rules = in(status, "rules");
    const json_t *gateways = in(status, "gateways");
    bool well = number(rules, "sequence") > 0 && json_is_null(in(rules, "error")) &&
                !json_is_true(in(in(rules, "overlay"), "lost")) &&
                strcmp(text(in(rules, "file"), "state"), "error") != 0 &&
                strcmp(text(in(rules, "file"), "state"), "waits") != 0 &&
                json_is_null(in(in(status, "sharing"), "error")) && trust_is_well(status) &&
                stores_are_well(status);
    for (size_t i = 0; !json_is_true(in(status, "detached")) && i < json_array_size(gateways);
         i++) {
        const json_t *gateway = json_array_get(gateways, i);
        well = well && json_is_true(in(gateway, "attached")) && json_is_null(in(gateway, "ledger"));
    }
    return well;
}

int cm_node_status(int argc, char **argv)
{
    static struct cm_cli_args args;
    struct cm_node_data data;
    struct cm_error error = {0};
    json_t *status = NULL;
    bool well = true;
    cm_cli_parse(&args, &usage, argc, argv);
    if (cm_node_data_open(&data, &args, false, &error) != CM_OK) {
        return cm_cli_fail(&error);
    }
    enum cm_status asked = cm_node_ask(&status, &data, "status", &error);
    if (asked == CM_OK && cm_cli_get(&args, 'j') != NULL) {
        json_dumpf(status, stdout, JSON_COMPACT);
        putchar('\n');
        well = is_well(status);
    } else if (asked == CM_OK) {
        well = print(status);
    } else {
        cm_cli_error(&error);
    }
    json_decref(status);
    cm_node_data_close(&data);
    return asked == CM_UNAVAILABLE   ? CM_EXIT_NOT_RUNNING
           : asked != CM_OK || !well ? CM_EXIT_FAILED
                                     : CM_EXIT_OK;
}
