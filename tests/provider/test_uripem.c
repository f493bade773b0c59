/*
 * The content of a URI-PEM: what pkcs11-provider writes is read, and whatever
 * else may come is an error with a text.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "ks_uri.h"
#include "test.h"
#include "uripem.h"

/* By hand from pkcs11-provider's docs: both strings, short lengths. */
static const uint8_t sample[] = {
    0x30, 0x2f, 0x1a, 0x19, 'P', 'K', 'C', 'S', '#', '1', '1', ' ', 'P',
    'r',  'o',  'v',  'i',  'd', 'e', 'r', ' ', 'U', 'R', 'I', ' ', 'v',
    '1',  '.',  '0',  0x0c, 18,  'k', 'e', 'y', 's', 't', 'o', 'r', 'e',
    ':',  '/',  '/',  'a',  '/', 'b', 'c', 'd', 'e', 'f'};

static ks_rc parse(const uint8_t *der, size_t len, struct ks_err *err)
{
    char *uri = (char *)"";
    ks_rc rc;

    memset(err, 0, sizeof(*err));
    rc = prov_uripem_parse(der, len, &uri, err);
    CHECK((rc == KS_OK) == (uri != NULL));
    CHECK((rc == KS_OK) == (err->text[0] == '\0'));
    OPENSSL_free(uri);
    return rc;
}

static void sample_is_read_and_written(void)
{
    struct ks_buf der = {0};
    struct ks_err err = {0};
    char *uri = NULL;

    CHECK_OK(prov_uripem_parse(sample, sizeof(sample), &uri, &err), &err);
    CHECK_STR(uri, "keystore://a/bcdef");
    CHECK_OK(prov_uripem_make("keystore://a/bcdef", &der, &err), &err);
    CHECK_BYTES(der.data, der.len, sample, sizeof(sample));
    ks_buf_clear(&der);
    OPENSSL_free(uri);
}

static void longest_uri_goes_both_ways(void)
{
    char longest[KS_URI_MAX + 2];
    struct ks_buf der = {0};
    struct ks_err err = {0};
    char *uri = NULL;

    memset(longest, 'u', sizeof(longest));
    longest[KS_URI_MAX] = '\0';
    CHECK_OK(prov_uripem_make(longest, &der, &err), &err);
    CHECK_OK(prov_uripem_parse(der.data, der.len, &uri, &err), &err);
    CHECK_STR(uri, longest);
    OPENSSL_free(uri);
    ks_buf_clear(&der);
    longest[KS_URI_MAX] = 'u';
    longest[KS_URI_MAX + 1] = '\0';
    CHECK(prov_uripem_make(longest, &der, &err) != KS_OK);
    CHECK(der.data == NULL);
}

static void longer_uri_is_refused(void)
{
    uint8_t der[KS_URI_MAX + 64];
    const size_t uri_len = KS_URI_MAX + 1;
    struct ks_err err;
    size_t at = 0;

    der[at++] = 0x30;
    der[at++] = 0x82;
    der[at++] = (uint8_t)((27 + 4 + uri_len) >> 8);
    der[at++] = (uint8_t)((27 + 4 + uri_len) & 0xff);
    memcpy(der + at, sample + 2, 27);
    at += 27;
    der[at++] = 0x0c;
    der[at++] = 0x82;
    der[at++] = (uint8_t)(uri_len >> 8);
    der[at++] = (uint8_t)(uri_len & 0xff);
    memset(der + at, 'u', uri_len);
    CHECK_RC(parse(der, at + uri_len, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "4097");
}

static void every_truncation_is_refused(void)
{
    struct ks_err err;
    size_t len;

    for (len = 0; len < sizeof(sample); len++)
        CHECK_RC(parse(sample, len, &err), KS_E_INVALID);
    CHECK_RC(parse(NULL, 0, &err), KS_E_INVALID);
}

/* Any single changed bit: an error, another URI, but never a crash. */
static void no_changed_bit_crashes(void)
{
    uint8_t der[sizeof(sample)];
    struct ks_err err;
    size_t bit;

    for (bit = 0; bit < sizeof(sample) * 8; bit++) {
        memcpy(der, sample, sizeof(der));
        der[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        (void)parse(der, sizeof(der), &err); /* either result will do */
    }
}

static void trailing_bytes_are_refused(void)
{
    uint8_t der[sizeof(sample) + 1] = {0};
    struct ks_err err;

    memcpy(der, sample, sizeof(sample));
    CHECK_RC(parse(der, sizeof(der), &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "1 bytes too many");
}

static void other_version_is_unsupported(void)
{
    uint8_t der[sizeof(sample)];
    struct ks_err err;

    memcpy(der, sample, sizeof(der));
    der[26] = '2';
    CHECK_RC(parse(der, sizeof(der), &err), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "version");
}

static void nul_and_empty_uri_are_refused(void)
{
    uint8_t der[sizeof(sample)];
    struct ks_err err;

    memcpy(der, sample, sizeof(der));
    der[sizeof(der) - 2] = '\0';
    CHECK_RC(parse(der, sizeof(der), &err), KS_E_INVALID);
    memcpy(der, sample, sizeof(der));
    der[1] = 29; /* no URI bytes at all */
    der[30] = 0;
    CHECK_RC(parse(der, 31, &err), KS_E_INVALID);
}

static const struct test_case cases[] = {
    TEST_CASE(sample_is_read_and_written),
    TEST_CASE(longest_uri_goes_both_ways),
    TEST_CASE(longer_uri_is_refused),
    TEST_CASE(every_truncation_is_refused),
    TEST_CASE(no_changed_bit_crashes),
    TEST_CASE(trailing_bytes_are_refused),
    TEST_CASE(other_version_is_unsupported),
    TEST_CASE(nul_and_empty_uri_are_refused),
};
TEST_MAIN("provider.uripem", cases)
