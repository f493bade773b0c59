/*
 * Key strength, for requests and for CAs' own keys: an allowed algorithm, a
 * sufficient size, a named curve, an RSA modulus without known faults.
 */
#include "strength.h"
#include "texts.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 16384
#define RSA_EXPONENT_MIN 65537 /* BR 6.1.6: SHOULD */
#define RSA_EXPONENT_BITS_MAX 256

static const char *const curves[] = {
    "prime256v1",      "P-256",     "secp384r1",       "P-384",
    "secp521r1",       "P-521",     "brainpoolP256r1", "brainpoolP384r1",
    "brainpoolP512r1", "secp256k1",
};

static ks_rc check_modulus(const BIGNUM *n, const BIGNUM *e, struct ks_err *err)
{
    const char *weakness;
    int bits = BN_num_bits(n);

    if (bits < RSA_BITS_MIN)
        return ks_fail(err, KS_E_POLICY,
                       "an RSA key of %d bits; at least %d are needed", bits,
                       RSA_BITS_MIN);
    if (bits > RSA_BITS_MAX)
        return ks_fail(err, KS_E_POLICY,
                       "an RSA key of %d bits; at most %d are taken", bits,
                       RSA_BITS_MAX);
    if (bits % 8 != 0)
        return ks_fail(err, KS_E_POLICY,
                       "an RSA key of %d bits, not a multiple of 8", bits);
    if (!BN_is_odd(e) || BN_num_bits(e) > RSA_EXPONENT_BITS_MAX ||
        (BN_num_bits(e) <= 32 && BN_get_word(e) < RSA_EXPONENT_MIN))
        return ks_fail(err, KS_E_POLICY,
                       "an RSA key whose exponent is even, below %d or over "
                       "%d bits",
                       RSA_EXPONENT_MIN, RSA_EXPONENT_BITS_MAX);
    weakness = ca_rsa_weakness(n);
    if (weakness != NULL)
        return ks_fail(err, KS_E_POLICY, "a weak RSA key: %s", weakness);
    return KS_OK;
}

static ks_rc check_rsa(const EVP_PKEY *pkey, struct ks_err *err)
{
    BIGNUM *n = NULL, *e = NULL;
    ks_rc rc = KS_E_CRYPTO;

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
        rc = check_modulus(n, e, err);
    else
        (void)ks_fail(err, rc, "cannot read the RSA key");
    BN_free(n);
    BN_free(e);
    return rc;
}

static ks_rc check_ec(const EVP_PKEY *pkey, struct ks_err *err)
{
    char group[80] = "";
    int is_explicit = 0;

    /* Absent in some providers: then there are no explicit parameters. */
    (void)EVP_PKEY_get_int_param(
        pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit);
    if (is_explicit == 1)
        return ks_fail(err, KS_E_POLICY,
                       "an EC key with explicit parameters, not a named curve");
    if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1)
        return ks_fail(err, KS_E_POLICY, "an EC key without a named curve");
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcmp(curves[i], group) == 0)
            return KS_OK;
    }
    return ks_fail(err, KS_E_POLICY, "an EC key on %s, which is not allowed",
                   group);
}

static ks_rc check_nothing(const EVP_PKEY *pkey, struct ks_err *err)
{
    (void)pkey;
    (void)err;
    return KS_OK;
}

static const struct {
    const char *type;
    ks_rc (*check)(const EVP_PKEY *pkey, struct ks_err *err);
} rules[] = {
    {"RSA", check_rsa},
    {"RSA-PSS", check_rsa},
    {"EC", check_ec},
    {"ED25519", check_nothing},
    {"ED448", check_nothing},
    {"X25519", check_nothing},
    {"X448", check_nothing},
    {"ML-DSA-44", check_nothing},
    {"ML-DSA-65", check_nothing},
    {"ML-DSA-87", check_nothing},
};

/* Octets of a DER INTEGER of N, with its tag and length. */
static int integer_len(const BIGNUM *n)
{
    return ASN1_object_size(0, BN_num_bits(n) / 8 + 1, V_ASN1_INTEGER);
}

/* DER is the shortest of the encodings: what is as short, is it. */
static bool is_plain_rsa(const EVP_PKEY *pkey, const X509_ALGOR *alg, int len)
{
    BIGNUM *n = NULL, *e = NULL;
    int type = V_ASN1_UNDEF;
    bool plain = false;

    X509_ALGOR_get0(NULL, &type, NULL, alg);
    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
        plain = len == ASN1_object_size(1, integer_len(n) + integer_len(e),
                                        V_ASN1_SEQUENCE);
    BN_free(n);
    BN_free(e);
    return plain && (type == V_ASN1_NULL || EVP_PKEY_is_a(pkey, "RSA-PSS"));
}

bool ca_key_is_plain(const EVP_PKEY *pkey, const X509_PUBKEY *spki)
{
    const unsigned char *bits = NULL;
    X509_ALGOR *alg = NULL;
    int len = 0;

    if (X509_PUBKEY_get0_param(NULL, &bits, &len, &alg, spki) != 1)
        return false;
    if (EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS"))
        return is_plain_rsa(pkey, alg, len);
    if (EVP_PKEY_is_a(pkey, "EC")) /* SEC 1, 2.3.3: uncompressed */
        return len > 0 && bits[0] == 4;
    return true;
}

ks_rc ca_key_strength(const EVP_PKEY *pkey, struct ks_err *err)
{
    const char *name = EVP_PKEY_get0_type_name(pkey);

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (EVP_PKEY_is_a(pkey, rules[i].type))
            return rules[i].check(pkey, err);
    }
    return ks_fail(err, KS_E_POLICY, "a key of type %s, which is not allowed",
                   name != NULL ? name : "unknown");
}
