/* store/file/key_file_lines.c */
#include "file/key_file_lines.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>

#include "ks_uri.h"
#include "test.h"

#define DIGEST                                                                 \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static ks_rc parse(const char *text, struct ks_key_lines *lines,
                   struct ks_err *err)
{
    *lines = (struct ks_key_lines){0};
    *err = (struct ks_err){0};
    return ks_key_lines_parse((const uint8_t *)text, strlen(text), lines, err);
}

static void lines_are_read_up_to_the_first_block(void)
{
    struct ks_key_lines lines;
    struct ks_err err;

    REQUIRE(CHECK_OK(parse("Anybody's line\r\nKey: a%2Fb\r\n"
                           "Created: 2026-01-02T03:04:05Z\n"
                           "Origin: imported\n"
                           "Sealed-To: keystore://hsm/kek\n"
                           "Sealed-To: file:/escrow.pem\n"
                           "Sealed-SHA256: " DIGEST "\n"
                           "Certificates-SHA256: " DIGEST "\n"
                           "-----BEGIN X-----\n"
                           "Public-SHA256: nonsense\n",
                           &lines, &err),
                     &err));
    CHECK_STR(lines.name, "a/b");
    CHECK_INT(lines.created, 1767323045);
    CHECK_STR(lines.sealed_digest, DIGEST);
    CHECK_STR(lines.public_digest, "");
    CHECK_STR(lines.certs_digest, DIGEST);
    CHECK_STR(lines.origin, "imported");
    CHECK_STR(lines.recipients, "keystore://hsm/kek, file:/escrow.pem");
    ks_key_lines_clear(&lines);
}

static void bad_lines_are_damage_by_name(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"Key: \n", "\"Key:\""},
        {"Key: %\n", "\"Key:\""},
        {"Key: %00\n", "\"Key:\""},
        {"Key: %0a\n", "\"Key:\""},
        {"Key: %ff\n", "\"Key:\""},
        {"Key: a\nKey: b\n", "\"Key:\""},
        {"Created: yesterday\n", "\"Created:\""},
        {"Created: 2026-01-02T03:04:05+01:00\n", "\"Created:\""},
        {"Created: 1900-01-01T00:00:00Z\n", "\"Created:\""},
        {"Sealed-SHA256: 00\n", "\"Sealed-SHA256:\""},
        {"Public-SHA256: " DIGEST "0\n", "\"Public-SHA256:\""},
        {"Public-SHA256: x" DIGEST "\n", "\"Public-SHA256:\""},
        {"Certificates-SHA256: x\n", "\"Certificates-SHA256:\""},
        {"Origin: \n", "\"Origin:\""},
        {"Origin: from outer space\n", "\"Origin:\""},
        {"Origin: 0123456789abcdef0123456789abcdef\n", "\"Origin:\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_key_lines lines;
        struct ks_err err;

        CHECK_RC(parse(rows[i].text, &lines, &err), KS_E_DAMAGED);
        CHECK_CONTAINS(err.text, rows[i].why);
        CHECK(lines.name == NULL && lines.recipients == NULL);
    }
}

static void a_bad_hint_spoils_no_key(void)
{
    struct ks_key_lines lines;
    struct ks_err err;

    CHECK_OK(parse("Sealed-To: \nSealed-To: a, b\nSealed-To: \x1b[2J\n"
                   "Sealed-To: keystore://a/k\nSealed-To: j\xc3\xb6rg\n",
                   &lines, &err),
             &err);
    CHECK_STR(lines.recipients, "keystore://a/k");
    ks_key_lines_clear(&lines);
}

static void endless_lines_are_passed_over(void)
{
    static char text[20000];
    struct ks_key_lines lines = {0};

    memset(text, 'x', sizeof(text));
    memcpy(text, "Key: ", 5);
    CHECK_RC(ks_key_lines_parse((uint8_t *)text, sizeof(text), &lines, NULL),
             KS_OK);
    CHECK(lines.name == NULL);
    CHECK_RC(ks_key_lines_parse((uint8_t *)text, 0, &lines, NULL), KS_OK);
}

static void the_longest_name_is_written_and_read(void)
{
    const struct ks_crypto ours = {NULL, NULL};
    struct ks_record record = {.form = KS_FORM_PLAIN};
    struct ks_key_lines lines;
    struct ks_err err;
    BIO *bio = BIO_new(BIO_s_mem());
    char name[KS_KEY_NAME_MAX + 1], *text = NULL;
    uint8_t key[] = {0x30, 0};
    long len;

    memset(name, ' ', sizeof(name));
    name[KS_KEY_NAME_MAX] = '\0';
    record.info.spki = (struct ks_buf){key, sizeof(key)};
    CHECK(ks_key_lines_write(&ours, name, &record, bio));
    len = BIO_get_mem_data(bio, &text);
    (void)BIO_write(bio, "", 1);
    len = BIO_get_mem_data(bio, &text);
    REQUIRE(len > 0);
    CHECK_OK(parse(text, &lines, &err), &err);
    CHECK_STR(lines.name, name);
    ks_key_lines_clear(&lines);
    BIO_free(bio);
}

static void digests_are_sha256(void)
{
    const struct ks_crypto ours = {NULL, NULL},
                           none = {NULL, "provider=nobody"};
    const struct ks_buf nothing = {(uint8_t *)"", 0};
    char digest[KS_DIGEST_TEXT_LEN + 1];

    REQUIRE(ks_key_file_digest(&ours, &nothing, digest));
    CHECK_STR(digest, DIGEST);
    CHECK(!ks_key_file_digest(&none, &nothing, digest));
}

static const struct test_case cases[] = {
    TEST_CASE(lines_are_read_up_to_the_first_block),
    TEST_CASE(bad_lines_are_damage_by_name),
    TEST_CASE(a_bad_hint_spoils_no_key),
    TEST_CASE(endless_lines_are_passed_over),
    TEST_CASE(the_longest_name_is_written_and_read),
    TEST_CASE(digests_are_sha256),
};
TEST_MAIN("store.key_file_lines", cases)
