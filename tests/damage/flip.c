#include "flip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ks_soft_key.h"
#include "material.h"

#define KEK_URI "keystore://other/kek"

static const struct ks_crypto ours = {NULL, NULL};

static void stop(const char *what, const struct ks_err *err)
{
    (void)fprintf(stderr, "%s: %s\n", what, err->text);
    abort();
}

static ks_rc kek_public_half(void *arg, const char *uri, struct ks_buf *spki,
                             struct ks_err *err)
{
    const struct flip *flip = arg;

    if (strcmp(uri, KEK_URI) != 0)
        return ks_fail(err, KS_E_NOT_FOUND, "%s: no such key", uri);
    return ks_buf_set(spki, flip->kek.spki.data, flip->kek.spki.len);
}

static ks_rc kek_open(void *arg, const char *uri, const struct ks_ask *ask,
                      struct ks_kek *kek, struct ks_err *err)
{
    const struct flip *flip = arg;
    ks_rc rc;

    (void)ask;
    *kek = (struct ks_kek){.ops = &ks_soft_key_ops};
    rc = kek_public_half(arg, uri, &kek->spki, err);
    if (rc == KS_OK)
        rc = ks_soft_key_new(&flip->kek.pkcs8, NULL, NULL, &kek->key, err);
    if (rc != KS_OK)
        ks_buf_clear(&kek->spki);
    return rc;
}

static void kek_close(void *arg, struct ks_kek *kek)
{
    (void)arg;
    if (kek->ops != NULL)
        kek->ops->free(kek->key);
    ks_buf_clear(&kek->spki);
    *kek = (struct ks_kek){0};
}

static size_t settings(const struct flip *flip, struct ks_setting out[4])
{
    static const struct ks_setting seals[] = {
        [FLIP_PASSPHRASE] = {"sealing", "passphrase"},
        [FLIP_PLAIN] = {"sealing", "none"},
        [FLIP_TO_EC] = {"seal_to", KEK_URI},
        [FLIP_TO_RSA] = {"seal_to", KEK_URI},
    };

    out[0] = (struct ks_setting){"type", flip->backend->type};
    out[1] = (struct ks_setting){"path", flip->path};
    out[2] = seals[flip->seal];
    out[3] = (struct ks_setting){"kdf", "scrypt:2:1:1"};
    return flip->seal == FLIP_PASSPHRASE ? 4 : 3;
}

void flip_open(struct flip *flip)
{
    struct ks_setting list[4];
    const struct ks_backend_env env = {.name = "default",
                                       .dir = test_dir(),
                                       .settings = list,
                                       .n_settings = settings(flip, list)};
    struct ks_err err = {0};

    if (flip->backend->open(&env, &flip->store, &err) != KS_OK)
        stop("open", &err);
}

void flip_close(struct flip *flip)
{
    flip->backend->close(flip->store);
    flip->store = NULL;
}

static struct ks_place place_of(const struct flip *flip)
{
    return (struct ks_place){.name = "default",
                             .backend = flip->backend,
                             .store = flip->store,
                             .sealing = flip->sealing,
                             .crypto = &ours};
}

static void save(const struct flip *flip, const char *name,
                 const struct test_key *key)
{
    const struct ks_place place = place_of(flip);
    const struct ks_key_info info = {.spki = key->spki, .origin = "generated"};
    struct test_answers answers = {.secrets = {FLIP_SECRET}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_err err = {0};

    if (ks_material_save(&place, name, &info, &key->pkcs8, &ask, &err) != KS_OK)
        stop(name, &err);
}

void flip_make(struct flip *flip, const struct ks_backend *backend,
               const char *path, enum flip_seal seal, const char *kind)
{
    struct ks_setting list[4];
    struct test_key other;
    struct ks_err err = {0};

    *flip = (struct flip){.backend = backend, .path = path, .seal = seal};
    flip->keyring =
        (struct ks_keyring){kek_public_half, kek_open, kek_close, flip};
    test_key_make(kind, &flip->key);
    test_key_make(kind, &other);
    test_key_make(seal == FLIP_TO_RSA ? "RSA" : "P-256", &flip->kek);
    if (ks_sealing_new("default", list, settings(flip, list), &ours,
                       &flip->keyring, &flip->sealing, &err) != KS_OK)
        stop("sealing", &err);
    flip_open(flip);
    save(flip, FLIP_NAME, &flip->key);
    save(flip, FLIP_OTHER, &other);
    test_key_clear(&other);
}

void flip_clear(struct flip *flip)
{
    flip_close(flip);
    ks_sealing_free(flip->sealing);
    test_key_clear(&flip->key);
    test_key_clear(&flip->kek);
}

static bool is(const uint8_t *data, size_t len, const uint8_t *want,
               size_t want_len)
{
    return len == want_len && (len == 0 || memcmp(data, want, len) == 0);
}

/* 1: the same; 0: refused; -1: another one. */
static int public_half(const struct flip *flip)
{
    struct ks_key_info info = {0};
    struct ks_err err = {0};
    ks_rc rc = flip->backend->info(flip->store, FLIP_NAME, &info, &err);
    int result = rc == KS_OK ? 1 : 0;

    if (rc == KS_OK && !is(info.spki.data, info.spki.len, flip->key.spki.data,
                           flip->key.spki.len))
        result = -1;
    if (rc != KS_OK && rc != KS_E_NOT_FOUND && err.text[0] == '\0')
        result = -1; /* refused without a word */
    ks_key_info_clear(&info);
    return result;
}

/* The private half itself, as a number or as a list of them; of a key whose
 * public half is made of it each time, nothing. Caller frees *out. */
static int essence(EVP_PKEY *key, unsigned char **out)
{
    BIGNUM *number = NULL;
    int len = 0;

    if (EVP_PKEY_is_a(key, "RSA"))
        return i2d_PrivateKey(key, out);
    if (!EVP_PKEY_is_a(key, "EC"))
        return 0;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1)
        return -1;
    *out = OPENSSL_zalloc((size_t)BN_num_bytes(number) + 1);
    if (*out != NULL)
        len = BN_bn2bin(number, *out);
    BN_clear_free(number);
    return len;
}

static EVP_PKEY *parse(const struct ks_secret *pkcs8)
{
    const unsigned char *at = pkcs8->data;
    PKCS8_PRIV_KEY_INFO *info =
        d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8->len);
    EVP_PKEY *key = info != NULL ? EVP_PKCS82PKEY(info) : NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

/* The very same key, however it is encoded: nobody heeds the version numbers
 * in it, nor the lowest bits of an X448 key (RFC 7748, 5). */
static bool is_key(const struct ks_secret *pkcs8, const struct test_key *want)
{
    EVP_PKEY *key = parse(pkcs8), *wanted = parse(&want->pkcs8);
    unsigned char *part = NULL, *wanted_part = NULL;
    bool same = key != NULL && EVP_PKEY_eq(key, wanted) == 1;
    int len = same ? essence(key, &part) : -1;
    int wanted_len = same ? essence(wanted, &wanted_part) : -1;

    same = same && len >= 0 && wanted_len >= 0 &&
           is(part, (size_t)len, wanted_part, (size_t)wanted_len);
    OPENSSL_free(part);
    OPENSSL_free(wanted_part);
    EVP_PKEY_free(key);
    EVP_PKEY_free(wanted);
    return same;
}

static int private_half(const struct flip *flip, const char *name)
{
    const struct ks_place place = place_of(flip);
    struct test_answers answers = {.secrets = {FLIP_SECRET}};
    const struct ks_ask ask = test_ask(&answers);
    struct ks_secret pkcs8 = {0};
    struct ks_err err = {0};
    ks_rc rc = ks_material_load(&place, name, &ask, &pkcs8, &err);
    int result = rc == KS_OK ? 1 : 0;

    if (rc == KS_OK && !is_key(&pkcs8, &flip->key))
        result = -1;
    if (rc != KS_OK &&
        (pkcs8.data != NULL || (rc != KS_E_NOT_FOUND && err.text[0] == '\0')))
        result = -1;
    ks_secret_clear(&pkcs8);
    return result;
}

/* Under a name that nobody gave there is no key. */
static ks_rc look_at_name(void *arg, const char *name, struct ks_err *err)
{
    struct flip *flip = arg;

    (void)err;
    if (strcmp(name, FLIP_NAME) != 0 && strcmp(name, FLIP_OTHER) != 0 &&
        private_half(flip, name) != 0)
        flip->other++;
    return KS_OK;
}

void flip_look(struct flip *flip)
{
    int public_result = public_half(flip);
    int private_result = private_half(flip, FLIP_NAME);

    if (public_result < 0 || private_result < 0)
        flip->other++;
    else if (public_result > 0 && private_result > 0)
        flip->same++;
    else
        flip->refused++;
    /* Some of them, or none: a list may be refused as well. */
    (void)flip->backend->list(flip->store, look_at_name, flip, NULL);
}

void flip_check(struct flip *flip, const char *what)
{
    (void)printf("%s: %u refused, %u harmless\n", what, flip->refused,
                 flip->same);
    CHECK_INT(flip->other, 0);
    CHECK(flip->refused > flip->same);
    flip->same = flip->refused = 0;
    flip_look(flip);
    CHECK_INT(flip->same, 1);
    flip->same = 0;
}
