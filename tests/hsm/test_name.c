/*
 * Names of keys: labels, and labels with an id.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "name.h"
#include "test.h"

static void a_label_is_a_name(void)
{
    static const char *const labels[] = {
        "root", "a b", ";", "id=01", ";ID=01", "Z\xc3\xbcrich", "a;id"};
    struct hsm_name name;

    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        if (!CHECK_RC(hsm_name_parse(labels[i], &name, NULL), KS_OK))
            continue;
        CHECK_STR(name.label, labels[i]);
        CHECK(name.id == NULL);
        CHECK_INT(name.id_len, 0);
        hsm_name_clear(&name);
    }
}

static void an_id_follows_the_label(void)
{
    static const uint8_t want[] = {0x00, 0xab, 0xCD};
    struct hsm_name name;

    REQUIRE(hsm_name_parse("root;id=00abCD", &name, NULL) == KS_OK);
    CHECK_STR(name.label, "root");
    CHECK_BYTES(name.id, name.id_len, want, sizeof(want));
    hsm_name_clear(&name);
    REQUIRE(hsm_name_parse(";id=00abcd", &name, NULL) == KS_OK);
    CHECK_STR(name.label, "");
    CHECK_BYTES(name.id, name.id_len, want, sizeof(want));
    hsm_name_clear(&name);
}

static void of_several_marks_the_last_one_counts(void)
{
    struct hsm_name name;

    REQUIRE(hsm_name_parse("a;id=01;id=02", &name, NULL) == KS_OK);
    CHECK_STR(name.label, "a;id=01");
    CHECK_INT(name.id_len, 1);
    CHECK_INT(name.id[0], 2);
    hsm_name_clear(&name);
}

static void a_bad_id_is_told(void)
{
    static const char *const names[] = {
        "x;id=",   "x;id=1", "x;id=0g", "x;id=0x01",
        "x;id= 1", ";id=",   "",        "x;id=01;id="};
    char longest[1 + 4 + 2 * (HSM_ID_MAX + 1) + 1];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct hsm_name name = {(char *)"untouched", NULL, 0};
        struct ks_err err = {0};

        CHECK_RC(hsm_name_parse(names[i], &name, &err), KS_E_INVALID);
        CHECK(err.text[0] != '\0');
        CHECK_STR(name.label, "untouched");
    }
    memset(longest, '0', sizeof(longest));
    memcpy(longest, "x;id=", 5);
    longest[sizeof(longest) - 1] = '\0';
    {
        struct hsm_name name = {0};

        CHECK_RC(hsm_name_parse(longest, &name, NULL), KS_E_INVALID);
        longest[sizeof(longest) - 3] = '\0';
        CHECK_RC(hsm_name_parse(longest, &name, NULL), KS_OK);
        CHECK_INT(name.id_len, HSM_ID_MAX);
        hsm_name_clear(&name);
    }
}

static void what_is_formatted_is_parsed_again(void)
{
    static const uint8_t id[] = {0x0f, 0xf0, 0x00};
    struct hsm_name name = {0};
    char *text = hsm_name_format("a;id=77", id, sizeof(id));

    CHECK_STR(text, "a;id=77;id=0ff000");
    CHECK_RC(hsm_name_parse(text, &name, NULL), KS_OK);
    CHECK_STR(name.label, "a;id=77");
    CHECK_BYTES(name.id, name.id_len, id, sizeof(id));
    OPENSSL_free(text);
    hsm_name_clear(&name);
    hsm_name_clear(&name);
    hsm_name_clear(NULL);
    text = hsm_name_format("plain", NULL, 0);
    CHECK_STR(text, "plain");
    OPENSSL_free(text);
}

static const struct test_case cases[] = {
    TEST_CASE(a_label_is_a_name),
    TEST_CASE(an_id_follows_the_label),
    TEST_CASE(of_several_marks_the_last_one_counts),
    TEST_CASE(a_bad_id_is_told),
    TEST_CASE(what_is_formatted_is_parsed_again),
};
TEST_MAIN("hsm.name", cases)
