/*
 * Opening what is sealed to other keys: which of them to try. Whoever may
 * write a record can say in it where to look; so a key is asked only if what
 * it is to open is sealed to it by its identifier.
 */
#include "seal/sealing_keys.h"

#include <stdio.h>
#include <string.h>

#include "record.h"
#include "seal/sealing_keys_own.h"

/* One opening under way. */
struct opening_run {
    struct ks_sealing_keys *keys;
    struct ks_buf sealed; /* borrowed */
    const struct ks_ask *ask;
    uint8_t ids[KS_CMS_RECIPIENTS_MAX][KS_KEY_ID_LEN];
    size_t n;
    /* Keys that were asked, by identifier: a key may have several URIs. */
    bool asked[KS_CMS_RECIPIENTS_MAX];
    struct ks_failures failures;
    struct ks_secret pkcs8;
};

static ks_rc open_by(struct opening_run *run, const char *uri,
                     struct ks_err *err)
{
    const struct ks_keyring *ring = &run->keys->keyring;
    struct ks_kek kek = {.ops = NULL};
    ks_rc rc = ring->open(ring->arg, uri, run->ask, &kek, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_cms_open(&run->keys->crypto, &run->sealed, &kek, &run->pkcs8, err);
    ring->close(ring->arg, &kek);
    return rc;
}

/* Whether URI is to be asked: it is sealed to it, and not asked already. */
static ks_rc check_wanted(struct opening_run *run, const char *uri,
                          bool *wanted, struct ks_err *err)
{
    uint8_t id[KS_KEY_ID_LEN];
    ks_rc rc = ks_sealing_keys_id(run->keys, uri, id, NULL, err);

    *wanted = rc != KS_OK; /* for the text alone */
    for (size_t i = 0; i < run->n && !*wanted; i++)
        if (memcmp(run->ids[i], id, KS_KEY_ID_LEN) == 0 && !run->asked[i])
            *wanted = run->asked[i] = true;
    return rc;
}

/* After URI was tried with the result RC: true if it is open, or nobody is to
 * be tried any more. Who gave a wrong secret is not asked for another key's: a
 * PIN that was refused by one token would be tried on the next. */
static bool is_over(struct opening_run *run, const char *uri, ks_rc rc,
                    const struct ks_err *why)
{
    if (rc != KS_OK)
        ks_failures_add(&run->failures, uri, rc, why);
    if (rc == KS_E_INTERRUPTED)
        run->failures.first = rc;
    if (rc == KS_E_SECRET_WRONG)
        run->ask = NULL;
    return rc == KS_OK || rc == KS_E_INTERRUPTED || rc == KS_E_NOMEM;
}

static bool try_listed(struct opening_run *run, const char *uri)
{
    struct ks_err why = {0};
    bool wanted = false;
    ks_rc rc = check_wanted(run, uri, &wanted, &why);

    if (!wanted)
        return false;
    if (rc == KS_OK)
        rc = open_by(run, uri, &why);
    return is_over(run, uri, rc, &why);
}

/* A key that a person names is asked whatever it is: its public half may be
 * behind a passphrase, too. */
static bool try_given(struct opening_run *run, const char *uri)
{
    struct ks_err why = {0};
    ks_rc rc = KS_E_UNSUPPORTED;

    if (run->keys->keyring.open != NULL)
        rc = open_by(run, uri, &why);
    return is_over(run, uri, rc, &why);
}

static bool has_uri(const struct ks_seal_to *list, const char *uri)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->uris[i], uri) == 0)
            return true;
    return false;
}

/* LIST but for what is in TRIED as well. */
static bool try_list(struct opening_run *run, const struct ks_seal_to *list,
                     const struct ks_seal_to *tried)
{
    for (size_t i = 0; i < list->n; i++)
        if (!has_uri(tried, list->uris[i]) && try_listed(run, list->uris[i]))
            return true;
    return false;
}

static ks_rc try_all(struct opening_run *run, const char *with,
                     const char *recipients, struct ks_err *err)
{
    static const struct ks_seal_to none;
    struct ks_seal_to hints = {0};
    ks_rc rc = KS_OK;

    if (with != NULL && try_given(run, with))
        return KS_OK;
    if (try_list(run, &run->keys->seal_to, &none))
        return KS_OK;
    if (recipients != NULL)
        rc = ks_seal_to_from_hints(recipients, &hints, err);
    /* Whoever wrote them could name any token, and have its PIN tried. */
    run->ask = NULL;
    if (rc == KS_OK) /* failures are in run */
        (void)try_list(run, &hints, &run->keys->seal_to);
    ks_seal_to_clear(&hints);
    return rc;
}

/* ---- what went wrong ---- */

static void list_ids(const struct opening_run *run, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < run->n && used + 2 * KS_KEY_ID_LEN + 3 < size; i++) {
        used +=
            (size_t)snprintf(text + used, size - used, "%s", i > 0 ? ", " : "");
        for (size_t k = 0; k < KS_KEY_ID_LEN; k++)
            used += (size_t)snprintf(text + used, size - used, "%02x",
                                     run->ids[i][k]);
    }
}

static void hint_escrow(const char *uri, const char *first, struct ks_err *err)
{
    ks_hint(err,
            "%s%sanother key that it is sealed to, such as the escrow's, opens "
            "it: caadm key reseal %s --unseal-with URI",
            first, first[0] != '\0' ? "; " : "", uri);
}

static ks_rc not_opened(const struct opening_run *run, const char *uri,
                        struct ks_err *err)
{
    const struct ks_failures *failures = &run->failures;
    const char *hint = failures->err.hint;
    char ids[256];

    if (failures->first == KS_OK) {
        hint_escrow(uri, "", err);
        list_ids(run, ids, sizeof(ids));
        return ks_fail(err, KS_E_CRYPTO,
                       "%s: no key is known that opens it; it is sealed to "
                       "the key%s with identifier %s",
                       uri, run->n > 1 ? "s" : "", ids);
    }
    if (failures->first == KS_E_NOT_FOUND || hint[0] == '\0')
        hint_escrow(uri, hint, err);
    else
        ks_hint(err, "%s", hint);
    /* Not the key itself is what was not found. */
    return ks_fail(
        err, failures->first == KS_E_NOT_FOUND ? KS_E_CRYPTO : failures->first,
        "%s: sealed, and not opened: %s", uri, failures->err.text);
}

ks_rc ks_sealing_keys_open(struct ks_sealing_keys *keys, const char *uri,
                           const struct ks_record *record, const char *with,
                           const struct ks_ask *ask, struct ks_secret *pkcs8,
                           struct ks_err *err)
{
    struct opening_run run = {
        .keys = keys, .sealed = ks_record_sealed(record), .ask = ask};
    struct ks_err why = {0};
    ks_rc rc = ks_cms_recipients(&run.sealed, run.ids, &run.n, &why);

    if (rc == KS_OK)
        rc = try_all(&run, with, record->recipients, &why);
    if (rc != KS_OK) {
        if (why.hint[0] != '\0')
            ks_hint(err, "%s", why.hint);
        return ks_fail(err, rc, "%s: %s", uri, why.text);
    }
    if (run.pkcs8.len == 0)
        return not_opened(&run, uri, err);
    *pkcs8 = run.pkcs8;
    return KS_OK;
}
