/*
 * The tables of mechanisms and digests: as libcrypto has them.
 */
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "mech.h"
#include "test.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const names[] = {
    "SHA1",     "SHA2-224",     "SHA2-256",     "SHA2-384",   "SHA2-512",
    "SHA3-224", "SHA3-256",     "SHA3-384",     "SHA3-512",   "MD5",
    "MD5-SHA1", "SHA2-512/224", "SHA2-512/256", "RIPEMD-160", "SM3",
};

static void every_digest_has_libcryptos_length_and_name(void)
{
    size_t i;

    for (i = 0; i < N_OF(names); i++) {
        const struct hsm_digest *digest = hsm_digest_find(names[i]);
        EVP_MD *md = EVP_MD_fetch(NULL, names[i], NULL);

        REQUIRE(digest != NULL && md != NULL);
        CHECK_INT(digest->len, EVP_MD_get_size(md));
        CHECK(EVP_MD_is_a(md, digest->names[0]));
        CHECK(digest == hsm_digest_find(EVP_MD_get0_name(md)));
        EVP_MD_free(md);
    }
}

/* What libcrypto writes for the same digest. */
static void digest_info_is_that_of_x509_sig(void)
{
    uint8_t out[HSM_DIGEST_INFO_MAX];
    size_t i, len;

    for (i = 0; i < N_OF(names); i++) {
        const struct hsm_digest *digest = hsm_digest_find(names[i]);
        X509_SIG *sig = X509_SIG_new();
        X509_ALGOR *algorithm;
        ASN1_OCTET_STRING *octets;
        unsigned char zeros[64] = {0}, *der = NULL;
        int der_len;

        if (strcmp(names[i], "MD5-SHA1") == 0) {
            X509_SIG_free(sig);
            CHECK_INT(hsm_digest_info(digest, out), 0);
            continue;
        }
        X509_SIG_getm(sig, &algorithm, &octets);
        CHECK(X509_ALGOR_set0(algorithm, OBJ_nid2obj(digest->nid), V_ASN1_NULL,
                              NULL) == 1);
        CHECK(ASN1_OCTET_STRING_set(octets, zeros, (int)digest->len) == 1);
        der_len = i2d_X509_SIG(sig, &der);
        len = hsm_digest_info(digest, out);
        REQUIRE(der_len > 0 && len != 0);
        CHECK_BYTES(out, len, der, (size_t)der_len - digest->len);
        OPENSSL_free(der);
        X509_SIG_free(sig);
    }
}

static void digest_that_is_none_is_not_found(void)
{
    CHECK(hsm_digest_find(NULL) == NULL);
    CHECK(hsm_digest_find("") == NULL);
    CHECK(hsm_digest_find("SHA2-257") == NULL);
    CHECK(hsm_digest_find("sha-256") == hsm_digest_find("SHA256"));
}

static void mechanisms_fit_their_own_kinds_only(void)
{
    static const struct {
        enum ks_mech mech;
        unsigned kinds;
    } fits[] = {
        {KS_MECH_RSA_PKCS1, HSM_RSA},
        {KS_MECH_RSA_PSS, HSM_RSA | HSM_RSA_PSS},
        {KS_MECH_RSA_RAW, HSM_RSA},
        {KS_MECH_ECDSA, HSM_EC},
        {KS_MECH_EDDSA, HSM_ED25519 | HSM_ED448},
        {KS_MECH_RSA_PKCS1_DECRYPT, HSM_RSA},
        {KS_MECH_RSA_PKCS1_TLS, HSM_RSA},
        {KS_MECH_RSA_OAEP, HSM_RSA},
        {KS_MECH_ECDH, HSM_EC},
        {KS_MECH_XDH, HSM_X25519 | HSM_X448},
        {(enum ks_mech)0, 0},
        {(enum ks_mech)99, 0},
    };
    unsigned kind;
    size_t i;

    for (i = 0; i < N_OF(fits); i++)
        for (kind = 1; kind <= HSM_X448; kind <<= 1)
            CHECK(hsm_mech_fits(fits[i].mech, (enum hsm_kind)kind) ==
                  ((fits[i].kinds & kind) != 0));
}

static void pss_and_oaep_name_what_cryptoki_knows(void)
{
    const struct hsm_digest *sha256 = hsm_digest_find("SHA2-256");
    const struct hsm_digest *sha3 = hsm_digest_find("SHA3-384");
    const struct hsm_digest *sm3 = hsm_digest_find("SM3");
    struct hsm_mech mech;

    REQUIRE(hsm_mech_pss(&mech, sha256, sha3, 20));
    CHECK_INT(mech.ck.mechanism, CKM_RSA_PKCS_PSS);
    CHECK(mech.ck.pParameter == &mech.room.pss);
    CHECK_INT(mech.ck.ulParameterLen, sizeof(mech.room.pss));
    CHECK_INT(mech.room.pss.hashAlg, CKM_SHA256);
    CHECK_INT(mech.room.pss.mgf, 8); /* CKG_MGF1_SHA3_384 */
    CHECK_INT(mech.room.pss.sLen, 20);
    CHECK(!hsm_mech_pss(&mech, sm3, sha256, 20));
    CHECK(!hsm_mech_pss(&mech, sha256, NULL, 20));
    REQUIRE(hsm_mech_oaep(&mech, sha3, sha256, (const uint8_t *)"x", 1));
    CHECK_INT(mech.room.oaep.hashAlg, 0x2c0);
    CHECK_INT(mech.room.oaep.mgf, CKG_MGF1_SHA256);
    CHECK_INT(mech.room.oaep.ulSourceDataLen, 1);
    CHECK(!hsm_mech_oaep(&mech, NULL, sha256, NULL, 0));
}

static void only_ed448_has_a_parameter(void)
{
    struct hsm_mech mech;

    hsm_mech_eddsa(&mech, HSM_ED25519);
    CHECK(mech.ck.pParameter == NULL);
    hsm_mech_eddsa(&mech, HSM_ED448);
    CHECK(mech.ck.pParameter == &mech.room.eddsa);
    CHECK_INT(mech.room.eddsa.context_len, 0);
}

static void names_are_said_and_numbers_if_there_is_none(void)
{
    CHECK_STR(hsm_mech_name(CKM_EDDSA), "CKM_EDDSA");
    CHECK_STR(hsm_mech_name(0x80000001UL), "0x80000001");
    CHECK_STR(hsm_kind_name(HSM_X25519), "X25519");
    CHECK_STR(hsm_kind_name((enum hsm_kind)0), "unknown");
}

static const struct test_case cases[] = {
    TEST_CASE(every_digest_has_libcryptos_length_and_name),
    TEST_CASE(digest_info_is_that_of_x509_sig),
    TEST_CASE(digest_that_is_none_is_not_found),
    TEST_CASE(mechanisms_fit_their_own_kinds_only),
    TEST_CASE(pss_and_oaep_name_what_cryptoki_knows),
    TEST_CASE(only_ed448_has_a_parameter),
    TEST_CASE(names_are_said_and_numbers_if_there_is_none),
};
TEST_MAIN("hsm.mech", cases)
