/*
 * Sealing to other keys, and the proof that one of them can open it: a key
 * that may not decrypt, or a token without the mechanism, would lose what is
 * sealed to it.
 */
#include "seal/sealing_keys.h"

#include <string.h>

#include "record.h"
#include "seal/sealing_keys_own.h"

#define OAEP_DIGEST "SHA2-256"
#define OAEP_DIGEST_ANY                                                        \
    "SHA1" /* of tokens that have no other; OAEP's                             \
              security does not rest on it */

/* What this thread seals. */
static _Thread_local const struct sealing_run *under_way;

/* One sealing under way. */
struct sealing_run {
    struct ks_sealing_keys *keys;
    const char *uri;
    const struct ks_buf *spki;
    bool anew; /* there is a key of that URI */
    const struct ks_secret *pkcs8;
    const struct ks_ask *ask;
    size_t n;
    struct ks_cms_recipient to[KS_CMS_RECIPIENTS_MAX];
    struct ks_recipient_memory memory[KS_CMS_RECIPIENTS_MAX];
    struct ks_buf sealed;
    bool stale;                  /* SEALED is not as MEMORY says by now */
    struct ks_failures failures; /* of keys that cannot be reached */
};

static ks_rc refuse(const struct sealing_run *run, size_t i, ks_rc rc,
                    const struct ks_err *why, struct ks_err *err)
{
    struct ks_failures one = {.first = KS_OK};

    ks_failures_add(&one, run->keys->seal_to.uris[i], rc, why);
    if (one.err.hint[0] != '\0')
        ks_hint(err, "%s", one.err.hint);
    return ks_fail(err, rc, "[backend %s] seal_to: %s", run->keys->name,
                   one.err.text);
}

/* ---- memory ---- */

static void recall(struct sealing_run *run, size_t i,
                   const uint8_t id[KS_KEY_ID_LEN])
{
    struct ks_sealing_keys *keys = run->keys;
    struct ks_recipient_memory *memory = &run->memory[i];

    if (CRYPTO_THREAD_read_lock(keys->lock)) {
        *memory = keys->memory[i];
        CRYPTO_THREAD_unlock(keys->lock);
    }
    if (memory->known && memcmp(memory->id, id, KS_KEY_ID_LEN) == 0) {
        if (run->anew)
            memory->tried = memory->proven = false;
        return;
    }
    *memory =
        (struct ks_recipient_memory){.known = true, .oaep_digest = OAEP_DIGEST};
    memcpy(memory->id, id, KS_KEY_ID_LEN);
}

static void remember(const struct sealing_run *run)
{
    struct ks_sealing_keys *keys = run->keys;

    if (!CRYPTO_THREAD_write_lock(keys->lock))
        return; /* it is proven again next time */
    memcpy(keys->memory, run->memory, run->n * sizeof(run->memory[0]));
    CRYPTO_THREAD_unlock(keys->lock);
}

/* ---- recipients ---- */

static ks_rc check_other(const struct sealing_run *run, size_t i,
                         struct ks_err *err)
{
    const char *uri = run->keys->seal_to.uris[i];

    for (size_t k = 0; k < i; k++)
        if (memcmp(run->memory[k].id, run->memory[i].id, KS_KEY_ID_LEN) == 0)
            return ks_fail(err, KS_E_CONFIG, "%s: is the same key as %s", uri,
                           run->keys->seal_to.uris[k]);
    return KS_OK;
}

static ks_rc find_recipients(struct sealing_run *run, struct ks_err *err)
{
    const struct ks_seal_to *list = &run->keys->seal_to;

    for (size_t i = 0; i < list->n; i++) {
        uint8_t id[KS_KEY_ID_LEN];
        struct ks_err why = {0};
        ks_rc rc = ks_sealing_keys_id(run->keys, list->uris[i], id,
                                      &run->to[i].spki, &why);

        if (rc == KS_OK) {
            run->n = i + 1;
            recall(run, i, id);
            rc = check_other(run, i, &why);
        }
        if (rc != KS_OK)
            return refuse(run, i, rc, &why, err);
    }
    return KS_OK;
}

static ks_rc seal(struct sealing_run *run, struct ks_err *err)
{
    ks_buf_clear(&run->sealed);
    run->stale = false;
    for (size_t i = 0; i < run->n; i++)
        run->to[i].oaep_digest = run->memory[i].oaep_digest;
    return ks_cms_seal(&run->keys->crypto, run->pkcs8, run->to, run->n,
                       &run->sealed, err);
}

/* ---- proof ---- */

static ks_rc open_with(const struct sealing_run *run, const struct ks_kek *kek,
                       struct ks_err *err)
{
    struct ks_secret opened = {0};
    ks_rc rc = ks_cms_open(&run->keys->crypto, &run->sealed, kek, &opened, err);

    if (rc == KS_OK &&
        (opened.len != run->pkcs8->len ||
         CRYPTO_memcmp(opened.data, run->pkcs8->data, opened.len) != 0))
        rc = ks_fail(err, KS_E_INTERNAL, "what was sealed opens as another");
    ks_secret_clear(&opened);
    return rc;
}

/* Nobody knows what recipient I can do. */
static void assume_least(struct sealing_run *run, size_t i)
{
    struct ks_recipient_memory *memory = &run->memory[i];

    if (memory->proven || strcmp(memory->oaep_digest, OAEP_DIGEST) != 0)
        return;
    memory->oaep_digest = OAEP_DIGEST_ANY;
    run->stale = true;
}

/* Opens what was just sealed with recipient I. What is not reached is no
 * failure, but proves nothing. */
static ks_rc prove(struct sealing_run *run, size_t i, const struct ks_ask *ask,
                   struct ks_err *err)
{
    const struct ks_keyring *ring = &run->keys->keyring;
    const char *uri = run->keys->seal_to.uris[i];
    struct ks_recipient_memory *memory = &run->memory[i];
    struct ks_kek kek = {.ops = NULL};
    struct ks_err why = {0};
    ks_rc rc = ring->open(ring->arg, uri, ask, &kek, &why);

    memory->tried = true;
    if (rc == KS_E_CONFIG)
        return refuse(run, i, rc, &why, err);
    if (rc != KS_OK) {
        ks_failures_add(&run->failures, uri, rc, &why);
        assume_least(run, i);
        return KS_OK;
    }
    rc = open_with(run, &kek, &why);
    if (rc == KS_E_UNSUPPORTED &&
        strcmp(memory->oaep_digest, OAEP_DIGEST) == 0 &&
        kek.ops->decrypt != NULL) {
        struct ks_err again = {0};

        memory->oaep_digest = OAEP_DIGEST_ANY;
        rc = seal(run, &again);
        if (rc == KS_OK)
            rc = open_with(run, &kek, &again);
        if (rc != KS_E_UNSUPPORTED)
            why = again;
    }
    ring->close(ring->arg, &kek);
    memory->proven = rc == KS_OK;
    return rc == KS_OK ? rc : refuse(run, i, rc, &why, err);
}

/* One that is proven; run->n if none is. */
static size_t find_proven(const struct sealing_run *run)
{
    size_t i;

    for (i = 0; i < run->n; i++)
        if (run->memory[i].proven)
            break;
    return i;
}

/* Public halves in files: their private ones are elsewhere, as they should. */
static bool are_escrows(const struct ks_seal_to *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (strncmp(list->uris[i], "file:", 5) != 0)
            return false;
    return true;
}

static ks_rc unproven(const struct sealing_run *run, struct ks_err *err)
{
    const struct ks_failures *failures = &run->failures;
    /* Not the key that is sealed is what was not found. */
    ks_rc rc =
        failures->first == KS_E_NOT_FOUND ? KS_E_CRYPTO : failures->first;

    if (are_escrows(&run->keys->seal_to))
        ks_hint(err, "name a key beside it that can be used now, such as one "
                     "on a token: it opens each key once before that is kept");
    else if (failures->err.hint[0] != '\0')
        ks_hint(err, "%s", failures->err.hint);
    else
        ks_hint(err, "a key is kept only after one of the keys that it is "
                     "sealed to has opened it");
    return ks_fail(err, rc,
                   "[backend %s] seal_to: no key can open what is sealed to "
                   "it: %s",
                   run->keys->name, failures->err.text);
}

/* All of them, without asking anybody. */
static ks_rc prove_quietly(struct sealing_run *run, struct ks_err *err)
{
    ks_rc rc = KS_OK;
    size_t proven;

    for (size_t i = 0; i < run->n && rc == KS_OK; i++)
        if (!run->memory[i].tried)
            rc = prove(run, i, NULL, err);
    if (rc != KS_OK || !run->stale)
        return rc;
    rc = seal(run, err);
    proven = find_proven(run);
    if (rc == KS_OK && proven < run->n)
        rc = prove(run, proven, NULL, err);
    return rc;
}

/* A person is asked only where none opens without. */
static ks_rc prove_any(struct sealing_run *run, struct ks_err *err)
{
    ks_rc rc = prove_quietly(run, err);

    if (rc != KS_OK || find_proven(run) < run->n)
        return rc;
    run->failures = (struct ks_failures){.first = KS_OK};
    for (size_t i = 0; i < run->n && rc == KS_OK && find_proven(run) == run->n;
         i++)
        rc = prove(run, i, run->ask, err);
    if (rc == KS_OK && find_proven(run) == run->n)
        rc = unproven(run, err);
    return rc;
}

/* ---- all of it ---- */

bool ks_sealing_is_under_way(const char *uri, const struct ks_buf *spki)
{
    const struct sealing_run *run = under_way;

    if (run == NULL)
        return false;
    if (uri != NULL && strcmp(run->uri, uri) == 0)
        return true;
    return spki != NULL && spki->len > 0 && spki->len == run->spki->len &&
           memcmp(spki->data, run->spki->data, spki->len) == 0;
}

/* Other keys may be sealed to one that there is; were it sealed to them, none
 * of them would open any more. So it is proven each time that they open without
 * it. */
static bool exists(const struct sealing_run *run)
{
    const struct ks_keyring *ring = &run->keys->keyring;
    struct ks_buf spki = {0};
    ks_rc rc = KS_E_NOT_FOUND;

    if (ring->public_half != NULL)
        rc = ring->public_half(ring->arg, run->uri, &spki, NULL);
    ks_buf_clear(&spki);
    return rc != KS_E_NOT_FOUND;
}

static ks_rc prove_without_it(struct sealing_run *run, struct ks_err *err)
{
    const struct sealing_run *const outer = under_way;
    ks_rc rc;

    under_way = run;
    rc = prove_any(run, err);
    under_way = outer;
    return rc;
}

static ks_rc run_all(struct sealing_run *run, struct ks_err *err)
{
    ks_rc rc;

    run->anew = exists(run);
    rc = find_recipients(run, err);
    if (rc == KS_OK)
        rc = seal(run, err);
    if (rc == KS_OK)
        rc = prove_without_it(run, err);
    if (rc == KS_OK)
        remember(run);
    return rc;
}

static ks_rc put(const struct sealing_run *run, struct ks_record *record,
                 struct ks_err *err)
{
    char *hints = NULL;
    ks_rc rc = ks_seal_to_hints(&run->keys->seal_to, &hints, err);

    if (rc != KS_OK)
        return rc;
    rc =
        ks_secret_set(&record->private_half, run->sealed.data, run->sealed.len);
    if (rc != KS_OK) {
        OPENSSL_free(hints);
        return ks_fail(err, rc, "out of memory");
    }
    OPENSSL_free(record->recipients);
    record->recipients = hints;
    return KS_OK;
}

ks_rc ks_sealing_keys_seal(struct ks_sealing_keys *keys, const char *uri,
                           const struct ks_secret *pkcs8,
                           const struct ks_ask *ask, struct ks_record *record,
                           struct ks_err *err)
{
    struct sealing_run *run = OPENSSL_zalloc(sizeof(*run));
    struct ks_err why = {0};
    ks_rc rc = KS_E_NOMEM;

    if (run != NULL) {
        run->keys = keys;
        run->uri = uri;
        run->spki = &record->info.spki;
        run->pkcs8 = pkcs8;
        run->ask = ask;
        rc = run_all(run, &why);
        if (rc == KS_OK)
            rc = put(run, record, &why);
        for (size_t i = 0; i < KS_CMS_RECIPIENTS_MAX; i++)
            ks_buf_clear(&run->to[i].spki);
        ks_buf_clear(&run->sealed);
    }
    OPENSSL_free(run);
    if (rc == KS_OK)
        return rc;
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s: not sealed: %s", uri,
                   why.text[0] != '\0' ? why.text : ks_rc_text(rc));
}
