/*
 * Private keys that may leave: CKA_EXTRACTABLE and not CKA_SENSITIVE
 * (PKCS#11 3.0, 4.9). Their numbers are read, put beside the public half that
 * the token shows, and the whole held against itself: what comes out is the
 * key, or an error.
 */
#include "extract.h"

#include <limits.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/x509.h>

#include "public.h"

#define PART_MAX 2048 /* bytes of a number: a modulus of 16384 bits */
#define PARTS_MAX 6

struct part {
    CK_ATTRIBUTE_TYPE type;
    const char *name; /* libcrypto's */
};

static const struct part rsa[] = {
    {CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D},
    {CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1},
    {CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2},
    {CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1},
    {CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2},
    {CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};
static const struct part value[] = {{CKA_VALUE, OSSL_PKEY_PARAM_PRIV_KEY}};

/* By what the public half is. */
static const struct kind {
    const char *algorithm;
    const struct part *parts;
    size_t n;
    size_t seed; /* bytes of a value that is no number; 0: it is one */
} kinds[] = {
    {"RSA", rsa, 6, 0},      {"RSA-PSS", rsa, 6, 0},
    {"EC", value, 1, 0},     {"ED25519", value, 1, 32},
    {"ED448", value, 1, 57}, {"X25519", value, 1, 32},
    {"X448", value, 1, 56},
};

/* One extraction. */
struct taking {
    const struct hsm_target *target;
    struct hsm_found found;
    CK_BBOOL sensitive, extractable;
    struct ks_buf spki;
    EVP_PKEY *public;
    const struct kind *kind;
    struct ks_secret room; /* PARTS_MAX times PART_MAX */
    CK_ATTRIBUTE rows[PARTS_MAX];
};

static void taking_clear(struct taking *t)
{
    ks_secret_clear(&t->room);
    ks_buf_clear(&t->spki);
    EVP_PKEY_free(t->public);
}

/* --- what there is --------------------------------------------------------
 */

static CK_RV look(const struct hsm_session *session, void *arg)
{
    struct taking *t = arg;
    CK_OBJECT_HANDLE public;
    CK_ATTRIBUTE rows[] = {
        {CKA_SENSITIVE, &t->sensitive, sizeof(t->sensitive)},
        {CKA_EXTRACTABLE, &t->extractable, sizeof(t->extractable)}};
    CK_RV rv = hsm_find_key(session, &t->target->key, HSM_PRIVATE | HSM_PUBLIC,
                            &t->found);

    ks_buf_clear(&t->spki);
    if (rv != CKR_OK || t->found.n_keys != 1 ||
        t->found.private == CK_INVALID_HANDLE)
        return rv;
    rv = hsm_attributes(session, t->found.private, rows, 2);
    /* silence is no leave */
    if (rows[0].ulValueLen != sizeof(t->sensitive))
        t->sensitive = CK_TRUE;
    if (rows[1].ulValueLen != sizeof(t->extractable))
        t->extractable = CK_FALSE;
    public = t->found.public != CK_INVALID_HANDLE ? t->found.public
             : t->found.cert != CK_INVALID_HANDLE ? t->found.cert
                                                  : t->found.private;
    return rv == CKR_OK ? hsm_public_of(session, public, &t->spki) : rv;
}

static ks_rc may_leave(const struct taking *t, struct ks_err *err)
{
    const struct hsm_target *target = t->target;
    const char *token = hsm_token_label(target->hit.token);
    ks_rc rc =
        hsm_found_check(&t->found, target->hit.token, target->whose, err);

    if (rc != KS_OK)
        return rc;
    if (t->found.private == CK_INVALID_HANDLE)
        return ks_fail(err, KS_E_NOT_FOUND,
                       "%s: token \"%s\" shows no private half", target->whose,
                       token);
    if (t->sensitive == CK_FALSE && t->extractable != CK_FALSE)
        return KS_OK;
    ks_hint(err, "it stays on its token; where another place is wanted, make "
                 "a new key there, and have a new certificate issued");
    return ks_fail(err, KS_E_DENIED,
                   "%s: token \"%s\" does not let this private key out: it is "
                   "%s",
                   target->whose, token,
                   t->extractable == CK_FALSE
                       ? "not extractable (CKA_EXTRACTABLE)"
                       : "sensitive (CKA_SENSITIVE)");
}

static ks_rc find_kind(struct taking *t, struct ks_err *err)
{
    const struct hsm_store *store = t->target->store;
    const uint8_t *at = t->spki.data;

    if (t->spki.len > 0 && t->spki.len < INT_MAX)
        t->public = d2i_PUBKEY_ex(NULL, &at, (long)t->spki.len, store->libctx,
                                  store->propq);
    for (size_t i = 0;
         t->public != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (EVP_PKEY_is_a(t->public, kinds[i].algorithm))
            t->kind = &kinds[i];
    if (t->kind != NULL)
        return KS_OK;
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s: keys of this kind are not taken out of tokens",
                   t->target->whose);
}

/* --- its numbers ----------------------------------------------------------
 */

static CK_RV read_parts(const struct hsm_session *session, void *arg)
{
    struct taking *t = arg;

    /* in another session its handle may be another one */
    CK_RV rv = hsm_find_key(session, &t->target->key, HSM_PRIVATE, &t->found);

    if (rv != CKR_OK)
        return rv;
    if (t->found.n_keys != 1 || t->found.private == CK_INVALID_HANDLE)
        return CKR_OBJECT_HANDLE_INVALID;
    for (size_t i = 0; i < t->kind->n; i++)
        t->rows[i] = (CK_ATTRIBUTE){t->kind->parts[i].type,
                                    t->room.data + i * PART_MAX, PART_MAX};
    return hsm_attributes(session, t->found.private, t->rows, t->kind->n);
}

static ks_rc read_private(struct taking *t, struct ks_err *err)
{
    const struct hsm_target *target = t->target;
    CK_RV rv;

    if (ks_secret_alloc(&t->room, PARTS_MAX * PART_MAX) != KS_OK)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rv = hsm_run(target->hit.token, HSM_READ, read_parts, t);
    if (rv != CKR_OK)
        return hsm_target_fail(target, rv, "private half", err);
    for (size_t i = 0; i < t->kind->n; i++)
        if (t->rows[i].ulValueLen == 0)
            return ks_fail(err, KS_E_DENIED,
                           "%s: token \"%s\" calls this private key "
                           "extractable, and does not tell all of it",
                           target->whose, hsm_token_label(target->hit.token));
    return KS_OK;
}

/* Seeds (RFC 8032, RFC 7748) come bare, or in an OCTET STRING. */
static bool push_seed(OSSL_PARAM_BLD *build, const struct kind *kind,
                      const CK_ATTRIBUTE *row)
{
    const uint8_t *data = row->pValue;
    size_t len = row->ulValueLen;

    if (len == kind->seed + 2 && data[0] == V_ASN1_OCTET_STRING &&
        data[1] == kind->seed) {
        data += 2;
        len -= 2;
    }
    return len == kind->seed && OSSL_PARAM_BLD_push_octet_string(
                                    build, kind->parts[0].name, data, len) == 1;
}

static bool push_number(OSSL_PARAM_BLD *build, const char *name,
                        const CK_ATTRIBUTE *row, BIGNUM **number)
{
    *number = BN_secure_new();
    return *number != NULL &&
           BN_bin2bn(row->pValue, (int)row->ulValueLen, *number) != NULL &&
           OSSL_PARAM_BLD_push_BN(build, name, *number) == 1;
}

static OSSL_PARAM *private_params(const struct taking *t)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *numbers[PARTS_MAX] = {0};
    OSSL_PARAM *params = NULL;
    bool ok = build != NULL;

    for (size_t i = 0; ok && i < t->kind->n; i++)
        ok = t->kind->seed > 0 ? push_seed(build, t->kind, &t->rows[i])
                               : push_number(build, t->kind->parts[i].name,
                                             &t->rows[i], &numbers[i]);
    if (ok)
        params = OSSL_PARAM_BLD_to_param(build);
    for (size_t i = 0; i < PARTS_MAX; i++)
        BN_clear_free(numbers[i]);
    OSSL_PARAM_BLD_free(build);
    return params;
}

/* --- the key --------------------------------------------------------------
 */

static void wipe(OSSL_PARAM *params)
{
    for (OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++)
        if (p->data != NULL)
            OPENSSL_cleanse(p->data, p->data_size);
    OSSL_PARAM_free(params);
}

static EVP_PKEY *join(const struct taking *t)
{
    const struct hsm_store *store = t->target->store;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(
        store->libctx, t->kind->algorithm, store->propq);
    OSSL_PARAM *private = private_params(t);
    const OSSL_PARAM none = OSSL_PARAM_END;
    OSSL_PARAM *public = NULL, *all = NULL;
    EVP_PKEY *key = NULL;

    /* of a seed libcrypto would believe a public half that it is given */
    if (private != NULL && t->kind->seed > 0)
        all = OSSL_PARAM_merge(private, &none);
    else if (private != NULL &&
             EVP_PKEY_todata(t->public, EVP_PKEY_PUBLIC_KEY, &public) == 1)
        all = OSSL_PARAM_merge(public, private);
    if (all != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, all);
    OPENSSL_free(all); /* its values are borrowed */
    OSSL_PARAM_free(public);
    wipe(private);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* A seed's public half is computed, a number's is what it was given. */
static bool is_whole(const struct taking *t, EVP_PKEY *key)
{
    const struct hsm_store *store = t->target->store;
    EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_pkey(store->libctx, key, store->propq);
    bool whole = EVP_PKEY_eq(key, t->public) == 1 && ctx != NULL &&
                 (t->kind->seed > 0 || EVP_PKEY_pairwise_check(ctx) == 1);

    EVP_PKEY_CTX_free(ctx);
    return whole;
}

static ks_rc encode(const struct taking *t, const EVP_PKEY *key,
                    struct ks_secret *pkcs8, struct ks_err *err)
{
    OSSL_ENCODER_CTX *ctx = OSSL_ENCODER_CTX_new_for_pkey(
        key, EVP_PKEY_KEYPAIR, "DER", "PrivateKeyInfo",
        t->target->store->propq);
    unsigned char *der = NULL;
    size_t len = 0;
    ks_rc rc;

    if (ctx != NULL && OSSL_ENCODER_to_data(ctx, &der, &len) == 1)
        rc = ks_secret_set(pkcs8, der, len);
    else
        rc = ks_fail(err, KS_E_CRYPTO, "%s: the key cannot be encoded",
                     t->target->whose);
    OPENSSL_clear_free(der, len);
    OSSL_ENCODER_CTX_free(ctx);
    return rc;
}

ks_rc hsm_extract(const struct hsm_target *target, struct ks_secret *pkcs8,
                  struct ks_err *err)
{
    struct taking t = {
        .target = target, .sensitive = CK_TRUE, .extractable = CK_FALSE};
    EVP_PKEY *key = NULL;
    CK_RV rv = hsm_run(target->hit.token, HSM_READ, look, &t);
    ks_rc rc = rv == CKR_OK ? may_leave(&t, err)
                            : hsm_target_fail(target, rv, "attributes", err);

    ERR_set_mark();
    if (rc == KS_OK)
        rc = find_kind(&t, err);
    if (rc == KS_OK)
        rc = read_private(&t, err);
    if (rc == KS_OK) {
        key = join(&t);
        if (key == NULL || !is_whole(&t, key))
            rc = ks_fail(err, KS_E_DAMAGED,
                         "%s: token \"%s\": the private key does not belong "
                         "to the public half beside it",
                         target->whose, hsm_token_label(target->hit.token));
    }
    if (rc == KS_OK)
        rc = encode(&t, key, pkcs8, err);
    ERR_pop_to_mark();
    EVP_PKEY_free(key);
    taking_clear(&t);
    return rc;
}
