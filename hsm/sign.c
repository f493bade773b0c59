/*
 * Signing with a key on a token. Nothing here allocates or asks the token
 * for anything but the signature: an elliptic curve's takes 60 microseconds
 * in all.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "ecdsa.h"
#include "operation.h"
#include "pss.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* RFC 8017, 9.2: 00 01 FF.. (eight at least) 00 */
#define PKCS1_OVERHEAD 11

/* A signature being made. */
struct signing {
    struct hsm_op op;
    const struct ks_mech_params *params;
    uint8_t block[HSM_BLOCK_MAX]; /* what is signed, where it is not IN */
    uint8_t out[HSM_BLOCK_MAX];
};

static CK_RV sign_task(const struct hsm_session *session, void *arg)
{
    struct hsm_op *op = arg;
    CK_FUNCTION_LIST *f = session->f;
    CK_RV rv = hsm_op_begin(op, session, f->C_SignInit, f->C_Sign);

    if (rv != CKR_OK)
        return rv;
    op->out_len = HSM_BLOCK_MAX;
    return f->C_Sign(session->handle, (CK_BYTE *)op->in, op->in_len, op->out,
                     &op->out_len);
}

static CK_RV run(struct signing *s)
{
    return hsm_run(s->op.key->token, HSM_READ, sign_task, &s->op);
}

static ks_rc sign_now(struct signing *s, struct ks_err *err)
{
    ks_rc rc = hsm_key_check_allowed(s->op.key, s->op.mech.ck.mechanism, err);
    CK_RV rv;

    if (rc != KS_OK)
        return rc;
    rv = run(s);
    return rv == CKR_OK ? KS_OK : hsm_op_fail(&s->op, rv, err);
}

static ks_rc wrong_length(const struct signing *s, const char *what,
                          size_t want, struct ks_err *err)
{
    return ks_fail(err, KS_E_INVALID, "%s: %zu bytes to sign, but %s has %zu",
                   s->op.key->whose, s->op.in_len, what, want);
}

/* ---- RSA ---- */

/* In front of a digest goes its DigestInfo. */
static ks_rc prepare_pkcs1(struct signing *s, struct ks_err *err)
{
    const struct hsm_key *key = s->op.key;
    const char *name = s->params->digest;
    const struct hsm_digest *digest = hsm_digest_find(name);
    size_t prefix = 0;

    if (name != NULL && digest == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: %s has no place in an RSA PKCS#1 signature",
                       key->whose, name);
    if (digest != NULL && digest->len != s->op.in_len)
        return wrong_length(s, name, digest->len, err);
    if (digest != NULL)
        prefix = hsm_digest_info(digest, s->block);
    if (s->op.in_len > key->shape.size ||
        prefix + s->op.in_len + PKCS1_OVERHEAD > key->shape.size)
        return ks_fail(err, KS_E_INVALID,
                       "%s: %zu bytes to sign are too many for RSA of %zu bits",
                       key->whose, prefix + s->op.in_len, key->shape.bits);
    if (prefix != 0) {
        memcpy(s->block + prefix, s->op.in, s->op.in_len);
        s->op.in = s->block;
        s->op.in_len += prefix;
    }
    hsm_mech_plain(&s->op.mech, CKM_RSA_PKCS);
    return KS_OK;
}

static ks_rc prepare_raw(struct signing *s, struct ks_err *err)
{
    if (s->op.in_len != s->op.key->shape.size)
        return wrong_length(s, "the modulus", s->op.key->shape.size, err);
    hsm_mech_plain(&s->op.mech, CKM_RSA_X_509);
    return KS_OK;
}

/* A signature is as long as the modulus, also where a token leaves out
 * leading zeros. */
static ks_rc finish_rsa(const struct signing *s, uint8_t *sig, size_t *sig_len,
                        struct ks_err *err)
{
    const size_t want = s->op.key->shape.size;
    size_t got = s->op.out_len;

    if (got > want || *sig_len < want)
        return ks_fail(err, got > want ? KS_E_CRYPTO : KS_E_INVALID,
                       "%s: signature of %zu bytes for a modulus of %zu, "
                       "room for %zu",
                       s->op.key->whose, got, want, *sig_len);
    memset(sig, 0, want - got);
    memcpy(sig + want - got, s->out, got);
    *sig_len = want;
    return KS_OK;
}

/* ---- RSA-PSS ---- */

/* What a token says that has the mechanism not at all, or not so. */
static bool is_refused(CK_RV rv)
{
    return rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID ||
           rv == CKR_ARGUMENTS_BAD || rv == CKR_FUNCTION_NOT_SUPPORTED;
}

/* The same signature by raw RSA. RV is why not otherwise. */
static ks_rc sign_pss_raw(struct signing *s, CK_RV rv, struct ks_err *err)
{
    const struct hsm_key *key = s->op.key;
    const struct hsm_pss pss = {.digest = s->params->digest,
                                .mgf1_digest = s->params->mgf1_digest,
                                .salt_len = (size_t)s->params->salt_len,
                                .libctx = key->libctx,
                                .propq = key->propq};
    struct hsm_mech asked = s->op.mech;
    CK_RV raw_rv;
    ks_rc rc = hsm_pss_encode(&pss, key->shape.bits, s->op.in, s->op.in_len,
                              s->block, err);

    if (rc != KS_OK)
        return rc;
    hsm_mech_plain(&s->op.mech, CKM_RSA_X_509);
    s->op.in = s->block;
    s->op.in_len = key->shape.size;
    raw_rv = hsm_key_allows(key, CKM_RSA_X_509) ? run(s) : rv;
    if (raw_rv == CKR_OK)
        return KS_OK;
    /* That there is no raw RSA either is not what was asked about. */
    if (is_refused(raw_rv)) {
        s->op.mech = asked;
        raw_rv = rv;
    }
    return hsm_op_fail(&s->op, raw_rv, err);
}

/* True if the token has refused the like before. */
static atomic_bool *pss_refused(struct signing *s,
                                const struct hsm_digest *digest,
                                const struct hsm_digest *mgf1)
{
    return digest == mgf1 ? &s->op.key->no_pss : &s->op.key->no_pss_mixed;
}

static ks_rc sign_pss(struct signing *s, struct ks_err *err)
{
    const struct hsm_digest *digest = hsm_digest_find(s->params->digest);
    const struct hsm_digest *mgf1 = hsm_digest_find(s->params->mgf1_digest);
    atomic_bool *refused = pss_refused(s, digest, mgf1);
    CK_RV rv = CKR_MECHANISM_PARAM_INVALID;

    hsm_mech_plain(&s->op.mech, CKM_RSA_PKCS_PSS);
    if (digest != NULL && digest->len != s->op.in_len)
        return wrong_length(s, s->params->digest, digest->len, err);
    if (!hsm_key_allows(s->op.key, CKM_RSA_PKCS_PSS))
        rv = CKR_MECHANISM_INVALID;
    else if (!atomic_load(refused) &&
             hsm_mech_pss(&s->op.mech, digest, mgf1,
                          (size_t)s->params->salt_len)) {
        rv = run(s);
        if (!is_refused(rv))
            return rv == CKR_OK ? KS_OK : hsm_op_fail(&s->op, rv, err);
        atomic_store(refused, true);
    }
    return sign_pss_raw(s, rv, err);
}

/* Checked before the token is asked: what it would say tells less. */
static ks_rc prepare_pss(struct signing *s, struct ks_err *err)
{
    const size_t size = (s->op.key->shape.bits + 6) / 8; /* RFC 8017, 8.1.1 */

    if (s->params->digest == NULL || s->params->mgf1_digest == NULL)
        return ks_fail(err, KS_E_INVALID, "%s: PSS without a digest",
                       s->op.key->whose);
    if (s->params->salt_len < 0 || s->op.in_len + 2 > size ||
        (size_t)s->params->salt_len > size - s->op.in_len - 2)
        return ks_fail(err, KS_E_INVALID,
                       "%s: a PSS salt of %d bytes does not fit %zu bits with "
                       "%s",
                       s->op.key->whose, s->params->salt_len,
                       s->op.key->shape.bits, s->params->digest);
    return KS_OK;
}

/* ---- elliptic curves ---- */

/* The leftmost bits of a digest that is longer than the group's order
 * (FIPS 186-5, 6.4.1); the token takes care of a part of a byte. */
static ks_rc prepare_ecdsa(struct signing *s, struct ks_err *err)
{
    const size_t size = s->op.key->shape.size;

    (void)err;
    if (s->op.in_len > size)
        s->op.in_len = size;
    hsm_mech_plain(&s->op.mech, CKM_ECDSA);
    return KS_OK;
}

static ks_rc finish_ecdsa(const struct signing *s, uint8_t *sig,
                          size_t *sig_len, struct ks_err *err)
{
    return hsm_ecdsa_der(s->out, s->op.out_len, sig, sig_len, err);
}

static ks_rc prepare_eddsa(struct signing *s, struct ks_err *err)
{
    (void)err;
    hsm_mech_eddsa(&s->op.mech, s->op.key->shape.kind);
    return KS_OK;
}

static ks_rc finish_eddsa(const struct signing *s, uint8_t *sig,
                          size_t *sig_len, struct ks_err *err)
{
    if (s->op.out_len != s->op.key->shape.size || *sig_len < s->op.out_len)
        return ks_fail(err, KS_E_CRYPTO,
                       "%s: token gave an EdDSA signature of %lu bytes",
                       s->op.key->whose, s->op.out_len);
    memcpy(sig, s->out, s->op.out_len);
    *sig_len = s->op.out_len;
    return KS_OK;
}

/* ---- all ---- */

static const struct {
    enum ks_mech mech;
    ks_rc (*prepare)(struct signing *s, struct ks_err *err);
    ks_rc (*sign)(struct signing *s, struct ks_err *err);
    ks_rc (*finish)(const struct signing *s, uint8_t *sig, size_t *sig_len,
                    struct ks_err *err);
} steps[] = {
    {KS_MECH_ECDSA, prepare_ecdsa, sign_now, finish_ecdsa},
    {KS_MECH_RSA_PKCS1, prepare_pkcs1, sign_now, finish_rsa},
    {KS_MECH_RSA_PSS, prepare_pss, sign_pss, finish_rsa},
    {KS_MECH_RSA_RAW, prepare_raw, sign_now, finish_rsa},
    {KS_MECH_EDDSA, prepare_eddsa, sign_now, finish_eddsa},
};

static void begin(struct signing *s, struct hsm_key *key,
                  const struct ks_mech_params *params, const uint8_t *in,
                  size_t in_len)
{
    s->params = params;
    s->op.key = key;
    s->op.use = CKF_SIGN;
    /* Cryptoki takes no null pointer for an empty message. */
    s->op.in = in_len == 0 ? s->block : in;
    s->op.in_len = in_len;
    s->op.out = s->out;
}

ks_rc hsm_key_sign(void *vkey, const struct ks_mech_params *params,
                   const uint8_t *in, size_t in_len, uint8_t *sig,
                   size_t *sig_len, struct ks_err *err)
{
    struct hsm_key *key = vkey;
    struct signing s; /* not zeroed: the buffers are large */
    ks_rc rc;
    size_t i = 0;

    if (sig == NULL || sig_len == NULL || (in == NULL && in_len != 0))
        return ks_fail(err, KS_E_INVALID, "%s: nothing to sign, or no room",
                       key->whose);
    while (i < N_OF(steps) && steps[i].mech != params->mech)
        i++;
    if (i == N_OF(steps) || !hsm_mech_fits(params->mech, key->shape.kind))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: %s key does not sign in this way (mechanism %d)",
                       key->whose, hsm_kind_name(key->shape.kind),
                       (int)params->mech);
    begin(&s, key, params, in, in_len);
    rc = steps[i].prepare(&s, err);
    if (rc == KS_OK)
        rc = steps[i].sign(&s, err);
    if (rc == KS_OK)
        rc = steps[i].finish(&s, sig, sig_len, err);
    return rc;
}
