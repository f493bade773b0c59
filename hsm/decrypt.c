/*
 * RSA decryption with a key on a token.
 *
 * What the padding of a message was like must show as little as can be:
 * whoever learns it for messages of his own making can decrypt others' (RFC
 * 8017, 7.1.2 and 7.2.2; RFC 5246, 7.4.7.1). So all that C_Decrypt may say
 * about a message is one failure with one text, and for TLS none at all.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "ckr.h"
#include "operation.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

#define PREMASTER_LEN 48 /* RFC 5246, 7.4.7.1 */

struct decrypting {
    struct hsm_op op;
    const struct ks_mech_params *params;
    bool begun; /* what failed was C_Decrypt */
    bool tls;   /* its result is for the caller alone to see */
    CK_RV result;
    uint8_t block[HSM_BLOCK_MAX];
    uint8_t out[HSM_BLOCK_MAX];
};

/* ---- without branches on what a message holds ---- */

/* All ones if A is B, else 0. */
static unsigned long same(unsigned long a, unsigned long b)
{
    unsigned long differs = a ^ b;

    differs |= 0UL - differs;
    return (differs >> (sizeof(differs) * 8 - 1)) - 1;
}

/* True for results that have nothing to do with the message: the token or
 * the session is gone. Any other is the same to us. */
static bool is_about_token(CK_RV rv)
{
    static const CK_RV about[] = {
        CKR_HOST_MEMORY,           CKR_SLOT_ID_INVALID,
        CKR_DEVICE_ERROR,          CKR_DEVICE_MEMORY,
        CKR_DEVICE_REMOVED,        CKR_FUNCTION_CANCELED,
        CKR_KEY_HANDLE_INVALID,    CKR_OBJECT_HANDLE_INVALID,
        CKR_PIN_EXPIRED,           CKR_OPERATION_NOT_INITIALIZED,
        CKR_SESSION_CLOSED,        CKR_SESSION_HANDLE_INVALID,
        CKR_TOKEN_NOT_PRESENT,     CKR_TOKEN_NOT_RECOGNIZED,
        CKR_USER_NOT_LOGGED_IN,    CKR_CRYPTOKI_NOT_INITIALIZED,
        CKR_FUNCTION_NOT_SUPPORTED};
    unsigned long is = 0;
    size_t i;

    for (i = 0; i < N_OF(about); i++)
        is |= same(rv, about[i]);
    return is != 0;
}

/* OUT becomes the decrypted premaster secret if the token gave one of the
 * right length and version, and stays (random) if not. */
static void take_premaster(const struct decrypting *d,
                           uint8_t out[static PREMASTER_LEN])
{
    const struct ks_mech_params *params = d->params;
    const unsigned long version = ((unsigned long)d->out[0] << 8) | d->out[1];
    unsigned long good = same(version, params->tls_client_version);
    uint8_t mask;
    size_t i;

    if (params->tls_alt_version != 0) /* not of the message */
        good |= same(version, params->tls_alt_version);
    good &= same(d->result, CKR_OK);
    good &= same(d->op.out_len, PREMASTER_LEN);
    mask = (uint8_t)good;
    for (i = 0; i < PREMASTER_LEN; i++)
        out[i] = (uint8_t)((d->out[i] & mask) | (out[i] & (uint8_t)~mask));
}

/* ---- the operation ---- */

static CK_RV decrypt_task(const struct hsm_session *session, void *arg)
{
    struct decrypting *d = arg;
    struct hsm_op *op = &d->op;
    CK_FUNCTION_LIST *f = session->f;
    CK_RV rv;

    d->begun = false;
    rv = hsm_op_begin(op, session, f->C_DecryptInit, f->C_Decrypt);
    if (rv != CKR_OK)
        return rv;
    d->begun = true;
    op->out_len = HSM_BLOCK_MAX;
    d->result = f->C_Decrypt(session->handle, (CK_BYTE *)op->in, op->in_len,
                             op->out, &op->out_len);
    return d->tls && !is_about_token(d->result) ? CKR_OK : d->result;
}

/* SoftHSM answers CKR_ARGUMENTS_BAD for all but SHA-1 without a label. */
static bool is_oaep_refused(const struct decrypting *d, CK_RV rv)
{
    return d->op.mech.ck.mechanism == CKM_RSA_PKCS_OAEP &&
           (rv == CKR_ARGUMENTS_BAD || rv == CKR_MECHANISM_PARAM_INVALID);
}

static ks_rc oaep_refused(const struct decrypting *d, CK_RV rv,
                          struct ks_err *err)
{
    const struct ks_mech_params *params = d->params;

    ks_hint(err, "what any such token has is OAEP with SHA-1 for both digests "
                 "and without a label; encrypt with that");
    return ks_fail(err, KS_E_UNSUPPORTED,
                   "%s: token \"%s\" does not do CKM_RSA_PKCS_OAEP with digest "
                   "%s, MGF1 %s%s: %s",
                   d->op.key->whose, hsm_token_label(d->op.key->token),
                   params->digest != NULL ? params->digest : "SHA1",
                   params->mgf1_digest != NULL ? params->mgf1_digest
                                               : "the same",
                   params->label_len != 0 ? ", a label" : "", hsm_ckr_name(rv));
}

static ks_rc run(struct decrypting *d, struct ks_err *err)
{
    CK_RV rv = hsm_run(d->op.key->token, HSM_READ, decrypt_task, d);

    if (rv == CKR_OK)
        return KS_OK;
    if (!d->begun && is_oaep_refused(d, rv))
        return oaep_refused(d, rv, err);
    if (!d->begun || is_about_token(rv))
        return hsm_op_fail(&d->op, rv, err);
    return ks_fail(err, KS_E_CRYPTO,
                   "%s: key on token \"%s\" does not decrypt the message: "
                   "made for another key, or damaged",
                   d->op.key->whose, hsm_token_label(d->op.key->token));
}

/* ---- mechanisms ---- */

static ks_rc use_pkcs1(struct decrypting *d, struct ks_err *err)
{
    hsm_mech_plain(&d->op.mech, CKM_RSA_PKCS);
    return hsm_key_check_allowed(d->op.key, CKM_RSA_PKCS, err);
}

static ks_rc use_tls(struct decrypting *d, struct ks_err *err)
{
    if (d->params->tls_client_version == 0)
        return ks_fail(err, KS_E_INVALID,
                       "%s: TLS premaster secret without the client's version",
                       d->op.key->whose);
    d->tls = true;
    return use_pkcs1(d, err);
}

static ks_rc use_raw(struct decrypting *d, struct ks_err *err)
{
    hsm_mech_plain(&d->op.mech, CKM_RSA_X_509);
    return hsm_key_check_allowed(d->op.key, CKM_RSA_X_509, err);
}

static ks_rc use_oaep(struct decrypting *d, struct ks_err *err)
{
    const struct ks_mech_params *params = d->params;
    const char *digest = params->digest != NULL ? params->digest : "SHA1";
    const char *mgf1 =
        params->mgf1_digest != NULL ? params->mgf1_digest : digest;

    hsm_mech_plain(&d->op.mech, CKM_RSA_PKCS_OAEP);
    if (!hsm_mech_oaep(&d->op.mech, hsm_digest_find(digest),
                       hsm_digest_find(mgf1), params->label, params->label_len))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: CKM_RSA_PKCS_OAEP has no digest %s with MGF1 %s",
                       d->op.key->whose, digest, mgf1);
    return hsm_key_check_allowed(d->op.key, CKM_RSA_PKCS_OAEP, err);
}

/* ---- results ---- */

static ks_rc give_message(struct decrypting *d, struct ks_secret *out,
                          struct ks_err *err)
{
    ks_rc rc = run(d, err);

    if (rc == KS_OK && d->op.out_len > d->op.key->shape.size)
        rc = ks_fail(err, KS_E_CRYPTO,
                     "%s: token \"%s\" gave a message of %lu bytes for a "
                     "modulus of %zu",
                     d->op.key->whose, hsm_token_label(d->op.key->token),
                     d->op.out_len, d->op.key->shape.size);
    return rc == KS_OK ? ks_secret_set(out, d->out, d->op.out_len) : rc;
}

/* As long as the modulus, also where a token leaves out leading zeros. */
static ks_rc give_block(struct decrypting *d, struct ks_secret *out,
                        struct ks_err *err)
{
    const size_t size = d->op.key->shape.size;
    ks_rc rc = run(d, err);

    if (rc != KS_OK)
        return rc;
    if (d->op.out_len > size)
        return ks_fail(err, KS_E_CRYPTO,
                       "%s: token gave %lu bytes for a modulus of %zu",
                       d->op.key->whose, d->op.out_len, size);
    rc = ks_secret_alloc(out, size);
    if (rc == KS_OK)
        memcpy(out->data + size - d->op.out_len, d->out, d->op.out_len);
    return rc;
}

static ks_rc give_premaster(struct decrypting *d, struct ks_secret *out,
                            struct ks_err *err)
{
    const struct hsm_key *key = d->op.key;
    uint8_t premaster[PREMASTER_LEN];
    ks_rc rc;

    /* Before anything is known of the message. */
    if (RAND_priv_bytes_ex(key->libctx, premaster, sizeof(premaster), 0) <= 0)
        return ks_fail(err, KS_E_CRYPTO, "%s: no random bytes", key->whose);
    memset(d->out, 0, PREMASTER_LEN);
    rc = run(d, err);
    if (rc == KS_OK) {
        take_premaster(d, premaster);
        rc = ks_secret_set(out, premaster, sizeof(premaster));
    }
    OPENSSL_cleanse(premaster, sizeof(premaster));
    return rc;
}

static const struct {
    enum ks_mech mech;
    ks_rc (*use)(struct decrypting *d, struct ks_err *err);
    ks_rc (*give)(struct decrypting *d, struct ks_secret *out,
                  struct ks_err *err);
} steps[] = {
    {KS_MECH_RSA_PKCS1_DECRYPT, use_pkcs1, give_message},
    {KS_MECH_RSA_PKCS1_TLS, use_tls, give_premaster},
    {KS_MECH_RSA_OAEP, use_oaep, give_message},
    {KS_MECH_RSA_RAW, use_raw, give_block},
};

/* Leading zeros that a sender left out are put back. */
static ks_rc take_input(struct decrypting *d, const uint8_t *in, size_t in_len,
                        struct ks_err *err)
{
    const size_t size = d->op.key->shape.size;

    if (in == NULL || in_len == 0 || in_len > size)
        return ks_fail(err, KS_E_INVALID,
                       "%s: %zu bytes to decrypt, but RSA of %zu bits takes "
                       "%zu",
                       d->op.key->whose, in_len, d->op.key->shape.bits, size);
    memset(d->block, 0, size - in_len);
    memcpy(d->block + size - in_len, in, in_len);
    d->op.in = d->block;
    d->op.in_len = size;
    return KS_OK;
}

ks_rc hsm_key_decrypt(void *vkey, const struct ks_mech_params *params,
                      const uint8_t *in, size_t in_len, struct ks_secret *out,
                      struct ks_err *err)
{
    struct hsm_key *key = vkey;
    struct decrypting d; /* not zeroed: the buffers are large */
    ks_rc rc;
    size_t i = 0;

    while (i < N_OF(steps) && steps[i].mech != params->mech)
        i++;
    if (i == N_OF(steps) || !hsm_mech_fits(params->mech, key->shape.kind))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: %s key does not decrypt in this way (mechanism "
                       "%d)",
                       key->whose, hsm_kind_name(key->shape.kind),
                       (int)params->mech);
    d.params = params;
    d.begun = d.tls = false;
    d.result = CKR_OK;
    d.op.key = key;
    d.op.use = CKF_DECRYPT;
    d.op.out = d.out;
    rc = take_input(&d, in, in_len, err);
    if (rc == KS_OK)
        rc = steps[i].use(&d, err);
    if (rc == KS_OK)
        rc = steps[i].give(&d, out, err);
    OPENSSL_cleanse(d.out, sizeof(d.out));
    return rc;
}
