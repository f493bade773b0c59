/*
 * The callbacks of operation keys: the backend makes them or takes them in,
 * seals them under a PIN of its own, and gives nothing out but what they do.
 * A device would do the work itself; here it is done in memory, by the
 * ks_soft_key of the library.
 */
#include "example.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <ks_soft_key.h>

#define PIN_SETTING "pin" /* pin = SOURCE in the section of caadm.conf */
#define ATTEMPTS_MAX 16
#define RSA_BITS 3072

/* ---- the PIN ---- */

/* Asks for the PIN of the key NAME. NEWLY: it is to seal, not to open. */
static ks_rc ask_pin(const struct place *place, const char *name,
                     const struct ks_ask *ask, unsigned attempt, bool newly,
                     struct ks_secret *pin, struct ks_err *err)
{
    char *uri = NULL;
    struct ks_question question = {.what = "PIN",
                                   .confirm = newly,
                                   .attempt = attempt,
                                   .setting = PIN_SETTING};
    ks_rc rc = ks_uri_format(place->name, name, &uri);

    question.whose = uri;
    if (rc == KS_OK && ask == NULL)
        rc = ks_fail(err, KS_E_SECRET_MISSING, "%s: needs a PIN", uri);
    if (rc == KS_OK)
        rc = ask->get(ask->arg, &question, pin, err);
    if (rc == KS_OK && pin->len == 0)
        rc = ks_fail(err, KS_E_INVALID, "%s: the PIN is empty", uri);
    if (rc != KS_OK)
        (void)ks_fail(err, rc, "\"%s\": %s", name, ks_rc_text(rc));
    OPENSSL_free(uri);
    return rc;
}

/* The PIN that fitted last; KS_E_NOT_FOUND: none has. */
static ks_rc known_pin(struct place *place, struct ks_secret *pin)
{
    ks_rc rc = KS_E_NOT_FOUND;

    (void)pthread_mutex_lock(&place->lock);
    if (place->pin.data != NULL)
        rc = ks_secret_set(pin, place->pin.data, place->pin.len);
    (void)pthread_mutex_unlock(&place->lock);
    return rc;
}

static ks_rc keep_pin(struct place *place, const struct ks_secret *pin)
{
    ks_rc rc;

    (void)pthread_mutex_lock(&place->lock);
    rc = ks_secret_set(&place->pin, pin->data, pin->len);
    (void)pthread_mutex_unlock(&place->lock);
    return rc;
}

/* ---- sealing ---- */

static PKCS8_PRIV_KEY_INFO *decode_pkcs8(const struct ks_secret *pkcs8)
{
    const unsigned char *at = pkcs8->data;

    return pkcs8->data != NULL && pkcs8->len <= LONG_MAX
               ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8->len)
               : NULL;
}

/* Sets *half to PKCS8, encrypted. */
static ks_rc seal(const struct place *place, const struct ks_secret *pkcs8,
                  const struct ks_secret *pin, struct ks_secret *half)
{
    PKCS8_PRIV_KEY_INFO *info = decode_pkcs8(pkcs8);
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(place->libctx, "AES-256-CBC", place->propq);
    X509_SIG *sealed = NULL;
    unsigned char *der = NULL;
    int len = -1;
    ks_rc rc = KS_E_CRYPTO;

    if (info != NULL && cipher != NULL && pin->len <= KS_SECRET_MAX)
        sealed = PKCS8_encrypt_ex(-1, cipher, (const char *)pin->data,
                                  (int)pin->len, NULL, 0, place->iterations,
                                  info, place->libctx, place->propq);
    if (sealed != NULL)
        len = i2d_X509_SIG(sealed, &der);
    if (len > 0)
        rc = ks_secret_set(half, der, (size_t)len);
    OPENSSL_free(der);
    X509_SIG_free(sealed);
    EVP_CIPHER_free(cipher);
    PKCS8_PRIV_KEY_INFO_free(info);
    return rc;
}

static ks_rc unseal(const struct place *place, const struct ks_secret *half,
                    const struct ks_secret *pin, struct ks_secret *pkcs8)
{
    const unsigned char *at = half->data;
    X509_SIG *sealed = half->data != NULL && half->len <= LONG_MAX
                           ? d2i_X509_SIG(NULL, &at, (long)half->len)
                           : NULL;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    unsigned char *der = NULL;
    int len = -1;
    ks_rc rc = sealed != NULL ? KS_E_SECRET_WRONG : KS_E_DAMAGED;

    if (sealed != NULL && pin->len <= KS_SECRET_MAX)
        info = PKCS8_decrypt_ex(sealed, (const char *)pin->data, (int)pin->len,
                                place->libctx, place->propq);
    if (info != NULL)
        len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    if (len > 0)
        rc = ks_secret_set(pkcs8, der, (size_t)len);
    OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    X509_SIG_free(sealed);
    return rc;
}

/* Opens the private half RECORD with the PIN that is known, else with those
 * that ASK gives, in turn. */
static ks_rc open_half(struct place *place, const char *name,
                       const struct ks_record *record, const struct ks_ask *ask,
                       struct ks_secret *pkcs8, struct ks_err *err)
{
    struct ks_secret pin = {0};
    ks_rc rc = known_pin(place, &pin);

    if (rc == KS_OK)
        rc = unseal(place, &record->private_half, &pin, pkcs8);
    for (unsigned attempt = 0;
         (rc == KS_E_NOT_FOUND || rc == KS_E_SECRET_WRONG) &&
         attempt < ATTEMPTS_MAX;
         attempt++) {
        struct ks_err why = {0};

        ks_secret_clear(&pin);
        rc = ask_pin(place, name, ask, attempt, false, &pin, &why);
        if (rc == KS_E_SECRET_MISSING && attempt > 0) {
            rc = KS_E_SECRET_WRONG; /* those that there were did not fit */
            break;
        }
        if (rc != KS_OK) {
            ks_hint(err, "%s", why.hint);
            (void)ks_fail(err, rc, "%s", why.text);
            break;
        }
        rc = unseal(place, &record->private_half, &pin, pkcs8);
        if (rc == KS_OK)
            rc = keep_pin(place, &pin);
    }
    ks_secret_clear(&pin);
    if (rc != KS_OK)
        (void)ks_fail(err, rc, "key \"%s\" in %s: %s", name, place->path,
                      ks_rc_text(rc));
    return rc;
}

/* ---- new keys ---- */

/* Keeps PKCS8, whose public half is SPKI, under a new name. */
static ks_rc keep(struct place *place, const char *name, const char *origin,
                  const struct ks_buf *spki, const struct ks_secret *pkcs8,
                  const struct ks_ask *ask, struct ks_err *err)
{
    struct ks_record record = {.form = KS_FORM_INSIDE};
    struct ks_secret pin = {0};
    ks_rc rc = known_pin(place, &pin);

    if (rc == KS_E_NOT_FOUND)
        rc = ask_pin(place, name, ask, 0, true, &pin, err);
    if (rc == KS_OK)
        rc = seal(place, pkcs8, &pin, &record.private_half);
    if (rc == KS_OK)
        rc = ks_buf_set(&record.info.spki, spki->data, spki->len);
    if (rc == KS_OK) {
        record.info.created = time(NULL);
        (void)OPENSSL_strlcpy(record.info.origin, origin,
                              sizeof(record.info.origin));
        rc = place_add(place, name, &record, err);
    }
    if (rc == KS_OK)
        rc = keep_pin(place, &pin);
    if (rc != KS_OK)
        (void)ks_fail(err, rc, "\"%s\": %s", name, ks_rc_text(rc));
    ks_secret_clear(&pin);
    ks_record_clear(&record);
    return rc;
}

/* KS_OK if NAME is free: asked before anybody types a PIN for nothing. */
static ks_rc check_free(const struct place *place, const char *name,
                        struct ks_err *err)
{
    struct ks_secret bytes = {0};
    ks_rc rc = folder_read(place, name, &bytes, err);

    ks_secret_clear(&bytes);
    if (rc == KS_OK)
        return ks_fail(err, KS_E_EXISTS, "%s has a key \"%s\" already",
                       place->path, name);
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

static EVP_PKEY *make(const struct place *place, const struct ks_keygen *spec)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(
        place->libctx, spec->algorithm, place->propq);
    int bits = spec->bits != 0 ? (int)spec->bits : RSA_BITS;
    EVP_PKEY *pkey = NULL;

    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0)
        goto out;
    if (EVP_PKEY_CTX_is_a(ctx, "RSA") || EVP_PKEY_CTX_is_a(ctx, "RSA-PSS")) {
        if (EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) <= 0)
            goto out;
    } else if (spec->group != NULL &&
               EVP_PKEY_CTX_set_group_name(ctx, spec->group) <= 0) {
        goto out;
    }
    (void)EVP_PKEY_generate(ctx, &pkey); /* NULL if it failed */
out:
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static ks_rc encode_public(EVP_PKEY *pkey, struct ks_buf *spki)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    ks_rc rc = len > 0 ? ks_buf_set(spki, der, (size_t)len) : KS_E_CRYPTO;

    OPENSSL_free(der);
    return rc;
}

static ks_rc encode_private(const EVP_PKEY *pkey, struct ks_secret *pkcs8)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    unsigned char *der = NULL;
    int len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    ks_rc rc = len > 0 ? ks_secret_set(pkcs8, der, (size_t)len) : KS_E_CRYPTO;

    OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    return rc;
}

/* KS_OK if open_key will be able to use it. */
static ks_rc check_usable(const struct place *place,
                          const struct ks_secret *pkcs8, struct ks_err *err)
{
    void *key = NULL;
    ks_rc rc = ks_soft_key_new(pkcs8, place->libctx, place->propq, &key, err);

    if (rc == KS_OK)
        ks_soft_key_ops.free(key);
    return rc;
}

/* spec->usage goes by: a key of this place may do all that its algorithm can.
 * A device would set the usage that is asked for, and refuse others. */
ks_rc example_generate(void *store, const char *name,
                       const struct ks_keygen *spec, const struct ks_ask *ask,
                       struct ks_buf *spki, struct ks_err *err)
{
    struct place *place = store;
    struct ks_secret pkcs8 = {0};
    struct ks_buf made = {0};
    EVP_PKEY *pkey = NULL;
    ks_rc rc = check_free(place, name, err);

    if (rc != KS_OK)
        return rc;
    ERR_set_mark();
    pkey = make(place, spec);
    ERR_pop_to_mark();
    if (pkey == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED, "\"%s\": cannot make %s keys",
                       name, spec->algorithm);
    rc = encode_public(pkey, &made);
    if (rc == KS_OK)
        rc = encode_private(pkey, &pkcs8);
    EVP_PKEY_free(pkey);
    if (rc == KS_OK)
        rc = check_usable(place, &pkcs8, err);
    if (rc == KS_OK)
        rc = keep(place, name, "generated", &made, &pkcs8, ask, err);
    ks_secret_clear(&pkcs8);
    if (rc == KS_OK) {
        *spki = made;
        made = (struct ks_buf){0}; /* given to the caller */
    }
    ks_buf_clear(&made);
    return rc;
}

/* KS_OK if SPKI is the public half of PKCS8. */
static ks_rc check_pair(const struct place *place, const char *name,
                        const struct ks_buf *spki,
                        const struct ks_secret *pkcs8, struct ks_err *err)
{
    PKCS8_PRIV_KEY_INFO *info = decode_pkcs8(pkcs8);
    EVP_PKEY *pkey = info != NULL
                         ? EVP_PKCS82PKEY_ex(info, place->libctx, place->propq)
                         : NULL;
    struct ks_buf own = {0};
    ks_rc rc = pkey != NULL ? encode_public(pkey, &own) : KS_E_DAMAGED;

    if (rc == KS_OK &&
        (own.len != spki->len || memcmp(own.data, spki->data, own.len) != 0))
        rc = KS_E_DAMAGED;
    ks_buf_clear(&own);
    EVP_PKEY_free(pkey);
    PKCS8_PRIV_KEY_INFO_free(info);
    return rc == KS_OK
               ? rc
               : ks_fail(err, rc, "\"%s\": not two halves of one key", name);
}

ks_rc example_import(void *store, const char *name, const struct ks_buf *spki,
                     const struct ks_secret *pkcs8, unsigned usage,
                     const struct ks_ask *ask, struct ks_err *err)
{
    struct place *place = store;
    ks_rc rc = check_free(place, name, err);

    (void)usage; /* as with generate */
    ERR_set_mark();
    if (rc == KS_OK)
        rc = check_pair(place, name, spki, pkcs8, err);
    if (rc == KS_OK)
        rc = check_usable(place, pkcs8, err);
    if (rc == KS_OK)
        rc = keep(place, name, "imported", spki, pkcs8, ask, err);
    ERR_pop_to_mark();
    return rc;
}

/* ---- keys in use ---- */

ks_rc example_open_key(void *store, const char *name, const struct ks_ask *ask,
                       const struct ks_key_ops **ops, void **key,
                       struct ks_buf *spki, struct ks_err *err)
{
    struct place *place = store;
    struct ks_record record = {0};
    struct ks_secret pkcs8 = {0};
    ks_rc rc = place_read(place, name, &record, err);

    ERR_set_mark();
    if (rc == KS_OK && record.form != KS_FORM_INSIDE)
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "key \"%s\" in %s: does not stay inside", name,
                     place->path);
    if (rc == KS_OK)
        rc = open_half(place, name, &record, ask, &pkcs8, err);
    if (rc == KS_OK)
        rc = ks_soft_key_new(&pkcs8, place->libctx, place->propq, key, err);
    if (rc == KS_OK) {
        *ops = &ks_soft_key_ops;
        *spki = record.info.spki;
        record.info.spki = (struct ks_buf){0}; /* given to the caller */
    }
    ERR_pop_to_mark();
    ks_secret_clear(&pkcs8);
    ks_record_clear(&record);
    return rc;
}
