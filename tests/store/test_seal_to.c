/* store/seal/seal_to.c */
#include "seal/seal_to.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "test.h"

static void check_list(const char *text, size_t n, const char *const uris[])
{
    struct ks_seal_to list = {0};
    struct ks_err err = {0};

    CHECK_OK(ks_seal_to_parse(text, "db", &list, &err), &err);
    CHECK_INT(list.n, n);
    for (size_t i = 0; i < n && i < list.n; i++)
        CHECK_STR(list.uris[i], uris[i]);
    ks_seal_to_clear(&list);
    ks_seal_to_clear(&list);
}

static void lists_are_cut_at_commas(void)
{
    static const char *const one[] = {"keystore://hsm/kek"};
    static const char *const two[] = {"keystore://hsm/kek",
                                      "file:/etc/escrow.pem"};

    check_list("keystore://hsm/kek", 1, one);
    check_list("  keystore://hsm/kek  ", 1, one);
    check_list("keystore://hsm/kek, file:/etc/escrow.pem", 2, two);
    check_list("keystore://hsm/kek,file:/etc/escrow.pem", 2, two);
    check_list("keystore://hsm/kek ,\tfile:/etc/escrow.pem,", 2, two);
}

/* RFC 7512, 2.3 has it among the characters of a pkcs11: URI. */
static void a_comma_inside_a_uri_belongs_to_it(void)
{
    static const char *const uris[] = {
        "pkcs11:token=a,b;object=kek?pin-source=file:/x", "file:/a,b.pem"};

    check_list("pkcs11:token=a,b;object=kek?pin-source=file:/x, file:/a,b.pem",
               2, uris);
}

static void what_is_no_key_is_refused_by_name(void)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "names no key"},
        {" , ", "names no key"},
        {"hsm/kek", "hsm/kek: not a URI"},
        {"keystore://hsm/", "names a backend"},
        {"keystore://hsm/kek?type=cert", "names a certificate"},
        {"keystore://hsm/kek?colour=red", "colour"},
        {"keystore://hsm/kek?pin-value=1234", "say pin-source"},
        {"pkcs11:object=kek?pin-value=1234", "say pin-source"},
        {"pkcs11:object=kek?pin-source=pass:1234", "say pin-source"},
        {"keystore://hsm/kek?pin-source=pass:1234", "say pin-source"},
        {"keystore://db/kek", "in this backend itself"},
        {"keystore://DB/kek", "in this backend itself"},
        {"file:/etc/j\303\266rg.pem", "does not stand in a URI"},
        {"keystore://hsm/j\303\266rg", "does not stand in a URI"},
        {"file:escrow.pem", "absolute path"},
        {"file://host/escrow.pem", "absolute path"},
        {"keystore://hsm/kek, keystore://hsm/kek", "named twice"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ks_seal_to list = {0};
        struct ks_err err = {0};

        CHECK_RC(ks_seal_to_parse(bad[i].text, "db", &list, &err), KS_E_CONFIG);
        CHECK_CONTAINS(err.text, bad[i].says);
        CHECK(strstr(err.text, "1234") == NULL);
        CHECK(list.uris == NULL);
    }
}

static void more_than_sixteen_keys_are_refused(void)
{
    char text[1024] = "";
    struct ks_seal_to list = {0};
    struct ks_err err = {0};

    for (size_t i = 0, used = 0; i < 17; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "keystore://hsm/%zu, ", i);
    CHECK_RC(ks_seal_to_parse(text, NULL, &list, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "more than 16");
}

static void hints_have_no_attributes(void)
{
    struct ks_seal_to list = {0};
    struct ks_err err = {0};
    char *hints = NULL;

    CHECK_OK(ks_seal_to_parse("keystore://hsm/kek?pin-source=file:/run/pin, "
                              "pkcs11:object=kek?module-path=/x.so, "
                              "file:/etc/what?.pem",
                              NULL, &list, &err),
             &err);
    CHECK_OK(ks_seal_to_hints(&list, &hints, &err), &err);
    CHECK_STR(hints,
              "keystore://hsm/kek, pkcs11:object=kek, file:/etc/what?.pem");
    OPENSSL_free(hints);
    ks_seal_to_clear(&list);
}

static void hints_of_others_lead_to_no_file_and_no_module(void)
{
    struct ks_seal_to list = {0};
    struct ks_err err = {0};

    CHECK_OK(ks_seal_to_from_hints("file:/dev/zero, nonsense, keystore://a/, "
                                   "pkcs11:object=k?module-path=/evil.so, "
                                   "keystore://hsm/kek?pin-source=fd:0, "
                                   "FILE:/etc/shadow, keystore://hsm/kek",
                                   &list, &err),
             &err);
    CHECK_INT(list.n, 1);
    if (CHECK(list.n == 1))
        CHECK_STR(list.uris[0], "keystore://hsm/kek");
    ks_seal_to_clear(&list);
    CHECK_OK(ks_seal_to_from_hints("", &list, &err), &err);
    CHECK_INT(list.n, 0);
}

static const struct test_case cases[] = {
    TEST_CASE(lists_are_cut_at_commas),
    TEST_CASE(a_comma_inside_a_uri_belongs_to_it),
    TEST_CASE(what_is_no_key_is_refused_by_name),
    TEST_CASE(more_than_sixteen_keys_are_refused),
    TEST_CASE(hints_have_no_attributes),
    TEST_CASE(hints_of_others_lead_to_no_file_and_no_module),
};

TEST_MAIN("store.seal_to", cases)
