/*
 * Key agreement with a key on a token: ECDH, X25519, X448. The shared secret
 * is made as a session object and read out of it; what is done with it is
 * the caller's matter (CKD_NULL).
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "operation.h"

/* Bytes of the longest point, uncompressed, in an OCTET STRING. */
#define FIELD_MAX 80
#define POINT_MAX (1 + 2 * FIELD_MAX)
#define WRAPPED_MAX (3 + POINT_MAX)

struct deriving {
    struct hsm_op op;
    uint8_t point[POINT_MAX]; /* the peer's */
    size_t point_len;
    size_t field_len; /* bytes of the secret */
    uint8_t secret[FIELD_MAX];
};

/* ---- the peer's key ---- */

/*
 * A point that is not on the curve would give the private key away bit by
 * bit where the token does not check; so it is checked here, whatever the
 * token does. Tokens are given uncompressed points: the one form that all
 * take.
 */
static bool read_point(const struct hsm_key *key, struct deriving *d,
                       const uint8_t *peer, size_t peer_len)
{
    const EC_GROUP *group = key->shape.group;
    EC_POINT *point = EC_POINT_new(group);

    ERR_set_mark();
    d->point_len = 0;
    if (point != NULL &&
        EC_POINT_oct2point(group, point, peer, peer_len, NULL) == 1 &&
        EC_POINT_is_at_infinity(group, point) == 0)
        d->point_len =
            EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED,
                               d->point, sizeof(d->point), NULL);
    ERR_pop_to_mark();
    EC_POINT_free(point);
    return d->point_len != 0;
}

static ks_rc take_ec(const struct hsm_key *key, struct deriving *d,
                     const struct ks_mech_params *params, const uint8_t *peer,
                     size_t peer_len, struct ks_err *err)
{
    const EC_GROUP *group = key->shape.group;
    const BIGNUM *h = EC_GROUP_get0_cofactor(group);
    const bool plain = !params->cofactor || h == NULL || BN_is_one(h);

    d->field_len = ((size_t)EC_GROUP_get_degree(group) + 7) / 8;
    if (d->field_len > FIELD_MAX)
        return ks_fail(err, KS_E_UNSUPPORTED, "%s: curve is too large",
                       key->whose);
    if (!read_point(key, d, peer, peer_len))
        return ks_fail(err, KS_E_INVALID,
                       "%s: the peer's public key is no point of the key's "
                       "curve",
                       key->whose);
    hsm_mech_plain(&d->op.mech,
                   plain ? CKM_ECDH1_DERIVE : CKM_ECDH1_COFACTOR_DERIVE);
    return KS_OK;
}

static ks_rc take_xdh(const struct hsm_key *key, struct deriving *d,
                      const struct ks_mech_params *params, const uint8_t *peer,
                      size_t peer_len, struct ks_err *err)
{
    (void)params;
    if (peer_len != key->shape.size)
        return ks_fail(err, KS_E_INVALID,
                       "%s: the peer's public key has %zu bytes, %s has %zu",
                       key->whose, peer_len, hsm_kind_name(key->shape.kind),
                       key->shape.size);
    d->field_len = key->shape.size;
    memcpy(d->point, peer, peer_len);
    d->point_len = peer_len;
    hsm_mech_plain(&d->op.mech, CKM_ECDH1_DERIVE);
    return KS_OK;
}

/* ---- the secret ---- */

/* PKCS#11 3.0, 2.3.17 allows the point raw and in an OCTET STRING. */
static size_t wrap(const struct deriving *d, uint8_t out[static WRAPPED_MAX])
{
    size_t n = 0;

    out[n++] = 0x04;
    if (d->point_len >= 0x80)
        out[n++] = 0x81;
    out[n++] = (uint8_t)d->point_len;
    memcpy(out + n, d->point, d->point_len);
    return n + d->point_len;
}

static CK_RV make_secret(struct deriving *d, const struct hsm_session *session,
                         CK_OBJECT_HANDLE key, bool wrapped,
                         CK_OBJECT_HANDLE *secret)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG len = d->field_len;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof(class)},
        {CKA_KEY_TYPE, &type, sizeof(type)},
        {CKA_TOKEN, &no, sizeof(no)},
        {CKA_SENSITIVE, &no, sizeof(no)},
        {CKA_EXTRACTABLE, &yes, sizeof(yes)},
        {CKA_VALUE_LEN, &len, sizeof(len)},
    };
    uint8_t der[WRAPPED_MAX];
    size_t der_len = wrap(d, der);

    hsm_mech_ecdh(&d->op.mech, d->op.mech.ck.mechanism,
                  wrapped ? der : d->point, wrapped ? der_len : d->point_len);
    return session->f->C_DeriveKey(
        session->handle, &d->op.mech.ck, key, template,
        sizeof(template) / sizeof(template[0]), secret);
}

/* What a token may say to a point in the form that it does not take; the
 * point itself is good. */
static bool is_about_form(CK_RV rv)
{
    return rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_ARGUMENTS_BAD ||
           rv == CKR_DOMAIN_PARAMS_INVALID || rv == CKR_DATA_INVALID ||
           rv == CKR_DATA_LEN_RANGE || rv == CKR_GENERAL_ERROR ||
           rv == CKR_FUNCTION_FAILED;
}

static CK_RV read_secret(struct deriving *d, const struct hsm_session *session,
                         CK_OBJECT_HANDLE secret)
{
    CK_ATTRIBUTE value = {CKA_VALUE, d->secret, sizeof(d->secret)};
    CK_RV rv =
        session->f->C_GetAttributeValue(session->handle, secret, &value, 1);
    size_t missing;

    if (rv != CKR_OK)
        return rv;
    if (value.ulValueLen > d->field_len)
        return CKR_GENERAL_ERROR;
    /* Leading zeros belong to it (SEC 1, 3.3.1), if a token leaves them out. */
    missing = d->field_len - value.ulValueLen;
    memmove(d->secret + missing, d->secret, value.ulValueLen);
    memset(d->secret, 0, missing);
    return CKR_OK;
}

static CK_RV derive_task(const struct hsm_session *session, void *arg)
{
    struct deriving *d = arg;
    struct hsm_key *key = d->op.key;
    const bool wrapped = atomic_load(&key->wraps_points);
    CK_OBJECT_HANDLE object, secret = CK_INVALID_HANDLE;
    CK_RV rv = hsm_key_object(key, session, &object);

    if (rv != CKR_OK)
        return rv;
    rv = make_secret(d, session, object, wrapped, &secret);
    if (is_about_form(rv)) {
        CK_RV other = make_secret(d, session, object, !wrapped, &secret);

        if (other == CKR_OK) {
            atomic_store(&key->wraps_points, !wrapped);
            rv = CKR_OK;
        }
    }
    if (rv != CKR_OK)
        return rv;
    rv = read_secret(d, session, secret);
    /* It would go with the session as well; nothing depends on this. */
    (void)session->f->C_DestroyObject(session->handle, secret);
    return rv;
}

/* X25519 and X448 give zeros for a peer of small order; nothing would be
 * agreed upon (RFC 7748, 6.1). */
static bool is_zero(const struct deriving *d)
{
    uint8_t any = 0;
    size_t i;

    for (i = 0; i < d->field_len; i++)
        any |= d->secret[i];
    return any == 0;
}

static ks_rc agree(struct deriving *d, struct ks_secret *out,
                   struct ks_err *err)
{
    struct hsm_key *key = d->op.key;
    CK_RV rv = hsm_run(key->token, HSM_READ, derive_task, d);

    if (rv != CKR_OK)
        return hsm_op_fail(&d->op, rv, err);
    if (key->shape.kind != HSM_EC && is_zero(d))
        return ks_fail(err, KS_E_INVALID,
                       "%s: the peer's public key is of small order",
                       key->whose);
    return ks_secret_set(out, d->secret, d->field_len);
}

ks_rc hsm_key_derive(void *vkey, const struct ks_mech_params *params,
                     const uint8_t *peer, size_t peer_len,
                     struct ks_secret *out, struct ks_err *err)
{
    struct hsm_key *key = vkey;
    struct deriving d = {.op = {.key = key, .use = CKF_DERIVE}};
    const bool ec = params->mech == KS_MECH_ECDH;
    ks_rc rc;

    if ((!ec && params->mech != KS_MECH_XDH) ||
        !hsm_mech_fits(params->mech, key->shape.kind))
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: %s key does not agree on secrets in this way "
                       "(mechanism %d)",
                       key->whose, hsm_kind_name(key->shape.kind),
                       (int)params->mech);
    if (peer == NULL || peer_len == 0)
        return ks_fail(err, KS_E_INVALID, "%s: no public key of a peer",
                       key->whose);
    rc = (ec ? take_ec : take_xdh)(key, &d, params, peer, peer_len, err);
    if (rc == KS_OK)
        rc = hsm_key_check_allowed(key, d.op.mech.ck.mechanism, err);
    if (rc == KS_OK)
        rc = agree(&d, out, err);
    OPENSSL_cleanse(d.secret, sizeof(d.secret));
    return rc;
}
