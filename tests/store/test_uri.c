/* store/base/uri.c */
#include "ks_uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "test.h"

static void parts_are_taken_apart(void)
{
    static const struct {
        const char *text, *backend, *key;
    } rows[] = {
        {"keystore://default/root", "default", "root"},
        {"keystore:///root", "default", "root"},
        {"KeyStore://HSM/Root", "hsm", "Root"},
        {"keystore://db/", "db", ""},
        {"keystore://db", "db", ""},
        {"keystore://", "default", ""},
        {"keystore://a.b_c-1/x", "a.b_c-1", "x"},
        {"keystore://d/a/b//c", "d", "a/b//c"},
        {"keystore://d/a%2Fb%3Fc%23", "d", "a/b?c#"},
        {"keystore://d/..%2f..", "d", "../.."},
        {"keystore://d/Z%C3%BCrich", "d", "Zürich"},
        {"keystore://d/Zürich CA", "d", "Zürich CA"},
        {"keystore://d/100%25", "d", "100%"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_uri uri;
        struct ks_err err = {0};

        if (!CHECK_OK(ks_uri_parse(rows[i].text, &uri, &err), &err))
            continue;
        CHECK_STR(uri.backend, rows[i].backend);
        CHECK_STR(uri.key, rows[i].key);
        CHECK_INT(uri.type, KS_URI_ANY);
        CHECK(uri.pin_source == NULL && !uri.has_pin_value);
        ks_uri_clear(&uri);
    }
}

static void attributes_are_decoded(void)
{
    struct ks_uri uri;
    struct ks_err err = {0};

    REQUIRE(ks_uri_parse("keystore://d/k?type=public&pin-source="
                         "file:%2Fetc%2Fpin%20file",
                         &uri, &err) == KS_OK);
    CHECK_INT(uri.type, KS_URI_PUBLIC);
    CHECK_STR(uri.pin_source, "file:/etc/pin file");
    ks_uri_clear(&uri);
    REQUIRE(ks_uri_parse("keystore://d/k?pin-value=1%262&type=private", &uri,
                         &err) == KS_OK);
    CHECK(uri.has_pin_value);
    CHECK_BYTES(uri.pin_value.data, uri.pin_value.len, "1&2", 3);
    CHECK_INT(uri.type, KS_URI_PRIVATE);
    ks_uri_clear(&uri);
    REQUIRE(ks_uri_parse("keystore://d/?type=cert&pin-value=", &uri, &err) ==
            KS_OK);
    CHECK_INT(uri.type, KS_URI_CERT);
    CHECK(uri.has_pin_value);
    CHECK_INT(uri.pin_value.len, 0);
    ks_uri_clear(&uri);
}

static void an_empty_pin_source_is_there(void)
{
    struct ks_uri uri;
    struct ks_err err = {0};

    REQUIRE(ks_uri_parse("keystore://d/k?pin-source=&so-pin-source=file:so",
                         &uri, &err) == KS_OK);
    CHECK_STR(uri.pin_source, "");
    CHECK_STR(uri.so_pin_source, "file:so");
    ks_uri_clear(&uri);
    CHECK(uri.so_pin_source == NULL);
    REQUIRE(ks_uri_parse("keystore://d/k", &uri, &err) == KS_OK);
    CHECK(uri.pin_source == NULL && uri.so_pin_source == NULL);
    ks_uri_clear(&uri);
}

static void attributes_are_set_for_other_schemes(void)
{
    static const char text[] = "other:x?pin-value=1%202&pin-value=3";
    struct ks_uri uri = {0};
    struct ks_err err = {0};
    unsigned seen = 0;

    CHECK_OK(ks_uri_set_attribute(&uri, text, text + 8, 15, &seen, &err), &err);
    CHECK_BYTES(uri.pin_value.data, uri.pin_value.len, "1 2", 3);
    CHECK_RC(ks_uri_set_attribute(&uri, text, text + 24, 11, &seen, &err),
             KS_E_INVALID);
    CHECK_STR(err.text, "other:x?pin-value=***: attribute given twice");
    ks_uri_clear(&uri);
}

static void malformed_uris_are_refused_with_a_reason(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "empty"},
        {"file:/etc/passwd", "not a keystore: URI"},
        {"/etc/passwd", "not a keystore: URI"},
        {"keystore", "not a keystore: URI"},
        {"keystores://d/k", "not a keystore: URI"},
        {"keystore:d/k", "\"//\" is missing"},
        {"keystore:/d/k", "\"//\" is missing"},
        {"keystore:", "\"//\" is missing"},
        {"keystore://me@d/k", "user or port"},
        {"keystore://d:1/k", "user or port"},
        {"keystore://d%41/k", "backend name"},
        {"keystore://d e/k", "backend name"},
        {"keystore://d/k#f", "fragment"},
        {"keystore://d/k%", "percent"},
        {"keystore://d/k%4", "percent"},
        {"keystore://d/k%zz", "percent"},
        {"keystore://d/k%00", "NUL"},
        {"keystore://d/k%0a", "control character"},
        {"keystore://d/k\n", "control character"},
        {"keystore://d/%7f", "control character"},
        {"keystore://d/%c2%85", "control character"},
        {"keystore://d/%ff", "UTF-8"},
        {"keystore://d/%c0%af", "UTF-8"},
        {"keystore://d/k?", "unknown attribute"},
        {"keystore://d/k?x=1", "unknown attribute \"x\""},
        {"keystore://d/k?Type=public", "unknown attribute"},
        {"keystore://d/k?type=public&", "unknown attribute"},
        {"keystore://d/k?type=public?x", "type is not"},
        {"keystore://d/k?type", "without a value"},
        {"keystore://d/k?type=", "type is not"},
        {"keystore://d/k?type=secret", "type is not"},
        {"keystore://d/k?type=public&type=public", "twice"},
        {"keystore://d/k?pin-source=%0a", "control character"},
        {"keystore://d/k?so-pin-source=%0a", "control character"},
        {"keystore://d/k?so-pin-source=a&so-pin-source=b", "twice"},
        {"keystore://d/k?so-pin-value=1", "unknown attribute"},
        {"keystore://d/k?pin-source=a&pin-value=b", "exclude"},
        {"keystore://d/k?pin-value=b&pin-source=", "exclude"},
        {"keystore://d/k?pin-value=a&pin-value=b", "twice"},
        {"keystore://d/k?pin-value=a%00b", "NUL"},
        {"keystore://d/k?pin-value=%4", "percent"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_uri uri, empty = {0};
        struct ks_err err = {0};

        CHECK_RC(ks_uri_parse(rows[i].text, &uri, &err), KS_E_INVALID);
        CHECK_CONTAINS(err.text, rows[i].why);
        CHECK(memcmp(&uri, &empty, sizeof(uri)) == 0);
    }
}

static void lengths_have_bounds(void)
{
    static const char head[] = "keystore://d/";
    char text[KS_URI_MAX + 10];
    struct ks_uri uri;
    struct ks_err err = {0};

    memset(text, 'x', sizeof(text));
    memcpy(text, head, sizeof(head) - 1);
    text[sizeof(head) - 1 + KS_KEY_NAME_MAX] = '\0';
    CHECK_OK(ks_uri_parse(text, &uri, &err), &err);
    ks_uri_clear(&uri);
    text[sizeof(head) - 1 + KS_KEY_NAME_MAX] = 'x';
    text[sizeof(head) + KS_KEY_NAME_MAX] = '\0';
    CHECK_RC(ks_uri_parse(text, &uri, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "more than 255");
    memset(text, 'x', sizeof(text));
    memcpy(text, head, sizeof(head) - 1);
    text[sizeof(text) - 1] = '\0';
    err = (struct ks_err){0};
    CHECK_RC(ks_uri_parse(text, &uri, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "longer than 4096");
    err = (struct ks_err){0};
    CHECK_RC(ks_uri_parse("keystore://"
                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                          "aaaaaaaaaaaaa/k",
                          &uri, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "backend name");
}

static void no_error_shows_a_pin(void)
{
    static const char *const texts[] = {
        "keystore://d/k?pin-value=sesame&x=1",
        "keystore://d/k?pin-value=open&sesame",
        "keystore://d/k?pin-source=pass:open&sesame",
        "keystore://d/k?pin-source=p%61ss:open&sesame=1",
        "keystore://d/k?pin-source=pass:sesame#x",
        "keystore://d/k?pin-value=open&sesame=1",
        "keystore://d/k?so-pin-source=pass:open&sesame=1",
        "keystore://d/k?pin-value=sesame#x",
        "keystore://d/k?pin-value=%zzsesame",
        "keystore:d/k?pin-value=sesame",
        "pkcs11:token=x?pin-value=sesame",
        "keystore://d/k?pin-source=x&pin-value=sesame",
        "keystore://d/k?PIN-VALUE=sesame",
        "keystore://d/k?pin%2Dvalue=sesame",
        "keystore://d:9/k?pin-value=sesame",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ks_uri uri;
        struct ks_err err = {0};

        CHECK_RC(ks_uri_parse(texts[i], &uri, &err), KS_E_INVALID);
        CHECK(err.text[0] != '\0');
        CHECK(strstr(err.text, "sesame") == NULL);
        CHECK(strstr(err.hint, "sesame") == NULL);
    }
}

static void format_is_undone_by_parse(void)
{
    static const char *const names[] = {
        "root",
        "a/b",
        "..",
        ".",
        "%41",
        "a b",
        "Zürich",
        "?x=1",
        "#",
        "&=+",
        "'\"$`\\;|<>",
        "日本",
        "\xf0\x9f\x94\x91",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ks_uri uri;
        struct ks_err err = {0};
        char *text = NULL;

        REQUIRE(ks_uri_format("default", names[i], &text) == KS_OK);
        CHECK(strpbrk(text, " '\"$`\\;|<>#?&") == NULL);
        if (CHECK_OK(ks_uri_parse(text, &uri, &err), &err)) {
            CHECK_STR(uri.key, names[i]);
            CHECK_STR(uri.backend, "default");
        }
        ks_uri_clear(&uri);
        OPENSSL_free(text);
    }
}

static void format_writes_listings_and_sources(void)
{
    char *text = NULL;

    REQUIRE(ks_uri_format("db", NULL, &text) == KS_OK);
    CHECK_STR(text, "keystore://db/");
    OPENSSL_free(text);
    REQUIRE(ks_uri_format("db", "", &text) == KS_OK);
    CHECK_STR(text, "keystore://db/");
    OPENSSL_free(text);
    REQUIRE(ks_uri_format_source("db", "k", "file:/a b&c", &text) == KS_OK);
    CHECK_STR(text, "keystore://db/k?pin-source=file:/a%20b%26c");
    OPENSSL_free(text);
}

static void key_names_are_checked(void)
{
    char name[300];

    CHECK_RC(ks_key_name_check("a", NULL), KS_OK);
    CHECK_RC(ks_key_name_check("../..", NULL), KS_OK);
    CHECK_RC(ks_key_name_check("", NULL), KS_E_INVALID);
    CHECK_RC(ks_key_name_check(NULL, NULL), KS_E_INVALID);
    CHECK_RC(ks_key_name_check("a\tb", NULL), KS_E_INVALID);
    CHECK_RC(ks_key_name_check("\xff", NULL), KS_E_INVALID);
    memset(name, 'n', sizeof(name));
    name[KS_KEY_NAME_MAX] = '\0';
    CHECK_RC(ks_key_name_check(name, NULL), KS_OK);
    name[KS_KEY_NAME_MAX] = 'n';
    name[KS_KEY_NAME_MAX + 1] = '\0';
    CHECK_RC(ks_key_name_check(name, NULL), KS_E_INVALID);
}

static void scheme_is_recognised_in_any_case(void)
{
    CHECK(ks_uri_is_keystore("keystore:x"));
    CHECK(ks_uri_is_keystore("KEYSTORE://"));
    CHECK(!ks_uri_is_keystore("keystore"));
    CHECK(!ks_uri_is_keystore("keystorex:"));
    CHECK(!ks_uri_is_keystore(""));
    CHECK(!ks_uri_is_keystore(NULL));
}

static void clear_of_null_and_twice_is_harmless(void)
{
    struct ks_uri uri;

    REQUIRE(ks_uri_parse("keystore://d/k?pin-value=x", &uri, NULL) == KS_OK);
    ks_uri_clear(&uri);
    ks_uri_clear(&uri);
    ks_uri_clear(NULL);
}

static void a_list_is_cut_where_another_uri_begins(void)
{
    static const struct {
        const char *list;
        const char *uris[4];
    } rows[] = {
        {"keystore://a/k", {"keystore://a/k"}},
        {"keystore://a/k, file:/x.pem", {"keystore://a/k", "file:/x.pem"}},
        {"keystore://a/k,file:/x.pem", {"keystore://a/k", "file:/x.pem"}},
        {"keystore://a/k file:/x.pem", {"keystore://a/k", "file:/x.pem"}},
        {" ,\tkeystore://a/k ,, file:/x,", {"keystore://a/k", "file:/x"}},
        {"keystore://a/k,1 file:/a,b,c", {"keystore://a/k,1", "file:/a,b,c"}},
        {"", {NULL}},
        {" , ", {NULL}},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *at = rows[i].list, *uri;
        size_t len = 0, n = 0;

        while ((uri = ks_uri_next(&at, &len)) != NULL && n < 3) {
            char text[64];

            (void)snprintf(text, sizeof(text), "%.*s", (int)len, uri);
            CHECK_STR(text, rows[i].uris[n] != NULL ? rows[i].uris[n] : "");
            n++;
        }
        CHECK(rows[i].uris[n] == NULL);
    }
}

static const struct test_case cases[] = {
    TEST_CASE(a_list_is_cut_where_another_uri_begins),
    TEST_CASE(parts_are_taken_apart),
    TEST_CASE(attributes_are_decoded),
    TEST_CASE(an_empty_pin_source_is_there),
    TEST_CASE(attributes_are_set_for_other_schemes),
    TEST_CASE(malformed_uris_are_refused_with_a_reason),
    TEST_CASE(lengths_have_bounds),
    TEST_CASE(no_error_shows_a_pin),
    TEST_CASE(format_is_undone_by_parse),
    TEST_CASE(format_writes_listings_and_sources),
    TEST_CASE(key_names_are_checked),
    TEST_CASE(scheme_is_recognised_in_any_case),
    TEST_CASE(clear_of_null_and_twice_is_harmless),
};
TEST_MAIN("store.uri", cases)
