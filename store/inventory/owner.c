/*
 * Whose unfinished rows are whose. A handle that makes such rows marks them
 * with a random number and holds a lock on that byte of the file
 * DATABASE-owners. The kernel drops the lock with the process, however it
 * dies, so no process id, boot id or clock is to be trusted. The file holds
 * no data; open file description locks (fcntl(2)) also tell two handles of
 * one process apart.
 */
#include "inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#define SUFFIX "-owners"

static ks_rc open_file(struct ks_inventory *inv, struct ks_err *err)
{
    /* SQLite's own name of it: a symbolic link must lead to the same locks */
    const char *base = sqlite3_db_filename(inv->db, "main");
    size_t size;
    char *path = NULL;
    ks_rc rc = KS_OK;

    if (inv->owner_fd >= 0)
        return KS_OK;
    if (base == NULL || base[0] == '\0')
        base = inv->path;
    size = strlen(base) + sizeof(SUFFIX);
    path = OPENSSL_malloc(size);
    if (path == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", inv->path);
    (void)snprintf(path, size, "%s" SUFFIX, base);
    inv->owner_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                         S_IRUSR | S_IWUSR);
    if (inv->owner_fd < 0)
        rc = ks_fail_errno(err, ks_rc_of_errno(errno), "%s", path);
    OPENSSL_free(path);
    return rc;
}

static ks_rc lock(struct ks_inventory *inv, int64_t owner, struct ks_err *err)
{
    struct flock range = {.l_type = F_WRLCK,
                          .l_whence = SEEK_SET,
                          .l_start = (off_t)owner,
                          .l_len = 1};

    if (fcntl(inv->owner_fd, F_OFD_SETLK, &range) != 0)
        return ks_fail_errno(err, KS_E_IO, "%s" SUFFIX ": lock", inv->path);
    return KS_OK;
}

ks_rc inv_owner(struct ks_inventory *inv, int64_t *owner, struct ks_err *err)
{
    uint64_t number = 0;
    ks_rc rc = KS_OK;

    if (inv->owner == 0) {
        rc = open_file(inv, err);
        if (rc == KS_OK &&
            RAND_bytes((unsigned char *)&number, sizeof(number)) != 1)
            rc = ks_fail(err, KS_E_CRYPTO, "no random numbers");
        number = (number >> 2) | 1; /* a positive offset, never 0 */
        if (rc == KS_OK)
            rc = lock(inv, (int64_t)number, err);
        if (rc == KS_OK)
            inv->owner = (int64_t)number;
    }
    if (rc == KS_OK)
        *owner = inv->owner;
    return rc;
}

ks_rc inv_owner_alive(struct ks_inventory *inv, int64_t owner, bool *alive,
                      struct ks_err *err)
{
    struct flock range = {.l_type = F_WRLCK,
                          .l_whence = SEEK_SET,
                          .l_start = (off_t)owner,
                          .l_len = 1};
    ks_rc rc;

    *alive = owner != 0 && owner == inv->owner;
    if (*alive || owner <= 0)
        return KS_OK;
    rc = open_file(inv, err);
    if (rc != KS_OK)
        return rc;
    if (fcntl(inv->owner_fd, F_OFD_GETLK, &range) != 0)
        return ks_fail_errno(err, KS_E_IO, "%s" SUFFIX ": lock", inv->path);
    *alive = range.l_type != F_UNLCK;
    return KS_OK;
}

ks_rc inv_claim(struct ks_inventory *inv, const char *find, const char *claim,
                int64_t id, bool *claimed, struct ks_err *err)
{
    int64_t me = 0, owner = 0;
    bool mine = false, alive = false;
    ks_rc rc = inv_owner(inv, &me, err);

    *claimed = false;
    if (rc == KS_OK)
        rc = inv_enter(inv, &mine, err);
    if (rc != KS_OK)
        return rc;
    rc = inv_get_int(inv, find, INV_ARGS(inv_int(id)), &owner, err);
    if (rc == KS_OK)
        rc = inv_owner_alive(inv, owner, &alive, err);
    if (rc == KS_OK && !alive) {
        rc = inv_run(inv, claim, INV_ARGS(inv_int(me), inv_int(id)), err);
        *claimed = rc == KS_OK;
    }
    rc = inv_leave(inv, mine, rc, err);
    *claimed = *claimed && rc == KS_OK;
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

void inv_owner_close(struct ks_inventory *inv)
{
    if (inv->owner_fd >= 0)
        (void)close(inv->owner_fd); /* nothing was written */
    inv->owner_fd = -1;
    inv->owner = 0;
}
