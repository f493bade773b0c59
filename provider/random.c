/*
 * Random secrets of keys that load with nobody there.
 */
#include "random.h"

#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ks_inventory.h"
#include "sqlite/fork.h"
#include "stores_own.h"

#define OCTETS 32 /* 256 bits */
#define BASE64_SIZE (4 * ((OCTETS + 2) / 3) + 1)

void prov_random_clear(struct prov_random *random)
{
    ks_secret_clear(&random->secret);
    memset(random, 0, sizeof(*random));
}

static const char *database_of(const struct prov_store *store)
{
    return ks_config_database(store->stores->config);
}

/* Only a configured backend that seals keys may have any. */
static bool can_have(const struct prov_store *store)
{
    return store->name != NULL && store->sealing != NULL;
}

/* No fork from here to close_inventory: a child must not have the connection.
 */
static ks_rc open_inventory(const struct prov_store *store,
                            enum ks_inventory_mode mode,
                            struct ks_inventory **inv, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc;

    ks_fork_hold();
    rc = ks_inventory_open(database_of(store), mode, inv, &why);
    if (rc == KS_OK)
        return rc;
    ks_fork_release();
    if (rc == KS_E_NOT_FOUND) {
        rc = KS_E_CONFIG; /* it is not the key that is not there */
        ks_hint(err, "restore it from a backup; the empty one that \"caadm "
                     "init\" makes opens no key");
    } else if (rc == KS_E_DENIED) {
        ks_hint(err, "random secrets are for root and the owner of the "
                     "inventory: give a program of another user an inventory "
                     "of its own ([caadm] database), or a passphrase");
    } else if (why.hint[0] != '\0') {
        ks_hint(err, "%s", why.hint);
    }
    return ks_fail(err, rc, "random secret: %s", why.text);
}

/* Takes NULL, of what could not be opened. */
static void close_inventory(struct ks_inventory *inv)
{
    ks_inventory_close(inv);
    if (inv != NULL)
        ks_fork_release();
}

ks_rc prov_random_next(const struct prov_store *store, const char *uri,
                       struct prov_random *random, struct ks_secret *secret,
                       struct ks_err *err)
{
    struct ks_inventory *inv = NULL;
    ks_rc rc;

    if (!can_have(store))
        return KS_E_SECRET_MISSING;
    rc = open_inventory(store, KS_INVENTORY_READ, &inv, err);
    if (rc == KS_OK)
        rc = ks_random_before(inv, uri, &random->given, secret, err);
    close_inventory(inv);
    return rc == KS_E_NOT_FOUND
               ? ks_fail(err, KS_E_SECRET_MISSING,
                         "no random secret of this key is in %s",
                         database_of(store))
               : rc;
}

/* What a person can do about it is said by whoever has the file. */
static ks_rc check_apart(const struct prov_store *store, struct ks_err *err)
{
    const char *path = prov_store_setting(store, NULL, "path");
    struct stat keys, secrets;
    char *full;
    bool same;

    if (path == NULL)
        return KS_OK;
    full = ks_path_below(store->dir, path);
    if (full == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    same = stat(full, &keys) == 0 && stat(database_of(store), &secrets) == 0 &&
           keys.st_dev == secrets.st_dev && keys.st_ino == secrets.st_ino;
    OPENSSL_free(full);
    if (!same)
        return KS_OK;
    ks_hint(err,
            "set another path in [backend %s], or another database in "
            "[caadm]",
            store->name);
    return ks_fail(err, KS_E_CONFIG,
                   "%s: keys of [backend %s] and their random secrets would be "
                   "in one file: who has it would have both",
                   database_of(store), store->name);
}

/* base64url (RFC 4648, 5), without what fills it up: no quoting anywhere. */
static ks_rc make(const struct prov_store *store, struct ks_secret *secret,
                  struct ks_err *err)
{
    unsigned char octets[OCTETS], text[BASE64_SIZE];
    ks_rc rc = KS_E_CRYPTO;

    if (RAND_priv_bytes_ex(store->stores->ctx->child, octets, sizeof(octets),
                           8 * OCTETS) == 1) {
        (void)EVP_EncodeBlock(text, octets, OCTETS);
        for (size_t i = 0; i < KS_RANDOM_LEN; i++)
            text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
        rc = ks_secret_set(secret, text, KS_RANDOM_LEN);
    }
    OPENSSL_cleanse(octets, sizeof(octets));
    OPENSSL_cleanse(text, sizeof(text));
    if (rc == KS_OK)
        secret->random = true;
    return rc == KS_OK ? rc : ks_fail(err, rc, "cannot draw a random secret");
}

/* Who could read what is drawn could open the key. */
static ks_rc check_closed(const struct prov_store *store, struct ks_err *err)
{
    const char *path = database_of(store);
    struct stat st;

    if (stat(path, &st) != 0 || (st.st_mode & 077) == 0)
        return KS_OK; /* what is not there is said when it is opened */
    ks_hint(err, "chmod go-rwx %s", path);
    return ks_fail(err, KS_E_DENIED,
                   "%s: others can read or change it (mode %04o), and random "
                   "secrets are kept there",
                   path, (unsigned)(st.st_mode & 07777));
}

static ks_rc draw(const struct prov_store *store, const char *uri,
                  struct prov_random *random, struct ks_err *err)
{
    struct ks_inventory *inv = NULL;
    ks_rc rc = check_apart(store, err);

    if (rc == KS_OK)
        rc = check_closed(store, err);
    if (rc == KS_OK)
        rc = make(store, &random->secret, err);
    if (rc == KS_OK)
        rc = open_inventory(store, KS_INVENTORY_WRITE, &inv, err);
    if (rc == KS_OK)
        rc = ks_random_add(inv, uri, &random->secret, &random->drawn, err);
    close_inventory(inv);
    return rc;
}

ks_rc prov_random_draw(const struct prov_store *store, const char *uri,
                       struct prov_random *random, struct ks_secret *secret,
                       struct ks_err *err)
{
    ks_rc rc = KS_OK;

    if (!can_have(store))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "only a configured backend's key can have a random "
                       "secret");
    if (random->drawn == 0)
        rc = draw(store, uri, random, err);
    if (rc == KS_OK)
        rc = ks_secret_set(secret, random->secret.data, random->secret.len);
    if (rc == KS_OK)
        secret->random = true;
    return rc;
}

void prov_random_mark(const struct prov_store *store, const char *uri,
                      struct prov_random *random)
{
    struct prov_random newest = {0};
    struct ks_secret secret = {0};

    if (prov_random_next(store, uri, &newest, &secret, NULL) == KS_OK)
        random->newest = newest.given;
    ks_secret_clear(&secret);
}

/* A secret that is left over opens nothing: that it could not be removed is no
 * failure of what was asked for. */
static void forget(const struct prov_store *store, const char *uri,
                   int64_t first, int64_t last)
{
    struct ks_inventory *inv = NULL;
    ks_rc rc = open_inventory(store, KS_INVENTORY_WRITE, &inv, NULL);

    if (rc == KS_OK)
        rc = ks_random_remove(inv, uri, first, last, NULL);
    close_inventory(inv);
}

/* After these nothing was kept under the new secret. After any other failure,
 * of storage or of a backend that we do not know, it may be there all the same,
 * now or after a crash; and a secret too many harms nothing. */
static bool is_surely_not_kept(ks_rc rc)
{
    static const ks_rc results[] = {
        KS_E_EXISTS,  KS_E_BUSY,           KS_E_NOT_FOUND,
        KS_E_INVALID, KS_E_SECRET_MISSING, KS_E_SECRET_WRONG,
    };

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        if (results[i] == rc)
            return true;
    return false;
}

ks_rc prov_random_done(const struct prov_store *store, const char *uri,
                       struct prov_random *random, ks_rc rc, struct ks_err *err)
{
    struct ks_inventory *inv = NULL;

    if (rc == KS_OK && random->drawn != 0) {
        rc = open_inventory(store, KS_INVENTORY_WRITE, &inv, err);
        if (rc == KS_OK)
            rc =
                ks_random_settle(inv, uri, random->drawn, &random->secret, err);
        close_inventory(inv);
    } else if (rc == KS_OK && random->newest != 0) {
        forget(store, uri, 0, random->newest);
    } else if (random->drawn != 0 && is_surely_not_kept(rc)) {
        forget(store, uri, random->drawn, random->drawn);
    }
    prov_random_clear(random);
    return rc;
}

void prov_random_undo(const struct prov_store *store, const char *uri,
                      struct prov_random *random)
{
    if (random->drawn != 0)
        forget(store, uri, random->drawn, random->drawn);
    prov_random_clear(random);
}
