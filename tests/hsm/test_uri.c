/* hsm/uri.c, hsm/uri_text.c */
#include "uri.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "test.h"

static void attributes_are_taken_apart(void)
{
    static const uint8_t id[] = {0x01, 0xff};
    struct hsm_uri uri;
    struct ks_err err = {0};

    REQUIRE(CHECK_OK(
        hsm_uri_parse("pkcs11:token=My%20Token;object=Z%c3%bcrich;id=%01%FF"
                      "?module-path=/a%20b/m.so&module-name=soft",
                      &uri, &err),
        &err));
    CHECK_STR(uri.name.label, "Zürich");
    CHECK_BYTES(uri.name.id, uri.name.id_len, id, sizeof(id));
    CHECK(uri.has_object);
    CHECK_INT(uri.type, KS_URI_ANY);
    CHECK_STR(uri.module_path, "/a b/m.so");
    CHECK_STR(uri.module_name, "soft");
    hsm_uri_clear(&uri);
    CHECK(uri.p11 == NULL);
    hsm_uri_clear(&uri);
    hsm_uri_clear(NULL);
}

static void the_scheme_has_any_case(void)
{
    static const char *const texts[] = {"pkcs11:object=a", "PKCS11:object=a",
                                        "Pkcs11:object=a"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hsm_uri uri;
        struct ks_err err = {0};

        CHECK_OK(hsm_uri_parse(texts[i], &uri, &err), &err);
        CHECK_STR(uri.name.label, "a");
        hsm_uri_clear(&uri);
    }
}

static void types_are_those_of_keys(void)
{
    static const struct {
        const char *text;
        enum ks_uri_type type;
    } rows[] = {{"pkcs11:object=a;type=private", KS_URI_PRIVATE},
                {"pkcs11:type=public;object=a", KS_URI_PUBLIC},
                {"pkcs11:object=a;type=cert", KS_URI_CERT}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_uri uri;
        struct ks_err err = {0};
        bool listing = true;

        REQUIRE(CHECK_OK(
            hsm_uri_for_provider(rows[i].text, &uri, &listing, &err), &err));
        CHECK(!listing);
        CHECK_INT(uri.type, rows[i].type);
        CHECK_STR(uri.key, "pkcs11:object=a");
        ks_uri_clear(&uri);
    }
}

static void malformed_uris_are_refused_with_a_reason(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "not a pkcs11: URI"},
        {"pkcs11", "not a pkcs11: URI"},
        {"pkcs12:token=x", "not a pkcs11: URI"},
        {"file:/etc/passwd", "not a pkcs11: URI"},
        {"pkcs11:token", "token has no value"},
        {"pkcs11:object=", "object is empty"},
        {"pkcs11:object=a;id=", "id is empty"},
        {"pkcs11:token=%zz", "bad percent encoding"},
        {"pkcs11:token=%4", "bad percent encoding"},
        {"pkcs11:object=%", "bad percent encoding"},
        {"pkcs11:token=a;token=b", "token is given twice"},
        {"pkcs11:object=a?module-path=/a&module-path=/b",
         "module-path is given twice"},
        {"pkcs11:token=My Token", "has a space"},
        {"pkcs11:token=x\n", "control character"},
        {"pkcs11:token=x#y", "fragment"},
        {"pkcs11://token=x", "no slash"},
        {"pkcs11:/token=x", "no slash"},
        {"pkcs11:token=x;", "an attribute has no name"},
        {"pkcs11:;token=x", "an attribute has no name"},
        {"pkcs11:token=x;;object=y", "an attribute has no name"},
        {"pkcs11:=x", "an attribute has no name"},
        {"pkcs11:token=x;colour=red", "unknown attribute \"colour\""},
        {"pkcs11:TOKEN=x", "unknown attribute \"TOKEN\""},
        {"pkcs11:x-vendor=1", "unknown attribute \"x-vendor\""},
        {"pkcs11:object-type=cert", "unknown attribute \"object-type\""},
        {"pkcs11:token=x?colour=red", "unknown attribute \"colour\""},
        {"pkcs11:token=x?object=y", "object belongs before the \"?\""},
        {"pkcs11:token=x?type=cert", "type belongs before the \"?\""},
        {"pkcs11:token=x;module-path=/m.so",
         "module-path belongs after the \"?\""},
        {"pkcs11:token=x;pin-source=file:a",
         "pin-source belongs after the \"?\""},
        {"pkcs11:token=x?&pin-value=1", "an attribute has no name"},
        {"pkcs11:token=012345678901234567890123456789012",
         "token has more than 32 bytes"},
        {"pkcs11:serial=0123456789abcdefX", "serial has more than 16 bytes"},
        {"pkcs11:model=0123456789abcdefX", "model has more than 16 bytes"},
        {"pkcs11:slot-id=", "not a slot's number"},
        {"pkcs11:slot-id=1x", "not a slot's number"},
        {"pkcs11:slot-id=-1", "not a slot's number"},
        {"pkcs11:slot-id=99999999999999999999", "not a slot's number"},
        {"pkcs11:library-version=300.1", "version"},
        {"pkcs11:type=", "type is not"},
        {"pkcs11:type=data", "type is not"},
        {"pkcs11:type=secret-key", "type is not"},
        {"pkcs11:type=Private", "type is not"},
        {"pkcs11:object=a%00b", "NUL"},
        {"pkcs11:object=a%0ab", "control character"},
        {"pkcs11:object=%ff", "UTF-8"},
        {"pkcs11:object=a?module-path=", "not an absolute path"},
        {"pkcs11:object=a?module-path=m.so", "not an absolute path"},
        {"pkcs11:object=a?module-path=../m.so", "not an absolute path"},
        {"pkcs11:object=a?pin-value=1&pin-source=file:a", "exclude"},
        {"pkcs11:object=a?pin-source=file:a&pin-value=1", "exclude"},
        {"pkcs11:object=a?pin-value=1&pin-value=2", "twice"},
        {"pkcs11:object=a?pin-value=%zz", "percent"},
        {"pkcs11:object=a?pin-value", "pin-value has no value"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static const struct hsm_uri empty;
        struct hsm_uri uri;
        struct ks_err err = {0};

        CHECK_RC(hsm_uri_parse(rows[i].text, &uri, &err), KS_E_INVALID);
        CHECK_CONTAINS(err.text, rows[i].why);
        CHECK(memcmp(&uri, &empty, sizeof(uri)) == 0);
    }
    CHECK_RC(hsm_uri_parse(NULL, &(struct hsm_uri){0}, NULL), KS_E_INVALID);
}

static void no_error_shows_a_pin(void)
{
    static const char *const texts[] = {
        "pkcs11:token=x?pin-value=sesame&x=1",
        "pkcs11:token=x?pin-value=open&sesame",
        "pkcs11:token=x?pin-value=open&sesame=1",
        "pkcs11:token=x;pin-value=sesame",
        "pkcs11:pin-value=sesame;token=x",
        "pkcs11:token=x?pin-value=sesame#",
        "pkcs11:token=x?pin-value=sesame&pin-source=file:a",
        "pkcs11:token=x?pin-value=sesame %",
        "pkcs11:token=x?PIN-VALUE=sesame",
        "pkcs11:token=x?pin%2dvalue=sesame",
        "pkcs11:token=x?pin-source=pass:open&sesame",
        "pkcs11:token=x?so-pin-source=pass:sesame&colour=1",
        "pkcs11:colour=1?pin-value=sesame",
        "pkcs11:token=x?pin-value=%zzsesame",
        "pkcs11:object=%ff?pin-value=sesame",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct hsm_uri uri;
        struct ks_err err = {0};

        CHECK_RC(hsm_uri_parse(texts[i], &uri, &err), KS_E_INVALID);
        CHECK(err.text[0] != '\0');
        CHECK(strstr(err.text, "sesame") == NULL);
        CHECK(strstr(err.hint, "sesame") == NULL);
    }
}

static void pins_are_taken_out(void)
{
    struct ks_uri uri;
    struct hsm_uri own;
    struct ks_err err = {0};
    bool listing;

    REQUIRE(CHECK_OK(
        hsm_uri_for_provider("pkcs11:token=t;object=a?pin-value=12%2634"
                             "&module-path=/m.so&so-pin-source=file:so",
                             &uri, &listing, &err),
        &err));
    CHECK(uri.has_pin_value);
    CHECK_BYTES(uri.pin_value.data, uri.pin_value.len, "12&34", 5);
    CHECK_STR(uri.so_pin_source, "file:so");
    CHECK_STR(uri.key, "pkcs11:token=t;object=a?module-path=%2Fm.so");
    CHECK_STR(uri.alias, "a");
    CHECK_STR(uri.module, "/m.so");
    CHECK(uri.backend == NULL && uri.pin_source == NULL);
    ks_uri_clear(&uri);
    REQUIRE(hsm_uri_for_provider("pkcs11:object=a?pin-source=", &uri, &listing,
                                 &err) == KS_OK);
    CHECK_STR(uri.pin_source, "");
    ks_uri_clear(&uri);
    REQUIRE(hsm_uri_parse("pkcs11:object=a?pin-value=1234", &own, &err) ==
            KS_OK);
    CHECK(p11_kit_uri_get_pin_value(own.p11) == NULL);
    hsm_uri_clear(&own);
}

static void without_object_and_id_it_is_a_listing(void)
{
    static const struct {
        const char *text;
        bool listing;
    } rows[] = {
        {"pkcs11:", true},
        {"pkcs11:?pin-value=1", true},
        {"pkcs11:?", true},
        {"pkcs11:token=t", true},
        {"pkcs11:token=t;type=cert", true},
        {"pkcs11:slot-id=3;library-version=2.6", true},
        {"pkcs11:id=%01", false},
        {"pkcs11:object=a", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_uri uri;
        struct ks_err err = {0};
        bool listing = !rows[i].listing;

        REQUIRE(CHECK_OK(
            hsm_uri_for_provider(rows[i].text, &uri, &listing, &err), &err));
        CHECK(listing == rows[i].listing);
        ks_uri_clear(&uri);
    }
}

/* What is shown and stored reads as the same again, and then as itself. */
static void canonical_text_is_stable(void)
{
    static const char *const texts[] = {
        "pkcs11:",
        "pkcs11:type=cert;token=t",
        "PKCS11:token=a%2fb%3bc;object=x%3fy%23z",
        "pkcs11:id=%00%01abc;object=a",
        "pkcs11:slot-id=4294967294;slot-description=s;"
        "slot-manufacturer=m",
        "pkcs11:library-manufacturer=l;library-description=d;"
        "library-version=2.6",
        "pkcs11:model=m;serial=0;manufacturer=f;token=t",
        "pkcs11:object=\xc3\xa9?module-name=n&module-path=/a/b.so",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ks_uri uri, again;
        struct ks_err err = {0};
        bool listing;

        REQUIRE(CHECK_OK(hsm_uri_for_provider(texts[i], &uri, &listing, &err),
                         &err));
        REQUIRE(CHECK_OK(hsm_uri_for_provider(uri.key, &again, &listing, &err),
                         &err));
        CHECK_STR(again.key, uri.key);
        ks_uri_clear(&uri);
        ks_uri_clear(&again);
    }
}

static void fill(unsigned char *field, size_t size, const char *text)
{
    memset(field, ' ', size);
    memcpy(field, text, strlen(text));
}
#define FILL(field, text) fill((field), sizeof(field), (text))

static struct hsm_slot a_slot(void)
{
    struct hsm_slot slot = {.id = 7, .has_token = true};

    FILL(slot.slot.slotDescription, "Slot 7");
    FILL(slot.slot.manufacturerID, "Slots Inc");
    FILL(slot.token.label, "My Token");
    FILL(slot.token.manufacturerID, "Tokens Inc");
    FILL(slot.token.model, "T2");
    FILL(slot.token.serialNumber, "00c0ffee");
    return slot;
}

static void slots_match_by_every_attribute(void)
{
    static const struct {
        const char *text;
        bool matches;
    } rows[] = {
        {"pkcs11:", true},
        {"pkcs11:token=My%20Token", true},
        {"pkcs11:token=my%20token", false},
        {"pkcs11:token=My", false},
        {"pkcs11:serial=00c0ffee", true},
        {"pkcs11:serial=00c0ffe", false},
        {"pkcs11:model=T2;manufacturer=Tokens%20Inc", true},
        {"pkcs11:model=T3;manufacturer=Tokens%20Inc", false},
        {"pkcs11:slot-id=7", true},
        {"pkcs11:slot-id=8", false},
        {"pkcs11:slot-id=0", false},
        {"pkcs11:slot-description=Slot%207;slot-manufacturer=Slots%20Inc",
         true},
        {"pkcs11:slot-manufacturer=Slots", false},
        {"pkcs11:object=anything", true},
        {"pkcs11:serial=", false},
    };
    struct hsm_slot slot = a_slot(), bare = a_slot();

    bare.has_token = false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsm_uri uri;
        struct ks_err err = {0};

        REQUIRE(CHECK_OK(hsm_uri_parse(rows[i].text, &uri, &err), &err));
        CHECK(hsm_uri_matches_slot(&uri, &slot) == rows[i].matches);
        CHECK(!hsm_uri_matches_slot(&uri, &bare));
        hsm_uri_clear(&uri);
    }
}

static void modules_match_by_library(void)
{
    static const struct {
        const char *text;
        bool matches;
    } rows[] = {
        {"pkcs11:", true},
        {"pkcs11:library-manufacturer=SoftHSM", true},
        {"pkcs11:library-manufacturer=OpenSC", false},
        {"pkcs11:library-description=Soft%20one;library-version=2.6", true},
        {"pkcs11:library-version=2.7", false},
    };
    CK_INFO info = {.libraryVersion = {2, 6}};

    FILL(info.manufacturerID, "SoftHSM");
    FILL(info.libraryDescription, "Soft one");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsm_uri uri;
        struct ks_err err = {0};

        REQUIRE(CHECK_OK(hsm_uri_parse(rows[i].text, &uri, &err), &err));
        CHECK(hsm_uri_matches_module(&uri, &info) == rows[i].matches);
        hsm_uri_clear(&uri);
    }
}

static void a_written_uri_finds_its_token_and_key(void)
{
    static const uint8_t id[] = {0x00, 0x3b, 0xff};
    struct hsm_name name = {(char *)"a;b?c", (uint8_t *)id, sizeof(id)};
    struct hsm_slot slot = a_slot();
    struct hsm_uri uri;
    struct ks_err err = {0};
    char *text = hsm_uri_format(&slot.token, &name, KS_URI_CERT, "/m m.so");

    REQUIRE(text != NULL);
    CHECK_STR(text, "pkcs11:model=T2;manufacturer=Tokens%20Inc;serial=00c0ffee;"
                    "token=My%20Token;id=%00%3B%FF;object=a%3Bb%3Fc;type=cert"
                    "?module-path=%2Fm%20m.so");
    REQUIRE(CHECK_OK(hsm_uri_parse(text, &uri, &err), &err));
    CHECK(hsm_uri_matches_slot(&uri, &slot));
    CHECK_STR(uri.name.label, name.label);
    CHECK_BYTES(uri.name.id, uri.name.id_len, id, sizeof(id));
    CHECK_INT(uri.type, KS_URI_CERT);
    CHECK_STR(uri.module_path, "/m m.so");
    hsm_uri_clear(&uri);
    OPENSSL_free(text);
}

static void a_name_may_lack_a_part(void)
{
    struct hsm_name label = {.label = (char *)"a"};
    struct hsm_name id = {.label = (char *)"", (uint8_t *)"\1", 1};
    CK_TOKEN_INFO token = a_slot().token;
    char *text = hsm_uri_format(&token, &label, KS_URI_ANY, NULL);

    CHECK_CONTAINS(text, "token=My%20Token;object=a");
    OPENSSL_free(text);
    text = hsm_uri_format(&token, &id, KS_URI_ANY, NULL);
    CHECK_CONTAINS(text, "token=My%20Token;id=%01");
    CHECK(strstr(text, "object") == NULL && strstr(text, "type") == NULL);
    OPENSSL_free(text);
}

static void a_token_without_serial_is_found_by_its_uri(void)
{
    struct hsm_name name = {.label = (char *)"a"};
    struct hsm_slot slot = a_slot();
    struct hsm_uri uri;
    struct ks_err err = {0};
    char *text;

    FILL(slot.token.serialNumber, "");
    text = hsm_uri_format(&slot.token, &name, KS_URI_ANY, NULL);
    CHECK_CONTAINS(text, "serial=;");
    REQUIRE(CHECK_OK(hsm_uri_parse(text, &uri, &err), &err));
    CHECK(hsm_uri_matches_slot(&uri, &slot));
    hsm_uri_clear(&uri);
    OPENSSL_free(text);
}

static void long_uris_are_refused(void)
{
    char text[KS_URI_MAX + 2];
    struct hsm_uri uri;
    struct ks_err err = {0};

    memset(text, 'x', sizeof(text));
    memcpy(text, "pkcs11:object=", 14);
    text[sizeof(text) - 1] = '\0';
    CHECK_RC(hsm_uri_parse(text, &uri, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "longer");
    text[14 + KS_KEY_NAME_MAX] = '\0';
    err = (struct ks_err){0};
    CHECK_OK(hsm_uri_parse(text, &uri, &err), &err);
    hsm_uri_clear(&uri);
    text[14 + KS_KEY_NAME_MAX] = 'x';
    text[15 + KS_KEY_NAME_MAX] = '\0';
    CHECK_RC(hsm_uri_parse(text, &uri, &err), KS_E_INVALID);
    CHECK_CONTAINS(err.text, "object has more than 255 bytes");
}

static const struct test_case cases[] = {
    TEST_CASE(attributes_are_taken_apart),
    TEST_CASE(the_scheme_has_any_case),
    TEST_CASE(types_are_those_of_keys),
    TEST_CASE(malformed_uris_are_refused_with_a_reason),
    TEST_CASE(no_error_shows_a_pin),
    TEST_CASE(pins_are_taken_out),
    TEST_CASE(without_object_and_id_it_is_a_listing),
    TEST_CASE(canonical_text_is_stable),
    TEST_CASE(slots_match_by_every_attribute),
    TEST_CASE(modules_match_by_library),
    TEST_CASE(a_written_uri_finds_its_token_and_key),
    TEST_CASE(a_name_may_lack_a_part),
    TEST_CASE(a_token_without_serial_is_found_by_its_uri),
    TEST_CASE(long_uris_are_refused),
};
TEST_MAIN("hsm.uri", cases)
