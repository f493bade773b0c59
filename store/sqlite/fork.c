/*
 * One gate for the process: threads that are in SQLite hold it shared, a fork
 * holds it alone. Forks go first, or a busy server could never fork.
 */
#include "sqlite/fork.h"

#include <pthread.h>
#include <stddef.h>

#define GATE PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP

static pthread_rwlock_t gate = GATE;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ks_fork_hook *hooks; /* under both locks, or the gate alone */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    (void)pthread_rwlock_wrlock(&gate); /* cannot fail: none nests */
    for (struct ks_fork_hook *hook = hooks; hook != NULL; hook = hook->next)
        hook->close(hook);
}

static void after_fork(void)
{
    (void)pthread_rwlock_unlock(&gate); /* taken above */
}

/* Made new: the lock knows its holder by a thread id that is the parent's. */
static void in_child(void)
{
    static const pthread_rwlock_t fresh = GATE;

    gate = fresh;
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
    (void)pthread_rwlock_rdlock(&gate); /* cannot fail: it does not nest */
}

void ks_fork_release(void)
{
    (void)pthread_rwlock_unlock(&gate);
}

void ks_fork_hook_add(struct ks_fork_hook *hook)
{
    ks_fork_hold();
    (void)pthread_mutex_lock(&list_lock);
    hook->next = hooks;
    hook->link = &hooks;
    if (hooks != NULL)
        hooks->link = &hook->next;
    hooks = hook;
    (void)pthread_mutex_unlock(&list_lock);
    ks_fork_release();
}

void ks_fork_hook_remove(struct ks_fork_hook *hook)
{
    if (hook->link == NULL)
        return;
    ks_fork_hold();
    (void)pthread_mutex_lock(&list_lock);
    *hook->link = hook->next;
    if (hook->next != NULL)
        hook->next->link = hook->link;
    hook->link = NULL;
    (void)pthread_mutex_unlock(&list_lock);
    ks_fork_release();
}
