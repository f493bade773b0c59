/*
 * A private key and the public half that is kept beside it. CBC has no
 * integrity of its own: whoever may write a sealed key can change blocks of
 * it unseen, and a signature by a key changed so gives the key away (Klima
 * and Rosa, 2002). So the private numbers are held against the public ones.
 */
#include "key_pair.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "public_key.h"

/* RFC 5280, 4.1. libcrypto's X509_PUBKEY would decode the key as well, which
 * on OpenSSL 3.0 takes longer than all the rest of reading a key file. */
struct spki {
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *key;
};

/* clang-format off */
ASN1_SEQUENCE(spki) = {
    ASN1_SIMPLE(struct spki, algorithm, X509_ALGOR),
    ASN1_SIMPLE(struct spki, key, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct spki, spki)
    /* clang-format on */

    ks_rc ks_spki_check(const struct ks_buf *spki, struct ks_err *err)
{
    const uint8_t *at = spki->data;
    ASN1_VALUE *value = NULL;
    bool whole = false;

    ERR_set_mark();
    if (spki->len > 0 && spki->len < INT_MAX)
        value = ASN1_item_d2i(NULL, &at, (long)spki->len, ASN1_ITEM_rptr(spki));
    whole = value != NULL && at == spki->data + spki->len;
    ASN1_item_free(value, ASN1_ITEM_rptr(spki));
    ERR_pop_to_mark();
    return whole ? KS_OK
                 : ks_fail(err, KS_E_DAMAGED,
                           "public half is not a SubjectPublicKeyInfo");
}

static EVP_PKEY *private_of(const struct ks_crypto *crypto,
                            const struct ks_secret *pkcs8)
{
    const uint8_t *at = pkcs8->data;
    PKCS8_PRIV_KEY_INFO *info;
    EVP_PKEY *key = NULL;

    if (pkcs8->len == 0 || pkcs8->len >= INT_MAX)
        return NULL;
    info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8->len);
    if (info != NULL && at == pkcs8->data + pkcs8->len)
        key = EVP_PKCS82PKEY_ex(info, crypto->libctx, crypto->propq);
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

/* RFC 8017, 3.2: what the numbers of a key with two primes must satisfy.
 * The primes themselves are not proven: that takes longer than the load, and
 * an attacker who could choose them would not need them. */
struct rsa {
    BIGNUM *n, *e, *d, *p, *q, *dp, *dq, *qinv;
};

static const struct {
    const char *name;
    size_t offset;
} rsa_numbers[] = {
    {OSSL_PKEY_PARAM_RSA_N, offsetof(struct rsa, n)},
    {OSSL_PKEY_PARAM_RSA_E, offsetof(struct rsa, e)},
    {OSSL_PKEY_PARAM_RSA_D, offsetof(struct rsa, d)},
    {OSSL_PKEY_PARAM_RSA_FACTOR1, offsetof(struct rsa, p)},
    {OSSL_PKEY_PARAM_RSA_FACTOR2, offsetof(struct rsa, q)},
    {OSSL_PKEY_PARAM_RSA_EXPONENT1, offsetof(struct rsa, dp)},
    {OSSL_PKEY_PARAM_RSA_EXPONENT2, offsetof(struct rsa, dq)},
    {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, offsetof(struct rsa, qinv)},
};
#define N_RSA_NUMBERS (sizeof(rsa_numbers) / sizeof(rsa_numbers[0]))

static BIGNUM **number_at(struct rsa *rsa, size_t i)
{
    return (BIGNUM **)((char *)rsa + rsa_numbers[i].offset);
}

/* Whether A * B = 1 modulo M. */
static bool is_inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m,
                       BN_CTX *ctx)
{
    bool is = false;
    BIGNUM *product;

    BN_CTX_start(ctx);
    product = BN_CTX_get(ctx);
    if (product != NULL && !BN_is_zero(m) && BN_mod_mul(product, a, b, m, ctx))
        is = BN_is_one(product);
    BN_CTX_end(ctx);
    return is;
}

/* Whether e inverts d and DP modulo PRIME - 1. */
static bool fits_prime(const struct rsa *rsa, const BIGNUM *prime,
                       const BIGNUM *dp, BN_CTX *ctx)
{
    bool fits = false;
    BIGNUM *less;

    BN_CTX_start(ctx);
    less = BN_CTX_get(ctx);
    if (less != NULL && BN_sub(less, prime, BN_value_one()))
        fits = is_inverse(rsa->e, rsa->d, less, ctx) &&
               is_inverse(rsa->e, dp, less, ctx);
    BN_CTX_end(ctx);
    return fits;
}

static bool rsa_fits(const struct rsa *rsa, BN_CTX *ctx)
{
    bool fits = false;
    BIGNUM *product;

    BN_CTX_start(ctx);
    product = BN_CTX_get(ctx);
    if (product != NULL && BN_mul(product, rsa->p, rsa->q, ctx))
        fits = BN_cmp(product, rsa->n) == 0 &&
               fits_prime(rsa, rsa->p, rsa->dp, ctx) &&
               fits_prime(rsa, rsa->q, rsa->dq, ctx) &&
               is_inverse(rsa->q, rsa->qinv, rsa->p, ctx);
    BN_CTX_end(ctx);
    return fits;
}

static bool check_rsa(const struct ks_crypto *crypto, EVP_PKEY *key)
{
    BN_CTX *ctx = BN_CTX_secure_new();
    struct rsa rsa = {0};
    bool fits = ctx != NULL;

    (void)crypto;
    for (size_t i = 0; fits && i < N_RSA_NUMBERS; i++) {
        fits = EVP_PKEY_get_bn_param(key, rsa_numbers[i].name,
                                     number_at(&rsa, i)) == 1;
        if (fits)
            BN_set_flags(*number_at(&rsa, i), BN_FLG_CONSTTIME);
    }
    fits = fits && rsa_fits(&rsa, ctx);
    for (size_t i = 0; i < N_RSA_NUMBERS; i++)
        BN_clear_free(*number_at(&rsa, i));
    BN_CTX_free(ctx);
    return fits;
}

/* EC keys carry a copy of the public point, which OpenSSL believes. */
static bool check_pairwise(const struct ks_crypto *crypto, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx =
        EVP_PKEY_CTX_new_from_pkey(crypto->libctx, key, crypto->propq);
    bool fits = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return fits;
}

/* Other kinds need no check: their public half is computed on loading. */
static const struct {
    const char *type;
    bool (*check)(const struct ks_crypto *crypto, EVP_PKEY *key);
} checks[] = {
    {"RSA", check_rsa}, {"RSA-PSS", check_rsa}, {"EC", check_pairwise}};

static bool is_sound(const struct ks_crypto *crypto, EVP_PKEY *key)
{
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        if (EVP_PKEY_is_a(key, checks[i].type))
            return checks[i].check(crypto, key);
    return true;
}

ks_rc ks_key_pair_check(const struct ks_crypto *crypto,
                        const struct ks_secret *pkcs8,
                        const struct ks_buf *spki, struct ks_err *err)
{
    EVP_PKEY *private = NULL, *public = NULL;
    ks_rc rc;

    ERR_set_mark();
    private = private_of(crypto, pkcs8);
    public = ks_public_key(crypto, spki);
    if (private == NULL || public == NULL)
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "OpenSSL cannot read the %s half of the key",
                     private == NULL ? "private" : "public");
    else if (EVP_PKEY_eq(private, public) != 1)
        rc = ks_fail(err, KS_E_DAMAGED,
                     "private key does not belong to the public half beside "
                     "it");
    else if (!is_sound(crypto, private))
        rc = ks_fail(err, KS_E_DAMAGED, "private key contradicts itself");
    else
        rc = KS_OK;
    EVP_PKEY_free(private);
    EVP_PKEY_free(public);
    ERR_pop_to_mark();
    return rc;
}
