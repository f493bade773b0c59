/*
 * Tables of mechanisms and digests. Numbers are PKCS#11 3.0's; p11-kit's
 * header does not have all of them.
 */
#include "mech.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/objects.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

#define MECHANISM_SHA3_224 0x2b5UL
#define MECHANISM_SHA3_256 0x2b0UL
#define MECHANISM_SHA3_384 0x2c0UL
#define MECHANISM_SHA3_512 0x2d0UL
#define MGF1_SHA3_224 6UL
#define MGF1_SHA3_256 7UL
#define MGF1_SHA3_384 8UL
#define MGF1_SHA3_512 9UL

/* ---- digests ---- */

/* All that libcrypto's default and legacy providers sign with RSA. */
static const struct hsm_digest digests[] = {
    {{"SHA2-256", "SHA256", "SHA-256"},
     NID_sha256,
     32,
     CKM_SHA256,
     CKG_MGF1_SHA256},
    {{"SHA2-384", "SHA384", "SHA-384"},
     NID_sha384,
     48,
     CKM_SHA384,
     CKG_MGF1_SHA384},
    {{"SHA2-512", "SHA512", "SHA-512"},
     NID_sha512,
     64,
     CKM_SHA512,
     CKG_MGF1_SHA512},
    {{"SHA1", "SHA-1", "SSL3-SHA1"}, NID_sha1, 20, CKM_SHA_1, CKG_MGF1_SHA1},
    {{"SHA2-224", "SHA224", "SHA-224"},
     NID_sha224,
     28,
     CKM_SHA224,
     CKG_MGF1_SHA224},
    {{"SHA2-512/224", "SHA512-224", "SHA-512/224"}, NID_sha512_224, 28, 0, 0},
    {{"SHA2-512/256", "SHA512-256", "SHA-512/256"}, NID_sha512_256, 32, 0, 0},
    {{"SHA3-224"}, NID_sha3_224, 28, MECHANISM_SHA3_224, MGF1_SHA3_224},
    {{"SHA3-256"}, NID_sha3_256, 32, MECHANISM_SHA3_256, MGF1_SHA3_256},
    {{"SHA3-384"}, NID_sha3_384, 48, MECHANISM_SHA3_384, MGF1_SHA3_384},
    {{"SHA3-512"}, NID_sha3_512, 64, MECHANISM_SHA3_512, MGF1_SHA3_512},
    /* TLS 1.1: both, and no DigestInfo (RFC 4346, 4.7). */
    {{"MD5-SHA1"}, 0, 36, 0, 0},
    {{"MD5", "SSL3-MD5"}, NID_md5, 16, 0, 0},
    {{"RIPEMD-160", "RIPEMD160", "RIPEMD"}, NID_ripemd160, 20, 0, 0},
    {{"SM3"}, NID_sm3, 32, 0, 0},
    {{"MD4"}, NID_md4, 16, 0, 0},
};

const struct hsm_digest *hsm_digest_find(const char *name)
{
    size_t i, j;

    if (name == NULL)
        return NULL;
    for (i = 0; i < N_OF(digests); i++)
        for (j = 0; j < N_OF(digests[i].names); j++)
            if (digests[i].names[j] != NULL &&
                strcasecmp(digests[i].names[j], name) == 0)
                return &digests[i];
    return NULL;
}

/*
 * SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING }, all with lengths of one
 * byte.
 */
size_t hsm_digest_info(const struct hsm_digest *digest,
                       uint8_t out[static HSM_DIGEST_INFO_MAX])
{
    const ASN1_OBJECT *oid = digest->nid == 0 ? NULL : OBJ_nid2obj(digest->nid);
    size_t oid_len = oid == NULL ? 0 : OBJ_length(oid);
    size_t n = 0;

    if (oid_len == 0 || oid_len > HSM_DIGEST_INFO_MAX - 10)
        return 0;
    out[n++] = 0x30;
    out[n++] = (uint8_t)(oid_len + 8 + digest->len);
    out[n++] = 0x30;
    out[n++] = (uint8_t)(oid_len + 4);
    out[n++] = 0x06;
    out[n++] = (uint8_t)oid_len;
    memcpy(out + n, OBJ_get0_data(oid), oid_len);
    n += oid_len;
    out[n++] = 0x05;
    out[n++] = 0x00;
    out[n++] = 0x04;
    out[n++] = (uint8_t)digest->len;
    return n;
}

/* ---- mechanisms ---- */

#define HSM_RSA_ANY (HSM_RSA | HSM_RSA_PSS)

static const struct {
    enum ks_mech mech;
    unsigned kinds;
} rows[] = {
    {KS_MECH_ECDSA, HSM_EC},
    {KS_MECH_RSA_PKCS1, HSM_RSA},
    {KS_MECH_RSA_PSS, HSM_RSA_ANY},
    {KS_MECH_RSA_RAW, HSM_RSA},
    {KS_MECH_EDDSA, HSM_ED25519 | HSM_ED448},
    {KS_MECH_RSA_PKCS1_DECRYPT, HSM_RSA},
    {KS_MECH_RSA_PKCS1_TLS, HSM_RSA},
    {KS_MECH_RSA_OAEP, HSM_RSA},
    {KS_MECH_ECDH, HSM_EC},
    {KS_MECH_XDH, HSM_X25519 | HSM_X448},
};

bool hsm_mech_fits(enum ks_mech mech, enum hsm_kind kind)
{
    size_t i;

    for (i = 0; i < N_OF(rows); i++)
        if (rows[i].mech == mech)
            return (rows[i].kinds & (unsigned)kind) != 0;
    return false;
}

void hsm_mech_plain(struct hsm_mech *mech, CK_MECHANISM_TYPE type)
{
    mech->ck.mechanism = type;
    mech->ck.pParameter = NULL;
    mech->ck.ulParameterLen = 0;
}

static bool has_mechanism(const struct hsm_digest *digest)
{
    return digest != NULL && digest->mechanism != 0;
}

bool hsm_mech_pss(struct hsm_mech *mech, const struct hsm_digest *digest,
                  const struct hsm_digest *mgf1, size_t salt_len)
{
    if (!has_mechanism(digest) || !has_mechanism(mgf1))
        return false;
    mech->room.pss.hashAlg = digest->mechanism;
    mech->room.pss.mgf = mgf1->mgf;
    mech->room.pss.sLen = salt_len;
    mech->ck.mechanism = CKM_RSA_PKCS_PSS;
    mech->ck.pParameter = &mech->room.pss;
    mech->ck.ulParameterLen = sizeof(mech->room.pss);
    return true;
}

bool hsm_mech_oaep(struct hsm_mech *mech, const struct hsm_digest *digest,
                   const struct hsm_digest *mgf1, const uint8_t *label,
                   size_t label_len)
{
    CK_RSA_PKCS_OAEP_PARAMS *oaep = &mech->room.oaep;

    if (!has_mechanism(digest) || !has_mechanism(mgf1))
        return false;
    oaep->hashAlg = digest->mechanism;
    oaep->mgf = mgf1->mgf;
    oaep->source = CKZ_DATA_SPECIFIED;
    oaep->pSourceData = label_len == 0 ? NULL : (void *)label;
    oaep->ulSourceDataLen = label_len;
    mech->ck.mechanism = CKM_RSA_PKCS_OAEP;
    mech->ck.pParameter = oaep;
    mech->ck.ulParameterLen = sizeof(*oaep);
    return true;
}

void hsm_mech_eddsa(struct hsm_mech *mech, enum hsm_kind kind)
{
    hsm_mech_plain(mech, CKM_EDDSA);
    if (kind != HSM_ED448)
        return;
    mech->room.eddsa = (struct hsm_eddsa_params){.prehash = CK_FALSE};
    mech->ck.pParameter = &mech->room.eddsa;
    mech->ck.ulParameterLen = sizeof(mech->room.eddsa);
}

void hsm_mech_ecdh(struct hsm_mech *mech, CK_MECHANISM_TYPE type,
                   const uint8_t *point, size_t point_len)
{
    CK_ECDH1_DERIVE_PARAMS *ecdh = &mech->room.ecdh;

    ecdh->kdf = CKD_NULL;
    ecdh->pSharedData = NULL;
    ecdh->ulSharedDataLen = 0;
    ecdh->pPublicData = (CK_BYTE *)point;
    ecdh->ulPublicDataLen = point_len;
    mech->ck.mechanism = type;
    mech->ck.pParameter = ecdh;
    mech->ck.ulParameterLen = sizeof(*ecdh);
}

/* ---- names ---- */

const char *hsm_kind_name(enum hsm_kind kind)
{
    static const struct {
        enum hsm_kind kind;
        const char *name;
    } names[] = {
        {HSM_RSA, "RSA"},     {HSM_RSA_PSS, "RSA-PSS"},
        {HSM_EC, "EC"},       {HSM_ED25519, "ED25519"},
        {HSM_ED448, "ED448"}, {HSM_X25519, "X25519"},
        {HSM_X448, "X448"},
    };
    size_t i;

    for (i = 0; i < N_OF(names); i++)
        if (names[i].kind == kind)
            return names[i].name;
    return "unknown";
}
