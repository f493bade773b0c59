/*
 * One gate for the process: any number of threads that are in SQLite have
 * passed it, or one fork. Forks go first, or a busy server could never fork.
 */
#include "sqlite/fork.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned inside;  /* threads in SQLite */
static unsigned forking; /* threads that fork, or wait to */
static struct ks_fork_hook *hooks;

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The lock is kept through the fork. */
static void before_fork(void)
{
    (void)pthread_mutex_lock(&lock); /* cannot fail: it does not nest */
    forking++;
    while (inside > 0)
        (void)pthread_cond_wait(&changed, &lock); /* cannot fail */
    for (struct ks_fork_hook *hook = hooks; hook != NULL; hook = hook->next)
        hook->close(hook);
}

static void after_fork(void)
{
    forking--;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

/* Of the threads that waited none is left. */
static void in_child(void)
{
    static const pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;

    changed = fresh;
    forking = 0;
    (void)pthread_mutex_unlock(&lock);
}

static void set_up(void)
{
    /* Out of memory: then a child finds the connection by its process id, and
     * refuses (db.c). */
    (void)pthread_atfork(before_fork, after_fork, in_child);
}

void ks_fork_hold(void)
{
    (void)pthread_once(&once, set_up);
    (void)pthread_mutex_lock(&lock);
    while (forking > 0)
        (void)pthread_cond_wait(&changed, &lock);
    inside++;
    (void)pthread_mutex_unlock(&lock);
}

void ks_fork_release(void)
{
    (void)pthread_mutex_lock(&lock);
    if (--inside == 0)
        (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

void ks_fork_hook_add(struct ks_fork_hook *hook)
{
    (void)pthread_mutex_lock(&lock);
    hook->next = hooks;
    hook->link = &hooks;
    if (hooks != NULL)
        hooks->link = &hook->next;
    hooks = hook;
    (void)pthread_mutex_unlock(&lock);
}

void ks_fork_hook_remove(struct ks_fork_hook *hook)
{
    (void)pthread_mutex_lock(&lock);
    if (hook->link != NULL) {
        *hook->link = hook->next;
        if (hook->next != NULL)
            hook->next->link = hook->link;
        hook->link = NULL;
    }
    (void)pthread_mutex_unlock(&lock);
}
