/*
 * From the parameters of a signature to the mechanism that an operation
 * key's backend is asked for.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "err.h"
#include "signature.h"

/* -4, "auto-digestmax": 3.1 and later (RSA_PSS_SALTLEN_AUTO_DIGEST_MAX). */
#define SALTLEN_AUTO_DIGEST_MAX (-4)

/* The digest by libcrypto's first name for it, and its length. */
static int canonical_digest(const struct prov_signature *sig, char *name,
                            size_t size, int *len)
{
    EVP_MD *md;

    *len = 0;
    if (name[0] == '\0')
        return 1;
    md = EVP_MD_fetch(sig->ctx->child, name, sig->ctx->propq);
    if (md == NULL)
        return 0;
    (void)OPENSSL_strlcpy(name, EVP_MD_get0_name(md), size);
    *len = EVP_MD_get_size(md);
    EVP_MD_free(md);
    return 1;
}

static int check_digest_len(const struct prov_signature *sig,
                            const struct prov_mech *mech, size_t in_len)
{
    if (mech->digest[0] != '\0' && in_len != (size_t)mech->digest_len)
        return prov_raise(sig->ctx, KS_E_INVALID,
                          "%s: %zu bytes to sign, but a %s digest has %d",
                          sig->key->uri, in_len, mech->digest,
                          mech->digest_len);
    return 1;
}

/* RFC 8017, 9.1.1: salt and digest have to fit into the encoded message. */
static int pss_salt_len(const struct prov_signature *sig,
                        struct prov_mech *mech, int asked)
{
    int bits = EVP_PKEY_get_bits(sig->key->soft);
    int most = (bits - 1 + 7) / 8 - mech->digest_len - 2;
    int salt = asked;

    if (asked == RSA_PSS_SALTLEN_DIGEST)
        salt = mech->digest_len;
    else if (asked == RSA_PSS_SALTLEN_AUTO || asked == RSA_PSS_SALTLEN_MAX)
        salt = most;
    else if (asked == SALTLEN_AUTO_DIGEST_MAX)
        salt = mech->digest_len < most ? mech->digest_len : most;
    if (salt < 0 || salt > most)
        return prov_raise(sig->ctx, KS_E_INVALID,
                          "%s: a PSS salt of %d bytes does not fit %d bits "
                          "with %s",
                          sig->key->uri, salt, bits, mech->digest);
    mech->params.salt_len = salt;
    return 1;
}

static int rsa_mech(struct prov_signature *sig, struct prov_mech *mech)
{
    static const struct {
        int pad;
        enum ks_mech mech;
    } pads[] = {
        {RSA_PKCS1_PADDING, KS_MECH_RSA_PKCS1},
        {RSA_PKCS1_PSS_PADDING, KS_MECH_RSA_PSS},
        {RSA_NO_PADDING, KS_MECH_RSA_RAW},
    };
    int salt = RSA_PSS_SALTLEN_AUTO, unused;
    OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PAD_MODE, &mech->pad),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, mech->digest,
                               sizeof(mech->digest)),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST,
                               mech->mgf1_digest, sizeof(mech->mgf1_digest)),
        OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &salt),
        OSSL_PARAM_END};
    size_t i;

    if (EVP_PKEY_CTX_get_params(sig->soft, params) <= 0)
        return 0;
    for (i = 0; i < sizeof(pads) / sizeof(pads[0]); i++)
        if (pads[i].pad == mech->pad)
            break;
    if (i == sizeof(pads) / sizeof(pads[0]))
        return prov_raise(sig->ctx, KS_E_UNSUPPORTED,
                          "%s: key stays in its backend, which signs with "
                          "PKCS#1, PSS or no padding only",
                          sig->key->uri);
    mech->params.mech = pads[i].mech;
    if (!canonical_digest(sig, mech->digest, sizeof(mech->digest),
                          &mech->digest_len))
        return 0;
    if (mech->pad == RSA_NO_PADDING && mech->digest[0] != '\0')
        return prov_raise(sig->ctx, KS_E_INVALID,
                          "%s: a digest cannot be signed without padding",
                          sig->key->uri);
    if (mech->pad != RSA_PKCS1_PSS_PADDING)
        return 1;
    if (mech->mgf1_digest[0] == '\0')
        memcpy(mech->mgf1_digest, mech->digest, sizeof(mech->digest));
    mech->params.mgf1_digest = mech->mgf1_digest;
    return canonical_digest(sig, mech->mgf1_digest, sizeof(mech->mgf1_digest),
                            &unused) &&
           pss_salt_len(sig, mech, salt);
}

static int ecdsa_mech(struct prov_signature *sig, struct prov_mech *mech)
{
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST,
                                                  mech->digest,
                                                  sizeof(mech->digest)),
                           OSSL_PARAM_END};

    mech->params.mech = KS_MECH_ECDSA;
    return EVP_PKEY_CTX_get_params(sig->soft, params) > 0 &&
           canonical_digest(sig, mech->digest, sizeof(mech->digest),
                            &mech->digest_len);
}

static int eddsa_mech(struct prov_signature *sig, struct prov_mech *mech)
{
    (void)sig;
    mech->params.mech = KS_MECH_EDDSA;
    return 1;
}

static const struct {
    const char *type;
    int (*find)(struct prov_signature *sig, struct prov_mech *mech);
} finders[] = {
    {"RSA", rsa_mech},       {"RSA-PSS", rsa_mech}, {"EC", ecdsa_mech},
    {"ED25519", eddsa_mech}, {"ED448", eddsa_mech},
};

static int find_mech(struct prov_signature *sig)
{
    struct prov_mech *mech = &sig->mech;
    size_t i;

    memset(mech, 0, sizeof(*mech));

    for (i = 0; i < sizeof(finders) / sizeof(finders[0]); i++)
        if (strcmp(finders[i].type, sig->key->type) == 0)
            break;
    if (i == sizeof(finders) / sizeof(finders[0]))
        return prov_raise(sig->ctx, KS_E_UNSUPPORTED, "%s: %s keys do not sign",
                          sig->key->uri, sig->key->type);
    if (!finders[i].find(sig, mech))
        return 0;
    if (mech->digest[0] != '\0')
        mech->params.digest = mech->digest;
    sig->mech_known = true;
    return 1;
}

int prov_signature_private(struct prov_signature *sig, const uint8_t *in,
                           size_t in_len, uint8_t *out, size_t *out_len,
                           size_t out_size)
{
    const struct prov_key *key = sig->key;
    struct ks_err err = {0};
    int most = EVP_PKEY_get_size(key->soft);
    ks_rc rc;

    if (most <= 0)
        return 0;
    if (out == NULL) {
        *out_len = (size_t)most;
        return 1;
    }
    if (out_size < (size_t)most)
        return prov_raise(sig->ctx, KS_E_INVALID,
                          "%s: room for %zu bytes, a signature may have %d",
                          key->uri, out_size, most);
    if (key->ops->sign == NULL)
        return prov_raise(sig->ctx, KS_E_UNSUPPORTED,
                          "%s: the key's backend does not sign", key->uri);
    if ((!sig->mech_known && !find_mech(sig)) ||
        !check_digest_len(sig, &sig->mech, in_len))
        return 0;
    *out_len = out_size;
    rc = key->ops->sign(key->opkey, &sig->mech.params, in, in_len, out, out_len,
                        &err);
    return rc == KS_OK ? 1 : prov_fail(sig->ctx, rc, &err);
}
