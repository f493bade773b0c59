/* store/record.c and store/base/record.c */
#include "record.h"

#include <string.h>

#include <openssl/crypto.h>

#include "keys.h"
#include "seal/seal.h"
#include "test.h"

static const struct ks_crypto ours = {NULL, NULL};
static const struct ks_kdf cheap = {2, 1, 1};

static void make(struct ks_record *record)
{
    struct ks_secret passphrase = {0};
    struct ks_buf sealed = {0};
    struct test_key key;

    *record = (struct ks_record){.form = KS_FORM_PASSPHRASE,
                                 .info = {.created = 7, .origin = "generated"}};
    test_key_make("ED25519", &key);
    CHECK_RC(ks_secret_set(&passphrase, "sesame", 6), KS_OK);
    CHECK_RC(ks_seal(&ours, &key.pkcs8, &passphrase, &cheap, &sealed, NULL),
             KS_OK);
    CHECK_RC(ks_secret_set(&record->private_half, sealed.data, sealed.len),
             KS_OK);
    CHECK_RC(ks_buf_set(&record->info.spki, key.spki.data, key.spki.len),
             KS_OK);
    ks_buf_clear(&sealed);
    ks_secret_clear(&passphrase);
    test_key_clear(&key);
}

static ks_rc check(const struct ks_record *record, struct ks_err *err)
{
    *err = (struct ks_err){0};
    return ks_record_check(record, err);
}

static void a_sound_record_is_sound(void)
{
    struct ks_record record;
    struct ks_err err;

    make(&record);
    CHECK_OK(check(&record, &err), &err);
    record.form = KS_FORM_PLAIN; /* seen to when it is used */
    CHECK_OK(check(&record, &err), &err);
    ks_secret_clear(&record.private_half);
    record.form = KS_FORM_INSIDE;
    CHECK_OK(check(&record, &err), &err);
    ks_record_clear(&record);
}

static void what_a_bad_place_may_give_is_refused(void)
{
    struct ks_record record;
    struct ks_err err;

    make(&record);
    for (int form = 4; form < 1000; form = form * 5 + 1) {
        record.form = (enum ks_form)form;
        CHECK_RC(check(&record, &err), KS_E_UNSUPPORTED);
        CHECK_CONTAINS(err.text, "form");
    }
    record.form = (enum ks_form) - 1;
    CHECK_RC(check(&record, &err), KS_E_UNSUPPORTED);
    record.form = KS_FORM_CMS; /* it is the other */
    CHECK(check(&record, &err) != KS_OK);
    record.form = KS_FORM_PASSPHRASE;
    record.private_half.data[4] ^= 1;
    CHECK_RC(check(&record, &err), KS_E_DAMAGED);
    ks_secret_clear(&record.private_half);
    CHECK_RC(check(&record, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "missing");
    CHECK_RC(ks_secret_alloc(&record.private_half, KS_PRIVATE_HALF_MAX + 1),
             KS_OK);
    CHECK_RC(check(&record, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "larger than");
    record.info.spki.data[0] ^= 1;
    CHECK_RC(check(&record, &err), KS_E_DAMAGED);
    ks_buf_clear(&record.info.spki);
    CHECK_RC(check(&record, &err), KS_E_DAMAGED);
    ks_record_clear(&record);
}

/* What differs by one field is another record. */
static void every_field_counts(void)
{
    struct ks_record one, other = {0};

    make(&one);
    CHECK_RC(ks_key_info_copy(&other.info, &one.info), KS_OK);
    CHECK(!ks_record_equal(&one, &other));
    other.form = one.form;
    CHECK(!ks_record_equal(&one, &other));
    CHECK_RC(ks_secret_set(&other.private_half, one.private_half.data,
                           one.private_half.len),
             KS_OK);
    CHECK(ks_record_equal(&one, &other));
    other.info.created++;
    CHECK(!ks_record_equal(&one, &other));
    other.info.created--;
    other.info.origin[0]++;
    CHECK(!ks_record_equal(&one, &other));
    other.info.origin[0]--;
    other.private_half.data[9] ^= 1;
    CHECK(!ks_record_equal(&one, &other));
    other.private_half.data[9] ^= 1;
    other.recipients = OPENSSL_strdup("keystore://hsm/kek");
    CHECK(!ks_record_equal(&one, &other));
    CHECK(!ks_record_equal(&other, &one));
    one.recipients = OPENSSL_strdup("keystore://hsm/kek");
    CHECK(ks_record_equal(&one, &other));
    CHECK_RC(ks_buf_set(&other.info.cert, "x", 1), KS_OK);
    CHECK(!ks_record_equal(&one, &other));
    CHECK_RC(ks_buf_set(&one.info.cert, "x", 1), KS_OK);
    CHECK_RC(ks_buf_set(&one.info.chain, "y", 1), KS_OK);
    CHECK(!ks_record_equal(&one, &other));
    ks_record_clear(&one);
    ks_record_clear(&other);
}

static void clear_twice_is_harmless(void)
{
    struct ks_record record;

    make(&record);
    record.recipients = OPENSSL_strdup("keystore://hsm/kek");
    ks_record_clear(&record);
    CHECK(record.private_half.data == NULL && record.recipients == NULL);
    CHECK(record.info.spki.data == NULL && record.info.origin[0] == '\0');
    ks_record_clear(&record);
    ks_record_clear(NULL);
    ks_key_info_clear(&record.info);
    ks_key_info_clear(NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(a_sound_record_is_sound),
    TEST_CASE(what_a_bad_place_may_give_is_refused),
    TEST_CASE(every_field_counts),
    TEST_CASE(clear_twice_is_harmless),
};
TEST_MAIN("store.record", cases)
