/* store/file/key_file.c */
#include "file/key_file.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "keys.h"
#include "record.h"
#include "test.h"

static const struct ks_crypto ours = {NULL, NULL};
static const struct ks_kdf cheap = {2, 1, 1};

/* A sealed Ed25519 key. */
static void make_record(struct ks_record *record)
{
    struct ks_secret passphrase = {0};
    struct ks_buf sealed = {0};
    struct test_key key;
    struct ks_err err = {0};

    *record = (struct ks_record){.form = KS_FORM_PASSPHRASE};
    test_key_make("ED25519", &key);
    (void)CHECK_RC(ks_secret_set(&passphrase, "sesame", 6), KS_OK);
    CHECK_OK(ks_seal(&ours, &key.pkcs8, &passphrase, &cheap, &sealed, &err),
             &err);
    CHECK_RC(ks_secret_set(&record->private_half, sealed.data, sealed.len),
             KS_OK);
    record->info.spki = key.spki;
    key.spki = (struct ks_buf){0};
    record->info.created = 1700000000;
    ks_buf_clear(&sealed);
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
}

/* The text of its file. */
static void make_text(const char *name, struct ks_secret *text)
{
    struct ks_record record;
    struct ks_err err = {0};

    make_record(&record);
    CHECK_OK(ks_key_file_format(&ours, name, &record, text, &err), &err);
    ks_record_clear(&record);
}

static ks_rc parse(const char *text, size_t len, struct ks_err *err)
{
    struct ks_key_file file;
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = ks_key_file_parse(&ours, (const uint8_t *)text, len, &file, err);
    ks_key_file_clear(&file);
    return rc;
}

static void what_was_written_is_read(void)
{
    struct ks_secret text = {0};
    struct ks_key_file file;
    struct ks_err err = {0};

    make_text("Zürich/..", &text);
    CHECK_CONTAINS((const char *)text.data, "Key: Z%C3%BCrich/..\n");
    CHECK_CONTAINS((const char *)text.data, "Created: 2023-11-14T22:13:20Z\n");
    REQUIRE(CHECK_OK(ks_key_file_parse(&ours, text.data, text.len, &file, &err),
                     &err));
    CHECK_STR(file.name, "Zürich/..");
    CHECK_INT(file.record.info.created, 1700000000);
    CHECK_INT(file.record.form, KS_FORM_PASSPHRASE);
    CHECK(file.record.private_half.len > 0 && file.record.recipients == NULL);
    CHECK(file.record.info.spki.len > 0 && file.record.info.cert.data == NULL);
    ks_key_file_clear(&file);
    ks_key_file_clear(&file);
    ks_key_file_clear(NULL);
    ks_secret_clear(&text);
}

static void unsealed_keys_and_certificates_are_kept_too(void)
{
    static const uint8_t certs[] = {0x30, 1, 'a', 0x30, 1, 'b', 0x30, 1, 'c'};
    struct ks_record record = {.form = KS_FORM_PLAIN,
                               .info = {.origin = "imported"}};
    struct ks_key_file file;
    struct ks_secret text = {0};
    struct test_key key;
    struct ks_err err = {0};

    test_key_make("P-256", &key);
    record.private_half = key.pkcs8;
    record.info.spki = key.spki;
    REQUIRE(ks_buf_set(&record.info.cert, certs, 3) == KS_OK);
    REQUIRE(ks_buf_set(&record.info.chain, certs + 3, 6) == KS_OK);
    CHECK_OK(ks_key_file_format(&ours, NULL, &record, &text, &err), &err);
    CHECK_CONTAINS((const char *)text.data, "-----BEGIN PRIVATE KEY-----");
    CHECK_CONTAINS((const char *)text.data, "Certificates-SHA256: ");
    CHECK(strstr((const char *)text.data, "Sealed-SHA256") == NULL);
    REQUIRE(CHECK_OK(ks_key_file_parse(&ours, text.data, text.len, &file, &err),
                     &err));
    CHECK(ks_record_equal(&file.record, &record));
    CHECK(file.name == NULL && file.record.info.created == 0);
    ks_buf_clear(&record.info.cert);
    ks_buf_clear(&record.info.chain);
    ks_key_file_clear(&file);
    ks_secret_clear(&text);
    test_key_clear(&key);
}

static void a_chain_that_is_no_der_is_not_written(void)
{
    struct ks_record record;
    struct ks_secret text = {0};

    make_record(&record);
    REQUIRE(ks_buf_set(&record.info.cert, "\x30\x01x", 3) == KS_OK);
    REQUIRE(ks_buf_set(&record.info.chain, "\x30\x05x", 3) == KS_OK);
    CHECK(ks_key_file_format(&ours, "k", &record, &text, NULL) != KS_OK);
    CHECK(text.data == NULL);
    record.form = KS_FORM_INSIDE;
    CHECK_RC(ks_key_file_format(&ours, "k", &record, &text, NULL),
             KS_E_INVALID);
    ks_record_clear(&record);
}

/* Whoever changes a certificate can change its digest too: accidents only. */
static void a_changed_certificate_is_damage(void)
{
    struct ks_record record;
    struct ks_secret text = {0};
    struct ks_err err;
    char *at;

    make_record(&record);
    REQUIRE(ks_buf_set(&record.info.cert, "\x30\x03xyz", 5) == KS_OK);
    REQUIRE(ks_key_file_format(&ours, "k", &record, &text, NULL) == KS_OK);
    at = strstr((char *)text.data, "BEGIN CERTIFICATE-----\n");
    REQUIRE(at != NULL);
    at[strlen("BEGIN CERTIFICATE-----\n") + 3] ^= 1;
    CHECK_RC(parse((const char *)text.data, text.len, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "certificates are not what was written");
    ks_record_clear(&record);
    ks_secret_clear(&text);
}

static void what_could_not_be_read_again_is_not_written(void)
{
    struct ks_record record;
    struct ks_secret text = {0};
    struct ks_err err = {0};

    make_record(&record);
    record.recipients = OPENSSL_strdup("file:/etc/j\xc3\xb6rg.pem");
    CHECK_RC(ks_key_file_format(&ours, "k", &record, &text, &err),
             KS_E_INVALID);
    CHECK_CONTAINS(err.text, "no key file can hold it");
    record.recipients[0] = '\0';
    CHECK_RC(ks_key_file_format(&ours, "k", &record, &text, NULL),
             KS_E_INVALID);
    OPENSSL_free(record.recipients);
    record.recipients = NULL;
    record.info.created = -5;
    CHECK_RC(ks_key_file_format(&ours, "k", &record, &text, NULL),
             KS_E_INVALID);
    record.info.created = 5;
    record.info.spki.data[0] ^= 1;
    CHECK_RC(ks_key_file_format(&ours, "k", &record, &text, NULL),
             KS_E_INVALID);
    CHECK(text.data == NULL);
    ks_record_clear(&record);
}

static void recipients_are_kept_in_order(void)
{
    struct ks_record record;
    struct ks_secret text = {0};
    struct ks_key_file file;

    make_record(&record);
    record.recipients =
        OPENSSL_strdup("keystore://hsm/kek, file:/etc/escrow.pem");
    REQUIRE(ks_key_file_format(&ours, "k", &record, &text, NULL) == KS_OK);
    CHECK_CONTAINS((const char *)text.data,
                   "Sealed-To: keystore://hsm/kek\n"
                   "Sealed-To: file:/etc/escrow.pem\n");
    REQUIRE(ks_key_file_parse(&ours, text.data, text.len, &file, NULL) ==
            KS_OK);
    CHECK(ks_record_equal(&file.record, &record));
    ks_key_file_clear(&file);
    ks_record_clear(&record);
    ks_secret_clear(&text);
}

/* As openssl(1) would write it: blocks only. */
static void lines_are_not_needed(void)
{
    struct ks_secret text = {0};
    struct ks_err err;
    const char *begin;

    make_text("k", &text);
    begin = strstr((const char *)text.data, "-----BEGIN");
    REQUIRE(begin != NULL);
    CHECK_OK(parse(begin, strlen(begin), &err), &err);
    ks_secret_clear(&text);
}

static void every_cut_is_damage(void)
{
    struct ks_secret text = {0};
    struct ks_err err;
    /* All but the last line's end is needed. */
    size_t whole;

    make_text("k", &text);
    whole = text.len - 1;
    for (size_t i = 0; i < whole; i++)
        if (!CHECK_RC(parse((const char *)text.data, i, &err), KS_E_DAMAGED))
            break;
    CHECK_OK(parse((const char *)text.data, whole, &err), &err);
    CHECK(ERR_peek_error() == 0);
    ks_secret_clear(&text);
}

/* True if TEXT is damaged, or says the same as FILE: bits after the end of a
 * base64 text mean nothing. */
static bool is_damaged_or_same(const struct ks_secret *text,
                               const struct ks_key_file *file)
{
    struct ks_key_file now;
    ks_rc rc = ks_key_file_parse(&ours, text->data, text->len, &now, NULL);
    bool same = rc == KS_OK && ks_record_equal(&now.record, &file->record);

    ks_key_file_clear(&now);
    return rc == KS_E_DAMAGED || same;
}

static void no_changed_byte_of_the_blocks_goes_unseen(void)
{
    struct ks_secret text = {0};
    struct ks_key_file file;
    size_t begin;

    make_text("k", &text);
    REQUIRE(ks_key_file_parse(&ours, text.data, text.len, &file, NULL) ==
            KS_OK);
    begin = (size_t)(strstr((const char *)text.data, "-----BEGIN") -
                     (const char *)text.data);
    for (size_t i = begin; i < text.len; i++) {
        uint8_t was = text.data[i];

        text.data[i] = was == 'A' ? 'B' : 'A';
        CHECK(is_damaged_or_same(&text, &file));
        text.data[i] = was;
    }
    ks_key_file_clear(&file);
    ks_secret_clear(&text);
}

static void blocks_that_do_not_belong_are_refused(void)
{
    static const struct {
        const char *extra;
        ks_rc rc;
        const char *why;
    } rows[] = {
        {"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n",
         KS_E_DAMAGED, "second PUBLIC KEY"},
        {"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
         KS_E_DAMAGED, "second PRIVATE KEY"},
        {"-----BEGIN EC PARAMETERS-----\nMAA=\n-----END EC PARAMETERS-----\n",
         KS_E_DAMAGED, "unexpected PEM block"},
        {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
         "DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\n"
         "MAA=\n-----END RSA PRIVATE KEY-----\n",
         KS_E_UNSUPPORTED, "PEM headers"},
        {"-----BEGIN PUBLIC KEY-----\n!!!\n-----END PUBLIC KEY-----\n",
         KS_E_DAMAGED, "bad PEM"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ks_secret text = {0}, both = {0};
        struct ks_err err;

        make_text("k", &text);
        REQUIRE(ks_secret_alloc(&both, text.len + strlen(rows[i].extra)) ==
                KS_OK);
        memcpy(both.data, text.data, text.len);
        memcpy(both.data + text.len, rows[i].extra, strlen(rows[i].extra));
        CHECK_RC(parse((const char *)both.data, both.len, &err), rows[i].rc);
        CHECK_CONTAINS(err.text, rows[i].why);
        ks_secret_clear(&text);
        ks_secret_clear(&both);
    }
}

static void things_that_are_no_key_files_are_refused(void)
{
    static char big[KS_KEY_FILE_MAX + 1];
    struct ks_err err;

    CHECK_RC(parse("", 0, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "empty");
    CHECK_RC(parse("\x7f"
                   "ELF\x02\x01\x01\0\0",
                   9, &err),
             KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "no private key");
    CHECK_RC(parse(big, sizeof(big), &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "larger than");
    CHECK_RC(parse(big, sizeof(big) - 1, &err), KS_E_DAMAGED);
}

static const struct test_case cases[] = {
    TEST_CASE(what_was_written_is_read),
    TEST_CASE(unsealed_keys_and_certificates_are_kept_too),
    TEST_CASE(a_chain_that_is_no_der_is_not_written),
    TEST_CASE(a_changed_certificate_is_damage),
    TEST_CASE(what_could_not_be_read_again_is_not_written),
    TEST_CASE(recipients_are_kept_in_order),
    TEST_CASE(lines_are_not_needed),
    TEST_CASE(every_cut_is_damage),
    TEST_CASE(no_changed_byte_of_the_blocks_goes_unseen),
    TEST_CASE(blocks_that_do_not_belong_are_refused),
    TEST_CASE(things_that_are_no_key_files_are_refused),
};
TEST_MAIN("store.key_file", cases)
