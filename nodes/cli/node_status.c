#include "nodes/cli/data.h"
#include "nodes/cli/node.h"

#include <stdio.h>
#include <stdlib.h>
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

// What is said, and whether all is well.
struct page {
    FILE *out;
    bool well;
};

// A line that wants somebody's attention.
static void warn(struct page *page, const char *what, const char *detail)
{
    page->well = false;
    fprintf(page->out, "  ! %s%s%s\n", what, detail[0] != '\0' ? ": " : "", detail);
}

static void say_ends(struct page *page, const char *what, long long seconds, long long least)
{
    if (seconds < least) {
        char left[64];
        snprintf(left, sizeof left, seconds < 0 ? "it has ended" : "%lld hours left",
                 seconds / 3600);
        warn(page, what, left);
    }
}

static void print_gateways(const json_t *status, struct page *page)
{
    const json_t *list = in(status, "gateways");
    if (json_is_true(in(status, "detached"))) {
        fputs("gateways     detached: comity node attach puts it back on the wire\n", page->out);
        return;
    }
    size_t attached = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        attached += json_is_true(in(json_array_get(list, i), "attached"));
    }
    fprintf(page->out, "gateways     attached to %zu of %zu\n", attached, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (!json_is_true(in(one, "attached"))) {
            warn(page, "not attached", text(one, "name"));
        }
        if (json_is_string(in(one, "ledger"))) {
            fprintf(page->out, "             the ledger of %s: %s of what was seen\n",
                    text(one, "name"), text(one, "ledger"));
            warn(page, "its queries are refused", "ask the federation's operator");
        }
    }
}

static void print_file(const json_t *file, struct page *page)
{
    const char *state = text(file, "state");
    if (strcmp(state, "none") == 0) {
        fputs("rule file    none is watched: [rules] file in the configuration\n", page->out);
        return;
    }
    fprintf(page->out, "rule file    %s\n", text(file, "path"));
    if (strcmp(state, "counts") == 0) {
        fputs("             counts\n", page->out);
    } else if (strcmp(state, "waits") == 0) {
        warn(page, "waits for `comity acl apply`", text(file, "text"));
    } else {
        warn(page, "error, the rules before go on", text(file, "at"));
        warn(page, "it says", text(file, "text"));
    }
    if (json_is_true(in(file, "hides_more"))) {
        fputs("             until it is signed more is hidden than it says, at sites\n", page->out);
    }
}

static void print_rules(const json_t *status, struct page *page)
{
    const json_t *rules = in(status, "rules");
    const json_t *overlay = in(rules, "overlay");
    if (number(rules, "sequence") == 0) {
        fputs("rules        none\n", page->out);
        warn(page, "nothing is shared until rules are signed", "comity acl apply");
    } else {
        fprintf(page->out, "rules        set %lld, %.16s, by directory %lld\n",
                number(rules, "sequence"), text(rules, "digest"),
                number(rules, "directory_serial"));
    }
    if (number(overlay, "revision") > 0) {
        fprintf(page->out, "overlay      %lld.%lld%s%s\n", number(overlay, "sequence"),
                number(overlay, "revision"),
                json_is_true(in(overlay, "edits")) ? ", hides what the rule file no longer shows"
                                                   : "",
                json_is_true(in(overlay, "sharing")) ? ", sharing switched off" : "");
    }
    if (json_is_true(in(overlay, "lost"))) {
        warn(page, "the overlay is lost, all is denied", "restore it, or sign a new set");
    }
    if (json_is_string(in(rules, "error"))) {
        warn(page, "the last narrowing does not count", text(rules, "error"));
    }
    print_file(in(rules, "file"), page);
}

static void print_sharing(const json_t *status, struct page *page)
{
    const json_t *sharing = in(status, "sharing");
    const json_t *off = in(sharing, "off");
    fprintf(page->out, "sharing      %s\n", json_array_size(off) == 0 ? "on" : "off with");
    for (size_t i = 0; i < json_array_size(off); i++) {
        const json_t *one = json_array_get(off, i);
        fprintf(page->out, "             %s%s%s\n", text(one, "with"),
                text(one, "until")[0] != '\0' ? " until " : "", text(one, "until"));
    }
    if (json_is_string(in(sharing, "error"))) {
        warn(page, "not understood, what was off stays off", text(sharing, "error"));
    }
}

static void print_trust(const json_t *status, struct page *page)
{
    const json_t *directory = in(status, "directory");
    const json_t *crls = in(directory, "crls");
    fprintf(page->out, "directory    serial %lld, %lld hours old, %zu revocation lists\n",
            number(directory, "serial"), number(directory, "age_s") / 3600, json_array_size(crls));
    say_ends(page, "the directory", number(directory, "ends_s"), LEAST_DIRECTORY_S);
    for (size_t i = 0; i < json_array_size(crls); i++) {
        const json_t *crl = json_array_get(crls, i);
        char what[300];
        snprintf(what, sizeof what, "the revocation list of %.255s", text(crl, "issuer"));
        say_ends(page, what, number(crl, "ends_s"), 0);
    }
    const json_t *certificate = in(status, "certificate");
    fprintf(page->out, "certificate  %lld days left\n",
            number(certificate, "ends_s") / (24 * 3600));
    say_ends(page, "the certificate", number(certificate, "ends_s"), LEAST_CERTIFICATE_S);
}

static void print_stores(const json_t *status, struct page *page)
{
    const json_t *store = in(status, "store");
    const json_t *ledger = in(status, "ledger");
    if (json_is_null(store)) {
        fputs("store        none: an agency without readers\n", page->out);
    } else if (json_is_true(in(store, "readable"))) {
        fprintf(page->out, "store        %lld rows\n", number(store, "rows"));
    } else {
        fputs("store\n", page->out);
        warn(page, "can't be read", "see the node's log");
    }
    fprintf(page->out, "ledger       %lld entries, %lld of them signed by witnesses",
            number(ledger, "entries"), number(ledger, "witnessed"));
    if (number(ledger, "epoch") > 1) {
        fprintf(page->out, ", epoch %lld", number(ledger, "epoch"));
    }
    fputc('\n', page->out);
    if (!json_is_null(in(ledger, "refuted_by"))) {
        warn(page, "it lacks what this node's key once signed, so nothing is answered",
             "put the right folder back, or: comity node recover");
    }
    if (unpublished(ledger)) {
        warn(page,
             "its tiles can't be written; once a million entries lack them, nothing is answered",
             "see ledger-not-published in the log");
    }
    if (!json_is_true(in(ledger, "writable"))) {
        warn(page, "can't be written, so nothing is answered", "mend the disk, restart the node");
    }
}

// Whether all is well.
static bool print(const json_t *status, FILE *out)
{
    struct page page = {out, true};
    fprintf(out, "node         %s\n", text(status, "agency"));
    print_gateways(status, &page);
    print_rules(status, &page);
    print_sharing(status, &page);
    print_trust(status, &page);
    print_stores(status, &page);
    return page.well;
}

// The same for programs.
static bool print_json(const json_t *status)
{
    char *words = NULL;
    size_t len;
    FILE *unread = open_memstream(&words, &len);
    const bool well = unread != NULL && print(status, unread);
    if (unread != NULL) {
        fclose(unread);
    }
    free(words);
    json_dumpf(status, stdout, JSON_COMPACT);
    putchar('\n');
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
    if (asked == CM_OK) {
        well = cm_cli_get(&args, 'j') != NULL ? print_json(status) : print(status, stdout);
    } else {
        cm_cli_error(&error);
    }
    json_decref(status);
    cm_node_data_close(&data);
    return asked == CM_UNAVAILABLE   ? CM_EXIT_NOT_RUNNING
           : asked != CM_OK || !well ? CM_EXIT_FAILED
                                     : CM_EXIT_OK;
}
