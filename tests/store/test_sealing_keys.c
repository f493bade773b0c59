/* store/seal/sealing_keys.c, sealing_keys_seal.c, sealing_keys_open.c */
#include "seal/sealing_keys.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "keys.h"
#include "ks_soft_key.h"
#include "record.h"
#include "test.h"

static const struct ks_crypto ours = {NULL, NULL};

/* ---- a keyring of keys in memory ---- */

struct ring_key {
    const char *uri;
    struct test_key key;
    const struct ks_key_ops *ops;
    bool away;         /* its token is out */
    bool public_only;  /* an escrow that is offline */
    bool asks;         /* opens with a secret from a person alone */
    const char *under; /* is sealed to that key */
    unsigned opened;
};

static struct ring_key ring[4];
static unsigned open_now;

static struct ring_key *find(const char *uri)
{
    for (size_t i = 0; i < 4; i++)
        if (ring[i].uri != NULL && strcmp(ring[i].uri, uri) == 0)
            return &ring[i];
    return NULL;
}

static ks_rc ring_public_half(void *arg, const char *uri, struct ks_buf *spki,
                              struct ks_err *err)
{
    const struct ring_key *found = find(uri);

    (void)arg;
    if (found == NULL)
        return ks_fail(err, KS_E_NOT_FOUND, "%s: no such key", uri);
    if (found->away)
        return ks_fail(err, KS_E_NOT_FOUND, "%s: token is not there", uri);
    return ks_buf_set(spki, found->key.spki.data, found->key.spki.len);
}

static ks_rc ring_open(void *arg, const char *uri, const struct ks_ask *ask,
                       struct ks_kek *kek, struct ks_err *err)
{
    const struct ks_question question = {.what = "PIN", .whose = uri};
    struct ring_key *found = find(uri);
    struct ks_secret secret = {0};
    ks_rc rc = KS_OK;

    (void)arg;
    if (found == NULL || found->away || found->public_only)
        return ks_fail(err, KS_E_NOT_FOUND, "%s: no private key", uri);
    if (found->under != NULL && ks_sealing_is_under_way(found->under, NULL))
        return ks_fail(err, KS_E_CONFIG, "%s: sealed to each other", uri);
    if (found->asks && ask == NULL)
        return ks_fail(err, KS_E_SECRET_MISSING, "%s: no PIN", uri);
    if (found->asks)
        rc = ask->get(ask->arg, &question, &secret, err);
    if (rc == KS_OK && found->asks && strcmp((char *)secret.data, "pin") != 0)
        rc = ks_fail(err, KS_E_SECRET_WRONG, "%s: wrong PIN", uri);
    ks_secret_clear(&secret);
    if (rc == KS_OK)
        rc = ks_soft_key_new(&found->key.pkcs8, NULL, NULL, &kek->key, err);
    if (rc != KS_OK)
        return rc;
    kek->ops = found->ops != NULL ? found->ops : &ks_soft_key_ops;
    found->opened++;
    open_now++;
    return ks_buf_set(&kek->spki, found->key.spki.data, found->key.spki.len);
}

static void ring_close(void *arg, struct ks_kek *kek)
{
    (void)arg;
    ks_soft_key_ops.free(kek->key);
    ks_buf_clear(&kek->spki);
    open_now--;
}

static const struct ks_keyring keyring = {ring_public_half, ring_open,
                                          ring_close, NULL};

static struct ring_key *add_key(size_t at, const char *uri, const char *kind)
{
    ring[at] = (struct ring_key){.uri = uri};
    test_key_make(kind, &ring[at].key);
    return &ring[at];
}

static void clear_ring(void)
{
    CHECK_INT(open_now, 0);
    CHECK_INT(ERR_peek_error(), 0);
    for (size_t i = 0; i < 4; i++)
        test_key_clear(&ring[i].key);
    memset(ring, 0, sizeof(ring));
}

/* As SoftHSM: of OAEP's digests SHA-1 alone. */
static ks_rc poor_decrypt(void *key, const struct ks_mech_params *params,
                          const uint8_t *in, size_t in_len,
                          struct ks_secret *out, struct ks_err *err)
{
    if (strcmp(params->digest, "SHA1") != 0 ||
        strcmp(params->mgf1_digest, "SHA1") != 0)
        return ks_fail(err, KS_E_UNSUPPORTED, "no such digest here");
    return ks_soft_key_ops.decrypt(key, params, in, in_len, out, err);
}
static const struct ks_key_ops poor_ops = {.decrypt = poor_decrypt};

/* A key for signatures. */
static ks_rc no_decrypt(void *key, const struct ks_mech_params *params,
                        const uint8_t *in, size_t in_len, struct ks_secret *out,
                        struct ks_err *err)
{
    (void)key;
    (void)params;
    (void)in;
    (void)in_len;
    (void)out;
    return ks_fail(err, KS_E_DENIED, "the key may not decrypt");
}
static const struct ks_key_ops signing_ops = {.decrypt = no_decrypt};

/* ---- what is tested ---- */

static struct ks_sealing_keys *new_keys(const char *seal_to)
{
    struct ks_sealing_keys *keys = NULL;
    struct ks_err err = {0};

    CHECK_OK(ks_sealing_keys_new("db", seal_to, &ours, &keyring, &keys, &err),
             &err);
    return keys;
}

static struct test_key ca;

static ks_rc seal(struct ks_sealing_keys *keys, const struct ks_ask *ask,
                  struct ks_record *record, struct ks_err *err)
{
    record->form = KS_FORM_CMS;
    return ks_sealing_keys_seal(keys, "keystore://db/ca", &ca.pkcs8, ask,
                                record, err);
}

static ks_rc open_it(struct ks_sealing_keys *keys,
                     const struct ks_record *record, const char *with,
                     const struct ks_ask *ask, struct ks_err *err)
{
    struct ks_secret pkcs8 = {0};
    ks_rc rc = ks_sealing_keys_open(keys, "keystore://db/ca", record, with, ask,
                                    &pkcs8, err);

    if (rc == KS_OK)
        CHECK_BYTES(pkcs8.data, pkcs8.len, ca.pkcs8.data, ca.pkcs8.len);
    else
        CHECK(pkcs8.data == NULL);
    ks_secret_clear(&pkcs8);
    return rc;
}

static void begin(void)
{
    test_key_make("P-256", &ca);
}

static void end(struct ks_sealing_keys *keys, struct ks_record *record)
{
    ks_sealing_keys_free(keys);
    ks_record_clear(record);
    clear_ring();
    test_key_clear(&ca);
}

#define HSM "keystore://hsm/kek"
#define ESCROW "file:/escrow.pem"

static void each_of_the_keys_opens_it(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, ESCROW, "P-256");
    keys = new_keys(HSM ", " ESCROW);
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    CHECK_STR(record.recipients, HSM ", " ESCROW);
    CHECK_OK(open_it(keys, &record, NULL, NULL, &err), &err);
    ring[0].away = true;
    CHECK_OK(open_it(keys, &record, NULL, NULL, &err), &err);
    CHECK_OK(open_it(keys, &record, ESCROW, NULL, &err), &err);
    end(keys, &record);
}

static void it_says_itself_where_to_look(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys, *others;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    keys = new_keys(HSM);
    others = new_keys(NULL); /* the section says passphrase by now */
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    CHECK_OK(open_it(others, &record, NULL, NULL, &err), &err);
    OPENSSL_free(record.recipients);
    record.recipients = NULL;
    CHECK_RC(open_it(others, &record, NULL, NULL, &err), KS_E_CRYPTO);
    CHECK_CONTAINS(err.text, "sealed to the key with identifier");
    CHECK_CONTAINS(err.hint, "--unseal-with");
    ks_sealing_keys_free(others);
    end(keys, &record);
}

static void a_key_that_it_is_not_sealed_to_is_never_opened(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, "keystore://hsm/other", "RSA");
    keys = new_keys(HSM);
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    OPENSSL_free(record.recipients);
    record.recipients = OPENSSL_strdup("keystore://hsm/other");
    ring[0].away = true;
    CHECK_RC(open_it(keys, &record, NULL, NULL, &err), KS_E_CRYPTO);
    CHECK_CONTAINS(err.text, HSM ": token is not there");
    CHECK_INT(ring[1].opened, 0);
    err = (struct ks_err){0};
    CHECK_RC(open_it(keys, &record, "keystore://hsm/other", NULL, &err),
             KS_E_CRYPTO);
    CHECK_CONTAINS(err.text, "not sealed to this key");
    end(keys, &record);
}

static void a_token_with_the_poorest_oaep_is_found_out(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, "keystore://hsm2/kek", "RSA")->ops = &poor_ops;
    keys = new_keys(HSM ", keystore://hsm2/kek");
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    ring[0].away = true;
    CHECK_OK(open_it(keys, &record, NULL, NULL, &err), &err);
    end(keys, &record);
}

/* Nobody gives its PIN, as another key proves the seal. */
static void a_poor_token_that_was_not_tried_opens_all_the_same(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct test_answers answers = {.secrets = {"pin"}};
    struct ks_ask ask = test_ask(&answers);
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA")->ops = &poor_ops;
    ring[0].asks = true;
    add_key(1, "keystore://default/escrow", "RSA");
    keys = new_keys(HSM ", keystore://default/escrow");
    for (size_t i = 0; i < 2; i++) {
        CHECK_OK(seal(keys, &ask, &record, &err), &err);
        CHECK_INT(answers.asked, 0);
        CHECK_OK(open_it(keys, &record, NULL, NULL, &err), &err);
        ring[1].away = true;
        CHECK_OK(open_it(keys, &record, NULL, &ask, &err), &err);
        CHECK_INT(answers.asked, 1);
        answers.asked = 0;
        ring[1].away = false;
    }
    end(keys, &record);
}

static void a_key_that_may_not_decrypt_is_no_recipient(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, ESCROW, "RSA")->ops = &signing_ops;
    keys = new_keys(HSM ", " ESCROW);
    CHECK_RC(seal(keys, NULL, &record, &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "keystore://db/ca: not sealed");
    CHECK_CONTAINS(err.text, ESCROW ": the key may not decrypt");
    CHECK(record.private_half.data == NULL);
    CHECK(record.recipients == NULL);
    end(keys, &record);
}

static void what_nobody_can_open_is_not_sealed(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA")->asks = true;
    add_key(1, ESCROW, "P-256")->public_only = true;
    keys = new_keys(HSM ", " ESCROW);
    CHECK_RC(seal(keys, NULL, &record, &err), KS_E_SECRET_MISSING);
    CHECK_CONTAINS(err.text, HSM ": no PIN");
    CHECK_CONTAINS(err.text, ESCROW ": no private key");
    CHECK_CONTAINS(err.hint, "has opened it");
    CHECK(record.private_half.data == NULL);
    end(keys, &record);
}

static void a_person_is_asked_only_where_no_key_opens_without(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct test_answers answers = {.secrets = {"pin"}};
    struct ks_ask ask = test_ask(&answers);
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA")->asks = true;
    add_key(1, "keystore://default/kek", "P-256");
    keys = new_keys(HSM ", keystore://default/kek");
    CHECK_OK(seal(keys, &ask, &record, &err), &err);
    CHECK_INT(answers.asked, 0);
    ks_sealing_keys_free(keys);
    keys = new_keys(HSM);
    CHECK_OK(seal(keys, &ask, &record, &err), &err);
    CHECK_INT(answers.asked, 1);
    end(keys, &record);
}

static void it_is_proven_once_for_many_keys(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, ESCROW, "P-256")->public_only = true;
    keys = new_keys(HSM ", " ESCROW);
    for (size_t i = 0; i < 5; i++)
        CHECK_OK(seal(keys, NULL, &record, &err), &err);
    CHECK_INT(ring[0].opened, 2); /* again when the escrow was not opened */

    /* Another key has come to be there. */
    test_key_clear(&ring[0].key);
    test_key_make("RSA", &ring[0].key);
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    CHECK_INT(ring[0].opened, 3);
    CHECK_OK(open_it(keys, &record, NULL, NULL, &err), &err);
    end(keys, &record);
}

static void no_key_is_sealed_to_what_it_opens_itself(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, "keystore://y/kek", "P-256");
    keys = new_keys(HSM ", keystore://y/kek");
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    /* Now there is such a key, and y's is sealed to it: memory is no proof. */
    add_key(2, "keystore://db/ca", "P-256");
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    ring[1].under = "keystore://db/ca";
    CHECK_RC(seal(keys, NULL, &record, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "keystore://y/kek: sealed to each other");
    CHECK(!ks_sealing_is_under_way("keystore://db/ca", &record.info.spki));
    end(keys, &record);
}

static void recipients_that_are_not_there_are_named(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, "keystore://hsm/ed", "ED25519");
    keys = new_keys(HSM ", keystore://hsm/gone");
    CHECK_RC(seal(keys, NULL, &record, &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "[backend db] seal_to: keystore://hsm/gone: no");
    ks_sealing_keys_free(keys);
    err = (struct ks_err){0};
    keys = new_keys("keystore://hsm/ed");
    CHECK_RC(seal(keys, NULL, &record, &err), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "keystore://hsm/ed");
    CHECK_CONTAINS(err.hint, "RSA key of 2048 bits");
    end(keys, &record);
}

static void one_key_by_two_names_is_no_escrow(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "P-256");
    add_key(1, "pkcs11:object=kek", "P-256");
    test_key_clear(&ring[1].key);
    CHECK_RC(ks_buf_set(&ring[1].key.spki, ring[0].key.spki.data,
                        ring[0].key.spki.len),
             KS_OK);
    keys = new_keys(HSM ", pkcs11:object=kek");
    CHECK_RC(seal(keys, NULL, &record, &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "pkcs11:object=kek: is the same key as " HSM);
    end(keys, &record);
}

static void all_that_went_wrong_is_told(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct test_answers answers = {.secrets = {"no", "pin", "pin"}};
    struct ks_ask ask = test_ask(&answers);
    struct ks_sealing_keys *keys;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, "keystore://hsm2/kek", "RSA");
    keys = new_keys(HSM ", keystore://hsm2/kek");
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    ring[0].asks = ring[1].asks = true;
    CHECK_RC(open_it(keys, &record, NULL, &ask, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, HSM ": wrong PIN");
    CHECK_CONTAINS(err.text, "keystore://hsm2/kek: no PIN");
    CHECK_INT(answers.asked, 1);        /* never one PIN on several tokens */
    ring[0].away = ring[1].away = true; /* each is told of once */
    err = (struct ks_err){0};
    CHECK(open_it(keys, &record, NULL, &ask, &err) != KS_OK);
    CHECK_CONTAINS(err.text, HSM ": token is not there");
    CHECK(strstr(strstr(err.text, HSM) + 1, HSM) == NULL);
    end(keys, &record);
}

static void current_is_what_is_sealed_to_just_these(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys, *fewer, *others;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, ESCROW, "P-256");
    add_key(2, "keystore://hsm2/kek", "P-256");
    keys = new_keys(HSM ", " ESCROW);
    fewer = new_keys(HSM);
    others = new_keys(HSM ", keystore://hsm2/kek");
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    CHECK(ks_sealing_keys_is_current(keys, &record));
    CHECK(!ks_sealing_keys_is_current(fewer, &record));
    CHECK(!ks_sealing_keys_is_current(others, &record));
    ring[0].away = true;
    CHECK(!ks_sealing_keys_is_current(keys, &record));
    ks_sealing_keys_free(fewer);
    ks_sealing_keys_free(others);
    end(keys, &record);
}

static ks_rc collect(void *arg, const char *name, const char *value,
                     struct ks_err *err)
{
    char *text = arg;

    (void)err;
    CHECK_STR(name, "sealed-to");
    (void)strncat(text, value, 400 - strlen(text));
    (void)strncat(text, "\n", 400 - strlen(text));
    return KS_OK;
}

static void recipients_are_told_by_uri_where_known(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys, *others;
    struct ks_err err = {0};
    char told[512] = "";

    begin();
    add_key(0, HSM, "RSA");
    add_key(1, ESCROW, "P-256");
    keys = new_keys(HSM "?pin-source=file:/pin, " ESCROW);
    ring[2] = ring[0];
    ring[2].uri = HSM "?pin-source=file:/pin";
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    CHECK_OK(ks_sealing_keys_describe(keys, &record, collect, told, &err),
             &err);
    CHECK_CONTAINS(told, HSM "\n");
    CHECK_CONTAINS(told, ESCROW "\n");
    CHECK(strstr(told, "pin") == NULL);

    /* Not configured any more; and the token is away. */
    others = new_keys(NULL);
    told[0] = '\0';
    CHECK_OK(ks_sealing_keys_describe(others, &record, collect, told, &err),
             &err);
    CHECK_CONTAINS(told, HSM "\n");
    CHECK_INT(strlen(told), strlen(HSM) + 1 + 40 + 1);
    memset(&ring[2], 0, sizeof(ring[2]));
    ks_sealing_keys_free(others);
    end(keys, &record);
}

static void damage_and_no_keyring_are_told(void)
{
    struct ks_record record = {.form = KS_FORM_CMS};
    struct ks_sealing_keys *keys, *alone = NULL;
    struct ks_err err = {0};

    begin();
    add_key(0, HSM, "RSA");
    keys = new_keys(HSM);
    CHECK_OK(seal(keys, NULL, &record, &err), &err);
    CHECK_OK(ks_sealing_keys_new("db", HSM, &ours, NULL, &alone, &err), &err);
    CHECK_RC(open_it(alone, &record, NULL, NULL, &err), KS_E_UNSUPPORTED);
    CHECK_RC(seal(alone, NULL, &record, NULL), KS_E_UNSUPPORTED);
    ks_sealing_keys_free(alone);

    err = (struct ks_err){0};
    record.private_half.data[record.private_half.len - 1] ^= 1; /* the tag */
    CHECK_RC(open_it(keys, &record, NULL, NULL, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "keystore://db/ca");
    CHECK_CONTAINS(err.text, "not what was sealed");
    err = (struct ks_err){0};
    record.private_half.len /= 2;
    CHECK_RC(open_it(keys, &record, NULL, NULL, &err), KS_E_DAMAGED);
    CHECK_CONTAINS(err.text, "keystore://db/ca");
    end(keys, &record);
}

static void bad_settings_name_their_section(void)
{
    struct ks_sealing_keys *keys = NULL;
    struct ks_err err = {0};

    CHECK_RC(ks_sealing_keys_new("db", "keystore://db/kek", &ours, &keyring,
                                 &keys, &err),
             KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "[backend db] seal_to: keystore://db/kek");
    CHECK(keys == NULL);
    ks_sealing_keys_free(NULL);
}

static const struct test_case cases[] = {
    TEST_CASE(each_of_the_keys_opens_it),
    TEST_CASE(it_says_itself_where_to_look),
    TEST_CASE(a_key_that_it_is_not_sealed_to_is_never_opened),
    TEST_CASE(a_token_with_the_poorest_oaep_is_found_out),
    TEST_CASE(a_poor_token_that_was_not_tried_opens_all_the_same),
    TEST_CASE(a_key_that_may_not_decrypt_is_no_recipient),
    TEST_CASE(what_nobody_can_open_is_not_sealed),
    TEST_CASE(a_person_is_asked_only_where_no_key_opens_without),
    TEST_CASE(it_is_proven_once_for_many_keys),
    TEST_CASE(no_key_is_sealed_to_what_it_opens_itself),
    TEST_CASE(recipients_that_are_not_there_are_named),
    TEST_CASE(one_key_by_two_names_is_no_escrow),
    TEST_CASE(all_that_went_wrong_is_told),
    TEST_CASE(current_is_what_is_sealed_to_just_these),
    TEST_CASE(recipients_are_told_by_uri_where_known),
    TEST_CASE(damage_and_no_keyring_are_told),
    TEST_CASE(bad_settings_name_their_section),
};

TEST_MAIN("store.sealing_keys", cases)
