/*
 * A private key from outside, taken apart by libcrypto.
 */
#include "material.h"

#include <limits.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "curve.h"

#define RAW_MAX 64    /* bytes of a seed of Edwards and Montgomery curves */
#define POINT_MAX 256 /* bytes of an encoded point */

/* --- both halves ---------------------------------------------------------- */

static EVP_PKEY *read_private(const struct hsm_store *store,
                              const struct ks_secret *pkcs8)
{
    const uint8_t *at = pkcs8->data;
    PKCS8_PRIV_KEY_INFO *info;
    EVP_PKEY *key = NULL;

    if (pkcs8->len == 0 || pkcs8->len > INT_MAX)
        return NULL;
    info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8->len);
    if (info != NULL && at == pkcs8->data + pkcs8->len)
        key = EVP_PKCS82PKEY_ex(info, store->libctx, store->propq);
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

static EVP_PKEY *read_public(const struct hsm_store *store,
                             const struct ks_buf *spki)
{
    const uint8_t *at = spki->data;

    if (spki->len == 0 || spki->len > INT_MAX)
        return NULL;
    return d2i_PUBKEY_ex(NULL, &at, (long)spki->len, store->libctx,
                         store->propq);
}

/* RSA and EC keys carry their public half with them, which libcrypto believes;
 * others' is computed. */
static bool is_sound(const struct hsm_store *store, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx;
    bool is;

    if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "RSA-PSS") &&
        !EVP_PKEY_is_a(key, "EC"))
        return true;
    ctx = EVP_PKEY_CTX_new_from_pkey(store->libctx, key, store->propq);
    is = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return is;
}

/* --- parts ---------------------------------------------------------------- */

static bool set_number(const BIGNUM *number, struct ks_secret *part)
{
    int len = BN_num_bytes(number);

    return ks_secret_alloc(part, (size_t)len) == KS_OK &&
           BN_bn2binpad(number, part->data, len) == len;
}

static bool take_number(const EVP_PKEY *key, const char *name,
                        struct ks_secret *part)
{
    BIGNUM *number = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
              set_number(number, part);

    BN_clear_free(number);
    return ok;
}

static const char *const rsa_parts[HSM_MATERIAL_PARTS] = {
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
    OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
    OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};

static bool take_rsa(EVP_PKEY *key, struct hsm_material *m)
{
    for (size_t i = 0; i < HSM_MATERIAL_PARTS; i++)
        if (!take_number(key, rsa_parts[i], &m->parts[i]))
            return false;
    return hsm_spki_rsa((struct hsm_bytes){m->parts[0].data, m->parts[0].len},
                        (struct hsm_bytes){m->parts[1].data, m->parts[1].len},
                        m->make->pss_only, &m->spki) == CKR_OK;
}

static bool take_point(EVP_PKEY *key, const char *name, struct hsm_material *m)
{
    uint8_t bytes[POINT_MAX];
    size_t len = 0;

    if (EVP_PKEY_get_octet_string_param(key, name, bytes, sizeof(bytes),
                                        &len) != 1)
        return false;
    return hsm_curve_point(m->curve, (struct hsm_bytes){bytes, len},
                           &m->point.data, &m->point.len) == CKR_OK;
}

static bool take_curve(struct hsm_material *m)
{
    return hsm_curve_params(m->curve, false, &m->params) == CKR_OK &&
           hsm_spki_ec(m->make->type,
                       (struct hsm_bytes){m->params.data, m->params.len},
                       (struct hsm_bytes){m->point.data, m->point.len},
                       &m->spki) == CKR_OK;
}

static bool take_ec(EVP_PKEY *key, struct hsm_material *m)
{
    char group[80];
    size_t len = 0;

    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group,
                                       sizeof(group), &len) != 1)
        return false; /* parameters written out, of no curve with a name */
    m->curve = OBJ_txt2nid(group);
    return m->curve != NID_undef &&
           take_number(key, OSSL_PKEY_PARAM_PRIV_KEY, &m->parts[0]) &&
           take_point(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, m) &&
           take_curve(m);
}

static bool take_raw(EVP_PKEY *key, struct hsm_material *m)
{
    uint8_t seed[RAW_MAX];
    size_t len = sizeof(seed);
    bool ok = EVP_PKEY_get_raw_private_key(key, seed, &len) == 1 &&
              ks_secret_set(&m->parts[0], seed, len) == KS_OK;

    OPENSSL_cleanse(seed, sizeof(seed));
    return ok && take_point(key, OSSL_PKEY_PARAM_PUB_KEY, m) && take_curve(m);
}

static bool take_parts(EVP_PKEY *key, struct hsm_material *m)
{
    m->make = hsm_make_find(EVP_PKEY_get0_type_name(key));
    if (m->make == NULL)
        return false;
    m->curve = m->make->curve;
    if (m->make->type == CKK_RSA)
        return take_rsa(key, m);
    return m->make->type == CKK_EC ? take_ec(key, m) : take_raw(key, m);
}

/* --- */

static ks_rc compare(const struct hsm_target *target, EVP_PKEY *private,
                     EVP_PKEY *public, struct ks_err *err)
{
    if (private == NULL || public == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: OpenSSL cannot read the %s half of the key",
                       target->whose, private == NULL ? "private" : "public");
    if (EVP_PKEY_eq(private, public) != 1)
        return ks_fail(err, KS_E_DAMAGED,
                       "%s: the private key does not belong to the public "
                       "half beside it",
                       target->whose);
    if (!is_sound(target->store, private))
        return ks_fail(err, KS_E_DAMAGED,
                       "%s: the private key contradicts itself", target->whose);
    return KS_OK;
}

ks_rc hsm_material_read(const struct hsm_target *target,
                        const struct ks_buf *spki,
                        const struct ks_secret *pkcs8,
                        struct hsm_material *material, struct ks_err *err)
{
    EVP_PKEY *private, *public;
    ks_rc rc;

    *material = (struct hsm_material){.make = NULL};
    ERR_set_mark();
    private = read_private(target->store, pkcs8);
    public = read_public(target->store, spki);
    rc = compare(target, private, public, err);
    if (rc == KS_OK && !take_parts(private, material))
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "%s: tokens do not take keys of this kind (%s)",
                     target->whose, EVP_PKEY_get0_type_name(private));
    /* RFC 4055, 3.1: a token has no place for the parameters that a PSS key is
     * restricted to. */
    if (rc == KS_OK && material->make->pss_only &&
        (material->spki.len != spki->len ||
         memcmp(material->spki.data, spki->data, spki->len) != 0))
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "%s: tokens do not take RSA-PSS keys that are restricted "
                     "to a digest",
                     target->whose);
    EVP_PKEY_free(private);
    EVP_PKEY_free(public);
    ERR_pop_to_mark();
    return rc;
}

void hsm_material_clear(struct hsm_material *material)
{
    for (size_t i = 0; i < HSM_MATERIAL_PARTS; i++)
        ks_secret_clear(&material->parts[i]);
    ks_buf_clear(&material->spki);
    ks_buf_clear(&material->params);
    ks_buf_clear(&material->point);
}
