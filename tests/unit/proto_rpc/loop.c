#include "proto/rpc/loop.h"
#include "proto/base/workers.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>

static struct cm_loop *loop;

static void make_loop(void)
{
    struct cm_error error = {0};
    cr_assert_eq(cm_loop_new(&loop, &error), CM_OK, "%s", error.text);
}

TestSuite(loop, .init = make_loop, .timeout = 60);

struct alarm {
    struct cm_timer timer;
    unsigned order;
    bool again;
    struct cm_timer *other;
};

static unsigned fired;

static void on_alarm(struct cm_timer *timer)
{
    struct alarm *alarm = CM_CONTAINER(timer, struct alarm, timer);
    alarm->order = ++fired;
    if (alarm->again) {
        alarm->again = false;
        cr_assert(!cm_timer_set(loop, timer, 0));
    }
    if (alarm->other) {
        cm_timer_cancel(loop, alarm->other);
    }
}

static void run_for(int64_t ms)
{
    int64_t end = cm_mono_ms(cm_clock_system()) + ms;
    while (cm_mono_ms(cm_clock_system()) < end) {
        cm_loop_step(loop, 5);
    }
}

Test(loop, timers_fire_in_order_and_once)
{
    enum { COUNT = 100 };
    static struct alarm alarms[COUNT];
    for (int i = 0; i < COUNT; i++) {
        alarms[i].timer.fire = on_alarm;
        cr_assert(!cm_timer_set(loop, &alarms[i].timer, 20 + i * 37 % COUNT));
    }
    // Every third is moved behind all, every seventh taken back.
    for (int i = 0; i < COUNT; i += 3) {
        cr_assert(!cm_timer_set(loop, &alarms[i].timer, 200 + i));
    }
    for (int i = 0; i < COUNT; i += 7) {
        cm_timer_cancel(loop, &alarms[i].timer);
    }
    while (fired < COUNT - (COUNT + 6) / 7) {
        cm_loop_step(loop, 500);
    }
    run_for(50); // none fires again
    cr_expect_eq(fired, COUNT - (COUNT + 6) / 7);
    for (int i = 0; i < COUNT; i++) {
        cr_expect_eq(alarms[i].order != 0, i % 7 != 0, "%d", i);
        for (int j = 0; j < i; j++) {
            int64_t at_i = alarms[i].timer.at_ms, at_j = alarms[j].timer.at_ms;
            if (alarms[i].order && alarms[j].order && at_i != at_j) {
                cr_expect_eq(at_i < at_j, alarms[i].order < alarms[j].order);
            }
        }
    }
    cm_loop_free(loop);
}

Test(loop, timer_may_set_and_cancel_in_its_handler)
{
    struct alarm second = {.timer.fire = on_alarm};
    struct alarm first = {.timer.fire = on_alarm, .again = true, .other = &second.timer};
    cr_assert(!cm_timer_set(loop, &first.timer, 0));
    cr_assert(!cm_timer_set(loop, &second.timer, 1));
    run_for(50);
    cr_expect_eq(first.order, 2);
    cr_expect_eq(second.order, 0);
    cm_loop_free(loop);
}

Test(loop, timer_never_fires_early)
{
    struct alarm alarm = {.timer.fire = on_alarm};
    for (int i = 0; i < 20; i++) {
        alarm.order = 0;
        int64_t due = cm_mono_ms(cm_clock_system()) + i;
        cr_assert(!cm_timer_set(loop, &alarm.timer, i));
        while (!alarm.order) {
            cm_loop_step(loop, 1000);
        }
        cr_expect_geq(cm_mono_ms(cm_clock_system()), due);
    }
    cm_loop_free(loop);
}

Test(loop, step_returns_after_its_wait)
{
    int64_t start = cm_mono_ms(cm_clock_system());
    cr_expect_not(cm_loop_step(loop, 30));
    cr_expect_geq(cm_mono_ms(cm_clock_system()), start + 29);
    cr_expect_not(cm_loop_step(loop, 0));
    cm_loop_free(loop);
}

enum { POSTERS = 4, POSTS = 20000 };

struct poster {
    pthread_t thread;
    unsigned ran;
    struct post {
        struct cm_task task;
        struct poster *from;
        unsigned index;
    } posts[POSTS];
};

static void run_post(struct cm_task *task)
{
    struct post *post = CM_CONTAINER(task, struct post, task);
    // In the order posted.
    cr_assert_eq(post->index, post->from->ran);
    post->from->ran++;
}

static void *post_all(void *context)
{
    struct poster *poster = context;
    for (unsigned i = 0; i < POSTS; i++) {
        poster->posts[i] = (struct post){{run_post, NULL}, poster, i};
        cm_post(cm_loop_poster(loop), &poster->posts[i].task);
    }
    return NULL;
}

Test(loop, tasks_of_many_threads_all_run)
{
    struct poster *posters = calloc(POSTERS, sizeof *posters);
    for (int i = 0; i < POSTERS; i++) {
        pthread_create(&posters[i].thread, NULL, post_all, &posters[i]);
    }
    for (int i = 0; i < POSTERS; i++) {
        while (posters[i].ran < POSTS) {
            cm_loop_step(loop, 1000);
        }
        pthread_join(posters[i].thread, NULL);
    }
    free(posters);
    cm_loop_free(loop);
}

// What was posted before the loop is freed still runs.
Test(loop, free_runs_what_was_posted)
{
    static struct poster poster;
    poster.posts[0] = (struct post){{run_post, NULL}, &poster, 0};
    cm_post(cm_loop_poster(loop), &poster.posts[0].task);
    cm_loop_free(loop);
    cr_expect_eq(poster.ran, 1);
}

static void stop_by_signal(int number)
{
    (void)number;
    cm_loop_stop(loop);
}

Test(loop, stops_by_a_signal_and_runs_again)
{
    signal(SIGALRM, stop_by_signal);
    for (int i = 0; i < 2; i++) {
        struct itimerval soon = {.it_value.tv_usec = 20000};
        setitimer(ITIMER_REAL, &soon, NULL);
        cm_loop_run(loop);
    }
    cm_loop_free(loop);
}

struct sum {
    struct cm_job job;
    int result;
    bool done;
};

static void work(struct cm_job *job)
{
    CM_CONTAINER(job, struct sum, job)->result = 42;
}

static void done(struct cm_job *job)
{
    struct sum *sum = CM_CONTAINER(job, struct sum, job);
    sum->done = true;
    cm_loop_stop(loop);
}

Test(loop, workers_come_back_to_it)
{
    struct cm_workers *workers;
    cr_assert(!cm_workers_new(&workers, 2, 16, cm_loop_poster(loop)));
    struct sum sum = {.job = {.work = work, .done = done}};
    cr_assert(!cm_workers_submit(workers, &sum.job));
    cm_loop_run(loop);
    cr_expect(sum.done);
    cr_expect_eq(sum.result, 42);
    cm_workers_free(workers);
    cm_loop_free(loop);
}

Test(no_loop, without_descriptors_says_so)
{
    struct cm_error error = {0};
    struct rlimit old;
    getrlimit(RLIMIT_NOFILE, &old);
    struct rlimit low = {(rlim_t)3 + 63, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    cr_expect_eq(cm_loop_new(&loop, &error), CM_UNAVAILABLE);
    cr_expect_null(loop);
    cr_expect_str_eq(error.where, "descriptors");
    setrlimit(RLIMIT_NOFILE, &old);
    cr_expect_eq(cm_loop_new(&loop, &error), CM_OK);
    cm_loop_free(loop);
}
