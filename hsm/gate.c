/*
 * Fork and exit. A module's locks and lists survive a fork only if no other
 * thread was inside it, and its C++ statics are destroyed at exit while our
 * threads may still run: so calls are counted, and both wait for the count.
 */
#include "gate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>

/* A device can take its time over a key pair; neither fork nor exit may hang
 * for one that is dead. */
#define WAIT_SECONDS 2

static pthread_mutex_t lists = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool fork_is_handled;

/* All accesses are sequentially consistent: a thread that comes in counts
 * itself and then looks at CLOSED; one that closes does it the other way
 * round; so at least one of the two sees the other. */
static atomic_uint inside;
static atomic_uint closed; /* by forks under way, and for ever by exit */
static atomic_bool shut;
static _Thread_local unsigned depth;

void hsm_lists_lock(void)
{
    (void)pthread_mutex_lock(&lists);
}

void hsm_lists_unlock(void)
{
    (void)pthread_mutex_unlock(&lists);
}

bool hsm_gate_is_shut(void)
{
    return atomic_load(&shut);
}

static void step_out(void)
{
    (void)atomic_fetch_sub(&inside, 1);
    if (atomic_load(&closed) == 0)
        return;
    (void)pthread_mutex_lock(&gate);
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&gate);
}

/* The gate was found closed: stay out until it opens. */
static bool wait_outside(void)
{
    step_out();
    (void)pthread_mutex_lock(&gate);
    while (atomic_load(&closed) != 0 && !atomic_load(&shut))
        (void)pthread_cond_wait(&changed, &gate);
    (void)pthread_mutex_unlock(&gate);
    return !atomic_load(&shut);
}

/* Waits until nobody is inside, at most so long; true if so. A thread that is
 * inside itself (a module that forks, or calls exit) does not wait. */
static bool wait_for_nobody(void)
{
    struct timespec until;
    int failed = 0;

    if (depth > 0)
        return false;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_SECONDS;
    while (atomic_load(&inside) > 0 && failed == 0)
        failed = pthread_cond_timedwait(&changed, &gate, &until);
    return atomic_load(&inside) == 0;
}

static void before_fork(void)
{
    (void)pthread_mutex_lock(&gate);
    (void)atomic_fetch_add(&closed, 1);
    (void)wait_for_nobody();
    hsm_lists_lock();
    hsm_tokens_before_fork();
}

static void after_fork(void)
{
    hsm_tokens_after_fork();
    hsm_lists_unlock();
    (void)atomic_fetch_sub(&closed, 1);
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&gate);
}

/* Others waited for this condition, or stayed inside for too long; they are
 * not in this process. */
static void in_child(void)
{
    (void)pthread_cond_init(&changed, NULL);
    atomic_store(&inside, depth > 0 ? 1 : 0);
    atomic_store(&closed, atomic_load(&shut) ? 1 : 0);
    hsm_tokens_after_fork();
    hsm_tokens_in_child();
    hsm_modules_in_child();
    hsm_lists_unlock();
    (void)pthread_mutex_unlock(&gate);
}

static void handle_fork(void)
{
    fork_is_handled = pthread_atfork(before_fork, after_fork, in_child) == 0;
}

bool hsm_gate_enter(void)
{
    (void)pthread_once(&once, handle_fork);
    if (depth > 0) { /* we are counted; nobody passes us */
        depth++;
        return true;
    }
    for (;;) {
        (void)atomic_fetch_add(&inside, 1);
        if (atomic_load(&closed) == 0) {
            depth = 1;
            /* SoftHSM and its like compute with our libcrypto and leave its
             * errors to the caller, after successes too; libssl takes such
             * leftovers for failures of its own (SSL_get_error(3)). */
            (void)ERR_set_mark();
            return true;
        }
        if (!wait_outside())
            return false;
    }
}

void hsm_gate_leave(void)
{
    if (--depth != 0)
        return;
    (void)ERR_pop_to_mark();
    step_out();
}

/* Counted as a call, so that fork and exit wait for TASK as for any other; the
 * gate stays closed for the rest. */
static void run_alone(void (*task)(void *), void *arg)
{
    (void)atomic_fetch_add(&inside, 1);
    depth = 1;
    (void)pthread_mutex_unlock(&gate);
    (void)ERR_set_mark();
    task(arg);
    (void)ERR_pop_to_mark();
    (void)pthread_mutex_lock(&gate);
    depth = 0;
    (void)atomic_fetch_sub(&inside, 1);
}

bool hsm_gate_alone(void (*task)(void *), void *arg)
{
    bool alone;

    (void)pthread_mutex_lock(&gate);
    (void)atomic_fetch_add(&closed, 1);
    alone = wait_for_nobody() && !hsm_gate_is_shut();
    if (alone)
        run_alone(task, arg);
    (void)atomic_fetch_sub(&closed, 1);
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&gate);
    return alone;
}

/* At exit, or when the shared object that holds this code is unloaded. */
static void at_exit(void)
{
    bool alone;

    if (hsm_gate_is_shut())
        return;
    (void)pthread_mutex_lock(&gate);
    (void)atomic_fetch_add(&closed, 1);
    atomic_store(&shut, true);
    (void)pthread_cond_broadcast(&changed);
    alone = wait_for_nobody();
    (void)pthread_mutex_unlock(&gate);
    if (alone)
        hsm_modules_at_exit();
    hsm_tokens_at_exit();
}

bool hsm_gate_arm(void)
{
    /* Once more for each module: handlers run in reverse order, and a
     * module's own were registered when it was loaded. */
    return fork_is_handled && atexit(at_exit) == 0;
}
