/*
 * SQLite and fork(2). A child must not have a connection of its parent's: not
 * even to leave it alone, because SQLite counts the locks of a file by
 * process, and would count the parent's as the child's
 * (sqlite.org/howtocorrupt.html, 2.6). So a fork waits for calls of SQLite to
 * end, and closes what is open; whoever goes on opens it again.
 */
#ifndef KS_SQLITE_FORK_H
#define KS_SQLITE_FORK_H

/* Something to close before a fork. Zero it, set CLOSE, add it. */
struct ks_fork_hook {
    void (*close)(struct ks_fork_hook *hook); /* no thread is in SQLite */
    struct ks_fork_hook *next, **link;
};

/* All of SQLite is called between these two, a connection that has no hook is
 * opened and closed between them. They do not nest. */
void ks_fork_hold(void);
void ks_fork_release(void);

/* Not while this thread holds. */
void ks_fork_hook_add(struct ks_fork_hook *hook);
void ks_fork_hook_remove(struct ks_fork_hook *hook);

#endif
