/* store/certs.c */
#include "certs.h"

#include <string.h>

#include <openssl/err.h>

#include "keys.h"
#include "test.h"

static const struct ks_crypto ours = {NULL, NULL};
static const struct ks_buf none = {0};

/* Two certificates, one after the other. */
static void join(const struct ks_buf *a, const struct ks_buf *b,
                 struct ks_buf *both)
{
    const struct ks_key_info info = {.cert = *a, .chain = *b};

    CHECK_RC(ks_certs_join(&info, both), KS_OK);
    CHECK_INT(both->len, a->len + b->len);
}

static void the_first_element_ends_where_it_says(void)
{
    static const struct {
        const char *der;
        size_t len, first;
    } rows[] = {
        {"", 0, 0},
        {"\x30", 1, 0},
        {"\x30\x00", 2, 2},
        {"\x30\x01x\x30", 4, 3},
        {"\x30\x02x", 3, 0},                /* cut short */
        {"\x31\x00", 2, 0},                 /* a SET */
        {"\x10\x00", 2, 0},                 /* not constructed */
        {"\x30\x80\x00\x00", 4, 0},         /* no end is told */
        {"\x30\x84\x7f\xff\xff\xff", 6, 0}, /* far too long */
        {"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff", 10, 0},
        {"\xb0\x00", 2, 0}, /* of another class */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK_INT(ks_certs_first((const uint8_t *)rows[i].der, rows[i].len),
                  rows[i].first);
    CHECK(ERR_peek_error() == 0);
}

static void a_certificate_must_be_of_the_key(void)
{
    struct test_key one, two;
    struct ks_buf first = {0}, second = {0};
    struct ks_err err = {0};

    test_key_make("P-256", &one);
    test_key_make("P-256", &two);
    test_key_certify(&one, &first);
    test_key_certify(&two, &second);
    CHECK_OK(ks_certs_check(&ours, &one.spki, &first, &none, &err), &err);
    CHECK_OK(ks_certs_check(&ours, &one.spki, &first, &second, &err), &err);
    CHECK_OK(ks_certs_check(&ours, &one.spki, &none, &none, &err), &err);
    CHECK_RC(ks_certs_check(&ours, &one.spki, &second, &first, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "not of this key");
    err = (struct ks_err){0};
    CHECK_RC(ks_certs_check(&ours, &one.spki, &none, &first, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "chain without");
    CHECK(ERR_peek_error() == 0);
    ks_buf_clear(&first);
    ks_buf_clear(&second);
    test_key_clear(&one);
    test_key_clear(&two);
}

static void what_is_no_certificate_is_refused(void)
{
    static const struct ks_buf junk = {(uint8_t *)"\x30\x03\x02\x01\x00", 5};
    struct ks_buf cert = {0}, longer = {0}, shorter;
    struct test_key key;

    test_key_make("ED25519", &key);
    test_key_certify(&key, &cert);
    join(&cert, &junk, &longer);
    shorter = (struct ks_buf){cert.data, cert.len - 1};
    CHECK_RC(ks_certs_check(&ours, &key.spki, &junk, &none, NULL),
             KS_E_INVALID);
    CHECK_RC(ks_certs_check(&ours, &key.spki, &longer, &none, NULL),
             KS_E_INVALID);
    CHECK_RC(ks_certs_check(&ours, &key.spki, &shorter, &none, NULL),
             KS_E_INVALID);
    CHECK_RC(ks_certs_check(&ours, &key.spki, &cert, &longer, NULL),
             KS_E_INVALID);
    CHECK_RC(ks_certs_check(&ours, &key.spki, &cert, &shorter, NULL),
             KS_E_INVALID);
    CHECK(ERR_peek_error() == 0);
    ks_buf_clear(&cert);
    ks_buf_clear(&longer);
    test_key_clear(&key);
}

static void what_was_joined_is_split(void)
{
    struct ks_buf a = {0}, b = {0}, both = {0}, cert = {0}, chain = {0};
    struct test_key key;

    test_key_make("ED25519", &key);
    test_key_certify(&key, &a);
    test_key_certify(&key, &b);
    join(&a, &b, &both);
    CHECK_RC(ks_certs_split(both.data, both.len, &cert, &chain, NULL), KS_OK);
    CHECK_BYTES(cert.data, cert.len, a.data, a.len);
    CHECK_BYTES(chain.data, chain.len, b.data, b.len);
    CHECK_RC(ks_certs_split(NULL, 0, &cert, &chain, NULL), KS_OK);
    CHECK(cert.data == NULL && chain.data == NULL);
    CHECK_RC(ks_certs_split((const uint8_t *)"junk", 4, &cert, &chain, NULL),
             KS_E_INVALID);
    join(&none, &none, &both);
    CHECK(both.data == NULL);
    ks_buf_clear(&a);
    ks_buf_clear(&b);
    test_key_clear(&key);
}

static const struct test_case cases[] = {
    TEST_CASE(the_first_element_ends_where_it_says),
    TEST_CASE(a_certificate_must_be_of_the_key),
    TEST_CASE(what_is_no_certificate_is_refused),
    TEST_CASE(what_was_joined_is_split),
};
TEST_MAIN("store.certs", cases)
