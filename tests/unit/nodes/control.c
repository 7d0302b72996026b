#include "nodes/control.h"

#include "proto/base/clock.h"
#include "proto/rpc/loop.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[64];
static struct cm_loop *loop;
static struct cm_control *control;
static char heard[CM_CONTROL_WORD];

static void asked(void *context, const char *word)
{
    (void)context;
    snprintf(heard, sizeof heard, "%s", word);
    cm_control_answer(control, cm_bytes_of("{\"well\":true}"));
}

static atomic_int heard_auditor; // what its recv returned, plus one hundred; 0: not yet

static void audits(void *context, struct cm_control *with, int socket)
{
    char byte;
    (void)context, (void)with;
    ssize_t got = 1;
    while (got == 1) {
        got = recv(socket, &byte, 1, 0);
        heard_auditor = 1;
    }
    heard_auditor = 100 + (int)got;
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/comity-control-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(cm_loop_new(&loop, NULL), CM_OK);
    const struct cm_control_options options = {
        .folder = folder, .poster = cm_loop_poster(loop), .asked = asked, .auditor = audits};
    cr_assert_eq(cm_control_open(&control, &options, NULL), CM_OK);
}

static void tear_down(void)
{
    cm_control_stop(control);
    while (cm_loop_step(loop, 0)) {
        ;
    }
    cm_control_free(control);
    cm_loop_free(loop);
    cr_expect_eq(rmdir(folder), 0, "the socket goes with its node");
}

TestSuite(control, .init = set_up, .fini = tear_down);

struct caller {
    pthread_t thread;
    const char *word;
    struct cm_buf answer;
    enum cm_status status;
    atomic_bool done;
};

static void *call(void *argument)
{
    struct caller *caller = argument;
    caller->status = cm_control_ask(&caller->answer, folder, caller->word, NULL);
    caller->done = true;
    return NULL;
}

static void ask(struct caller *caller, const char *word)
{
    *caller = (struct caller){.word = word};
    cr_assert_eq(pthread_create(&caller->thread, NULL, call, caller), 0);
    while (!caller->done) {
        cm_loop_step(loop, 20);
    }
    pthread_join(caller->thread, NULL);
}

Test(control, brings_a_word_in_and_an_answer_out)
{
    struct caller caller;
    for (unsigned i = 0; i < 3; i++) {
        ask(&caller, "status");
        cr_assert_eq(caller.status, CM_OK);
        cr_expect_str_eq(heard, "status");
        cr_expect(cm_bytes_equal(cm_buf_bytes(&caller.answer), cm_bytes_of("{\"well\":true}")));
        cm_buf_clear(&caller.answer);
    }
}

Test(control, is_for_the_nodes_user_alone)
{
    char path[96];
    struct stat info;
    snprintf(path, sizeof path, "%s/" CM_CONTROL_SOCKET, folder);
    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(info.st_mode & 07777, 0600);
}

static atomic_bool enough;

// As the ledger's thread makes its folders meanwhile.
static void *make_folders(void *argument)
{
    unsigned *wrong = argument;
    char path[96];
    snprintf(path, sizeof path, "%s/made", folder);
    while (!enough) {
        struct stat info;
        if (mkdir(path, 0700) != 0 || stat(path, &info) != 0 || (info.st_mode & 0777) != 0700) {
            ++*wrong;
        }
        rmdir(path);
    }
    return NULL;
}

Test(control, leaves_other_threads_files_alone)
{
    enum { ROUNDS = 500 };
    char other[] = "/tmp/comity-control-XXXXXX";
    pthread_t thread;
    unsigned wrong = 0;
    cr_assert_not_null(mkdtemp(other));
    const struct cm_control_options options = {
        .folder = other, .poster = cm_loop_poster(loop), .asked = asked};
    cr_assert_eq(pthread_create(&thread, NULL, make_folders, &wrong), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct cm_control *another;
        cr_assert_eq(cm_control_open(&another, &options, NULL), CM_OK);
        cm_control_free(another);
    }
    enough = true;
    pthread_join(thread, NULL);
    cr_expect_eq(wrong, 0, "%u folders of another mode", wrong);
    cr_expect_eq(rmdir(other), 0);
}

// Who has begun to speak as an auditor, and is heard.
static int begin_audit(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/" CM_CONTROL_SOCKET, folder);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(write(fd, "audit\n", 6), 6);
    while (heard_auditor == 0) {
        cr_assert_eq(write(fd, "x", 1), 1);
        cm_loop_step(loop, 1);
    }
    return fd;
}

Test(control, hangs_up_on_who_comes_in_small_parts)
{
    struct caller caller;
    const int fd = begin_audit();
    const int64_t now_ms = cm_mono_ms(cm_clock_system());
    cm_control_look(control, now_ms + 1000);
    cr_expect_eq(heard_auditor, 1, "there is time");
    cm_control_look(control, now_ms + 31000);
    ask(&caller, "status");
    cr_expect_eq(caller.status, CM_OK, "the next one is heard");
    cr_expect_eq(heard_auditor, 100, "it was hung up on, and not waited for");
    cm_buf_clear(&caller.answer);
    close(fd);
}

Test(control, ends_without_waiting_for_who_is_heard)
{
    const int fd = begin_audit();
    cm_control_stop(control);
    cr_expect_eq(heard_auditor, 100);
    close(fd);
}

Test(control, says_when_no_node_runs)
{
    char empty[] = "/tmp/comity-control-XXXXXX";
    struct cm_buf answer = {0};
    cr_assert_not_null(mkdtemp(empty));
    cr_expect_eq(cm_control_ask(&answer, empty, "status", NULL), CM_UNAVAILABLE);
    cr_expect_eq(rmdir(empty), 0);
}
