// The real comity-noded, attached to a real comity-gatewayd over mutual TLS, that answers from
// SQLite. One of each; Criterion gives each test its own process.
#ifndef CM_TESTS_SCENARIO_NODE_PROCESS_H
#define CM_TESTS_SCENARIO_NODE_PROCESS_H

#include "gateway_daemon_peers.h"

#include <sys/resource.h>
#include <sys/types.h>

#define OWNER "ca.milltown.pd"

enum { ROWS = 40 }; // of OWNER's

static const char shares[] =
    "permit ca.northport.pd to lookup for vehicle-theft back 30 days see place";

struct node_process {
    pid_t pid;           // 0: not running
    rlim_t file_limit;   // of the node: a full disk
    const char *dialled; // whom it believes at the gateway's address; NULL: as the directory says
    const char *limits;  // of its configuration
    char data[PKI_PATH + 8], ini[PKI_PATH + 16], store_where[PKI_PATH + 32];
    char log_path[PKI_PATH + 16], bundle_path[PKI_PATH + 16];
    uint64_t last_serial; // of the directory in the last manifest
};

extern struct node_process node;
extern struct daemon *const gateway;
extern struct peer investigator;

// A test's beginning and end: the gateway and a node whose rules are `shares`.
void node_process_open(void);
void node_process_close(void);

// The node's own file of the directory becomes the newest; the gateway has another.
void give_directory(void);
void node_process_start(void);
void node_process_stop(void);
// How often text is in the node's log.
unsigned logged(const char *text);
// That it is there so many times by now, or comes to be.
void expect_logged(const char *text, unsigned times);
void expect_log(const char *text);
void put_rules(const char *rules);

struct node_result {
    enum cm_outcome outcome; // of OWNER; NONE when it has no account
    uint64_t rows;
    uint64_t batched;
};

struct node_result ask(void);
enum cm_status ask_status(void);
// Asks until the owner's outcome is that: a busy machine may be late at first.
struct node_result ask_until(enum cm_outcome outcome);

#endif
