/*
 * The backend on a token of the case's own.
 */
#include "hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "keys.h"
#include "leaks.h"
#include "softhsm.h"
#include "test.h"
#include "tmpdir.h"

#define LABEL "hold"

const struct ks_backend_env *hold_env(struct hold_env *room, const char *module,
                                      const char *token)
{
    size_t n = 0;

    memset(room, 0, sizeof(*room));
    room->settings[n++] = (struct ks_setting){"type", "pkcs11"};
    room->settings[n++] =
        (struct ks_setting){"module", module != NULL ? module : test_softhsm()};
    if (token == NULL || token[0] != '\0')
        room->settings[n++] =
            (struct ks_setting){"token", token != NULL ? token : LABEL};
    room->env = (struct ks_backend_env){.name = "hsm",
                                        .dir = test_dir(),
                                        .settings = room->settings,
                                        .n_settings = n};
    return &room->env;
}

void hold_open_again(struct hold *hold, const char *module)
{
    struct hold_env room;

    memset(hold, 0, sizeof(*hold));
    hold->pins.user = TEST_USER_PIN;
    hold->ask = open_ask(&hold->pins);
    if (ks_pkcs11_backend.open(hold_env(&room, module, NULL), &hold->store,
                               &hold->err) != KS_OK) {
        (void)fprintf(stderr, "open: %s\n", hold->err.text);
        abort();
    }
}

void hold_open(struct hold *hold, const char *module)
{
    test_softhsm_token(LABEL);
    hold_open_again(hold, module);
}

void hold_close(struct hold *hold)
{
    ks_pkcs11_backend.close(hold->store);
    hold->store = NULL;
}

ks_rc hold_make(struct hold *hold, const char *name, const char *kind,
                unsigned usage)
{
    char algorithm[32];
    const char *colon = strchr(kind, ':');
    struct ks_keygen spec = {.algorithm = algorithm, .usage = usage};
    struct ks_buf spki = {0};
    ks_rc rc;

    (void)snprintf(algorithm, sizeof(algorithm), "%.*s",
                   (int)strcspn(kind, ":"), kind);
    if (colon != NULL && strncmp(kind, "RSA", 3) == 0)
        spec.bits = (unsigned)atoi(colon + 1);
    else if (colon != NULL)
        spec.group = colon + 1;
    hold->err = (struct ks_err){{0}, {0}};
    rc = ks_pkcs11_backend.generate(hold->store, name, &spec, &hold->ask, &spki,
                                    &hold->err);
    (void)CHECK((rc == KS_OK) == (spki.len > 0));
    (void)CHECK((rc == KS_OK) == (hold->err.text[0] == '\0'));
    ks_buf_clear(&spki);
    return rc;
}

bool hold_made(struct hold *hold, const char *name, const char *kind)
{
    ks_rc rc = hold_make(hold, name, kind, 0);

    return CHECK_OK(rc, &hold->err);
}

ks_rc hold_save(struct hold *hold, const char *name, const char *kind,
                unsigned usage)
{
    struct test_key key;
    ks_rc rc;

    test_key_make(kind, &key);
    hold->err = (struct ks_err){{0}, {0}};
    rc = ks_pkcs11_backend.import(hold->store, name, &key.spki, &key.pkcs8,
                                  usage, &hold->ask, &hold->err);
    (void)CHECK((rc == KS_OK) == (hold->err.text[0] == '\0'));
    test_key_clear(&key);
    return rc;
}

ks_rc hold_info(struct hold *hold, const char *name, struct ks_buf *spki)
{
    struct ks_key_info info = {0};
    ks_rc rc;

    hold->err = (struct ks_err){{0}, {0}};
    rc = ks_pkcs11_backend.info(hold->store, name, &info, &hold->err);
    (void)CHECK(rc == KS_OK || info.spki.data == NULL);
    if (spki != NULL)
        *spki = info.spki;
    else
        ks_buf_clear(&info.spki);
    return rc;
}

ks_rc hold_remove(struct hold *hold, const char *name)
{
    hold->err = (struct ks_err){{0}, {0}};
    return ks_pkcs11_backend.remove(hold->store, name, &hold->ask, &hold->err);
}

/* --- signing -------------------------------------------------------------- */

static bool verify(EVP_PKEY *public, bool pss, const uint8_t *sig, size_t len)
{
    static const uint8_t text[] = "text";
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    bool raw =
        EVP_PKEY_is_a(public, "ED25519") || EVP_PKEY_is_a(public, "ED448");
    bool ok = EVP_DigestVerifyInit_ex(ctx, &pctx, raw ? NULL : "SHA256", NULL,
                                      NULL, public, NULL) == 1;

    if (ok && pss)
        ok = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1;
    ok = ok && EVP_DigestVerify(ctx, sig, len, text, sizeof(text)) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static struct ks_mech_params params_of(EVP_PKEY *public)
{
    struct ks_mech_params params = {.digest = "SHA2-256"};

    if (EVP_PKEY_is_a(public, "RSA")) {
        params.mech = KS_MECH_RSA_PKCS1;
    } else if (EVP_PKEY_is_a(public, "RSA-PSS")) {
        params.mech = KS_MECH_RSA_PSS;
        params.mgf1_digest = "SHA2-256";
        params.salt_len = 32;
    } else if (EVP_PKEY_is_a(public, "EC")) {
        params.mech = KS_MECH_ECDSA;
    } else {
        params.mech = KS_MECH_EDDSA;
        params.digest = NULL;
    }
    return params;
}

static ks_rc sign(void *key, const struct ks_key_ops *ops, EVP_PKEY *public,
                  struct ks_err *err)
{
    static const uint8_t text[] = "text";
    struct ks_mech_params params = params_of(public);
    uint8_t hash[32], sig[2048];
    size_t len = sizeof(sig);
    ks_rc rc;

    if (EVP_Q_digest(NULL, "SHA256", NULL, text, sizeof(text), hash, NULL) != 1)
        return KS_E_CRYPTO;
    test_leaks_ignore(true);
    rc = params.digest == NULL
             ? ops->sign(key, &params, text, sizeof(text), sig, &len, err)
             : ops->sign(key, &params, hash, sizeof(hash), sig, &len, err);
    test_leaks_ignore(false);
    if (rc == KS_OK &&
        !verify(public, params.mech == KS_MECH_RSA_PSS, sig, len))
        rc = KS_E_VERIFY;
    return rc;
}

ks_rc hold_sign(struct hold *hold, const char *name)
{
    const struct ks_key_ops *ops = NULL;
    struct ks_buf spki = {0};
    void *key = NULL;
    ks_rc rc;

    hold->err = (struct ks_err){{0}, {0}};
    rc = ks_pkcs11_backend.open_key(hold->store, name, &hold->ask, &ops, &key,
                                    &spki, &hold->err);
    if (rc == KS_OK) {
        const uint8_t *at = spki.data;
        EVP_PKEY *public = d2i_PUBKEY(NULL, &at, (long)spki.len);

        rc = public == NULL ? KS_E_DAMAGED : sign(key, ops, public, &hold->err);
        EVP_PKEY_free(public);
        ops->free(key);
    }
    ks_buf_clear(&spki);
    return rc;
}

/* --- what is there -------------------------------------------------------- */

struct names {
    char *at[64];
    size_t n;
};

static ks_rc add_name(void *arg, const char *name, struct ks_err *err)
{
    struct names *names = arg;

    (void)err;
    if (names->n < sizeof(names->at) / sizeof(names->at[0]))
        names->at[names->n++] = OPENSSL_strdup(name);
    return KS_OK;
}

static int order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *hold_names(struct hold *hold)
{
    static char text[4096];
    struct names names = {.n = 0};

    hold->err = (struct ks_err){{0}, {0}};
    (void)CHECK_OK(
        ks_pkcs11_backend.list(hold->store, add_name, &names, &hold->err),
        &hold->err);
    qsort(names.at, names.n, sizeof(names.at[0]), order);
    text[0] = '\0';
    for (size_t i = 0; i < names.n; i++) {
        size_t used = strlen(text);

        (void)snprintf(text + used, sizeof(text) - used, "%s%s",
                       i > 0 ? " " : "", names.at[i]);
        OPENSSL_free(names.at[i]);
    }
    return text;
}

struct wanted {
    const char *fact;
    char *value;
    size_t size;
};

static ks_rc take_fact(void *arg, const char *name, const char *value,
                       struct ks_err *err)
{
    struct wanted *wanted = arg;

    (void)err;
    if (strcmp(name, wanted->fact) == 0)
        (void)snprintf(wanted->value, wanted->size, "%s", value);
    return KS_OK;
}

const char *hold_described(struct hold *hold, const char *name,
                           const char *fact, ks_rc *rc)
{
    static char value[4096];
    struct wanted wanted = {fact, value, sizeof(value)};

    value[0] = '\0';
    hold->err = (struct ks_err){{0}, {0}};
    *rc = ks_pkcs11_backend.describe(hold->store, name, &hold->ask, take_fact,
                                     &wanted, &hold->err);
    return value;
}

unsigned hold_objects(const char *class_word)
{
    char command[512], line[512];
    unsigned n = 0;
    FILE *tool;

    (void)snprintf(command, sizeof(command),
                   "pkcs11-tool --module %s --token-label " LABEL
                   " --login --pin " TEST_USER_PIN " --list-objects 2>&1",
                   test_softhsm());
    tool = popen(command, "r");
    if (tool == NULL)
        abort();
    while (fgets(line, sizeof(line), tool) != NULL)
        n += strncmp(line, class_word, strlen(class_word)) == 0;
    (void)pclose(tool);
    return n;
}
