/*
 * Sealing with secrets that are asked for.
 */
#include "seal/unlock.h"

#define ATTEMPTS_MAX 1000 /* whoever answers for ever is no person */

static ks_rc get(const struct ks_ask *ask, const struct ks_question *question,
                 struct ks_secret *secret, struct ks_err *err)
{
    if (ask == NULL || ask->get == NULL)
        return KS_E_SECRET_MISSING;
    return ask->get(ask->arg, question, secret, err);
}

/* Keeps the hint of WHY, and adds its text to who is asked about. */
static ks_rc refuse(struct ks_err *err, ks_rc rc, const char *uri,
                    const struct ks_err *why)
{
    if (why->hint[0] != '\0')
        ks_hint(err, "%s", why->hint);
    return ks_fail(err, rc, "%s: %s", uri,
                   why->text[0] != '\0' ? why->text : ks_rc_text(rc));
}

ks_rc ks_unlock(const struct ks_crypto *crypto, const char *uri,
                const struct ks_buf *sealed, const struct ks_ask *ask,
                struct ks_secret *pkcs8, struct ks_err *err)
{
    struct ks_question question = {.what = "passphrase", .whose = uri};
    struct ks_secret secret = {0};
    struct ks_err why = {0};
    ks_rc rc = KS_E_SECRET_WRONG;

    for (; rc == KS_E_SECRET_WRONG && question.attempt < ATTEMPTS_MAX;
         question.attempt++) {
        struct ks_err now = {0};

        rc = get(ask, &question, &secret, &now);
        if (rc == KS_E_SECRET_MISSING && question.attempt > 0)
            return refuse(err, KS_E_SECRET_WRONG, uri, &why);
        if (rc == KS_OK)
            rc = ks_unseal(crypto, sealed, &secret, pkcs8, &now);
        ks_secret_clear(&secret);
        why = now;
    }
    return rc == KS_OK ? KS_OK : refuse(err, rc, uri, &why);
}

struct ks_kdf ks_kdf_for(const struct ks_secret *passphrase,
                         const struct ks_kdf *kdf)
{
    struct ks_kdf least;

    if (passphrase->random &&
        ks_kdf_parse(KS_KDF_RANDOM, &least, NULL) == KS_OK)
        return least;
    return *kdf;
}

ks_rc ks_new_passphrase(const char *uri, const struct ks_ask *ask, bool quiet,
                        struct ks_secret *secret, struct ks_err *err)
{
    const struct ks_question question = {
        .what = "passphrase", .whose = uri, .confirm = true, .quiet = quiet};
    struct ks_err why = {0};
    ks_rc rc = get(ask, &question, secret, &why);

    return rc == KS_OK ? KS_OK : refuse(err, rc, uri, &why);
}

ks_rc ks_lock_up(const struct ks_crypto *crypto, const char *uri,
                 const struct ks_secret *pkcs8, const struct ks_kdf *kdf,
                 const struct ks_ask *ask, struct ks_buf *sealed,
                 struct ks_err *err)
{
    struct ks_secret secret = {0};
    struct ks_err why = {0};
    ks_rc rc = ks_new_passphrase(uri, ask, false, &secret, err);
    struct ks_kdf cost;

    if (rc != KS_OK)
        return rc;
    cost = ks_kdf_for(&secret, kdf);
    rc = ks_seal(crypto, pkcs8, &secret, &cost, sealed, &why);
    ks_secret_clear(&secret);
    return rc == KS_OK ? KS_OK : refuse(err, rc, uri, &why);
}
