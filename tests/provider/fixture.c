/*
 * A library context with the provider and a configuration of its own.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/ui.h>

#include "tmpdir.h"

#define PROVIDERS_MAX 4
#define SIG_MAX 1024
#define STORE_DELETE 9 /* OSSL_FUNC_STORE_DELETE of OpenSSL 3.2 */

const char *const fixture_kinds[] = {"RSA",   "RSA-PSS", "P-256", "P-384",
                                     "P-521", "ED25519", "ED448", "X25519",
                                     "X448",  NULL};

const char fixture_module[] = MODULES_DIR "/keystore.so";

const char *fixture_modules_dir = MODULES_DIR;

const char *fixture_more_config = "";
bool fixture_in_default_context;

static void write_joined(const char *config)
{
    char *all = NULL;
    int len = asprintf(&all, "%s%s", config, fixture_more_config);

    CHECK(len > 0);
    if (len > 0)
        test_write("caadm.conf", all, (size_t)len, 0600);
    free(all);
}

static void write_config(void)
{
    static const char config[] = "[caadm]\n"
                                 "database = caadm.db\n"
                                 "[backend default]\n"
                                 "type = file\n"
                                 "path = keys\n"
                                 "passphrase = file:pw.txt\n"
                                 "kdf = scrypt:1024:8:1\n"
                                 "[backend ask]\n"
                                 "type = file\n"
                                 "path = keys\n"
                                 "kdf = scrypt:1024:8:1\n"
                                 "[backend stay]\n"
                                 "type = file\n"
                                 "path = keys\n"
                                 "passphrase = file:pw.txt\n"
                                 "kdf = scrypt:1024:8:1\n"
                                 "extractable = no\n"
                                 "[backend plain]\n"
                                 "type = file\n"
                                 "path = plain\n"
                                 "sealing = none\n"
                                 "[backend absent]\n"
                                 "type = /no/backend.so\n"
                                 "[backend db]\n"
                                 "type = sqlite\n"
                                 "path = keys.db\n"
                                 "passphrase = file:pw.txt\n"
                                 "kdf = scrypt:1024:8:1\n"
                                 "[backend inside]\n"
                                 "type = /test/inside\n";

    write_joined(config);
    test_write("pw.txt", FIXTURE_PASSPHRASE "\n",
               sizeof(FIXTURE_PASSPHRASE "\n") - 1, 0600);
    (void)mkdir(test_path("keys"), 0700);
    (void)mkdir(test_path("plain"), 0700);
    (void)setenv("CAADM_CONFIG", test_path("caadm.conf"), 1);
}

void fixture_open_with(struct fixture *fixture, const char *const names[])
{
    size_t i;

    memset(fixture, 0, sizeof(*fixture));
    write_config();
    fixture->ctx = fixture_in_default_context ? NULL : OSSL_LIB_CTX_new();
    OSSL_PROVIDER_set_default_search_path(fixture->ctx, fixture_modules_dir);
    for (i = 0; i < PROVIDERS_MAX && names[i] != NULL; i++) {
        fixture->providers[i] = OSSL_PROVIDER_load(fixture->ctx, names[i]);
        CHECK(fixture->providers[i] != NULL);
    }
    ERR_clear_error();
}

void fixture_open(struct fixture *fixture)
{
    static const char *const names[] = {"default", "keystore", NULL};

    fixture_open_with(fixture, names);
}

void fixture_close(struct fixture *fixture)
{
    size_t i;

    for (i = 0; i < PROVIDERS_MAX; i++)
        if (fixture->providers[i] != NULL)
            CHECK(OSSL_PROVIDER_unload(fixture->providers[i]) == 1);
    OSSL_LIB_CTX_free(fixture->ctx);
    memset(fixture, 0, sizeof(*fixture));
}

/* "P-256" is EC with that group, all others are their algorithm. */
static const char *algorithm(const char *kind)
{
    return strncmp(kind, "P-", 2) == 0 ? "EC" : kind;
}

EVP_PKEY *fixture_make(const struct fixture *fixture, const char *kind,
                       const char *uri, const char *passout)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(
        fixture->ctx, algorithm(kind), uri != NULL ? FIXTURE_OURS : NULL);
    OSSL_PARAM params[5], *p = params;
    EVP_PKEY *pkey = NULL;
    size_t bits = 2048;

    if (strcmp(algorithm(kind), "EC") == 0)
        *p++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                (char *)kind, 0);
    if (strncmp(kind, "RSA", 3) == 0)
        *p++ = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits);
    if (uri != NULL)
        *p++ = OSSL_PARAM_construct_utf8_string("keystore-uri", (char *)uri, 0);
    if (passout != NULL)
        *p++ = OSSL_PARAM_construct_utf8_string("keystore-passout",
                                                (char *)passout, 0);
    *p = OSSL_PARAM_construct_end();
    if (pctx != NULL && EVP_PKEY_keygen_init(pctx) == 1 &&
        EVP_PKEY_CTX_set_params(pctx, params) == 1)
        (void)EVP_PKEY_generate(pctx, &pkey);
    EVP_PKEY_CTX_free(pctx);
    return pkey;
}

static int give_passphrase(char *buf, int size, int rwflag, void *arg)
{
    const char *passphrase = arg;
    int len = passphrase != NULL ? (int)strlen(passphrase) : -1;

    (void)rwflag;
    if (len > size)
        return -1;
    if (len > 0)
        memcpy(buf, passphrase, (size_t)len);
    return len;
}

OSSL_STORE_INFO *fixture_load_info(const struct fixture *fixture,
                                   const char *uri, const char *propq,
                                   int expect, const char *passphrase)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_passphrase, 0);
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(
        uri, fixture->ctx, propq, ui, (void *)passphrase, NULL, NULL, NULL);
    OSSL_STORE_INFO *info = NULL;

    if (store != NULL && (expect == 0 || OSSL_STORE_expect(store, expect)) &&
        !OSSL_STORE_eof(store))
        info = OSSL_STORE_load(store);
    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    return info;
}

EVP_PKEY *fixture_load(const struct fixture *fixture, const char *uri,
                       const char *propq, const char *passphrase)
{
    OSSL_STORE_INFO *info = fixture_load_info(fixture, uri, propq,
                                              OSSL_STORE_INFO_PKEY, passphrase);
    EVP_PKEY *pkey = info != NULL ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;

    OSSL_STORE_INFO_free(info);
    return pkey;
}

typedef int delete_fn(void *provctx, const char *uri, const OSSL_PARAM params[],
                      OSSL_PASSPHRASE_CALLBACK *cb, void *arg);

void (*fixture_function(const struct fixture *fixture, int id))(void)
{
    const OSSL_ALGORITHM *algs;
    const OSSL_DISPATCH *fn;
    int no_cache = 0;

    algs = OSSL_PROVIDER_query_operation(fixture->providers[1], OSSL_OP_STORE,
                                         &no_cache);
    if (algs == NULL || strcmp(algs->algorithm_names, "keystore") != 0)
        return NULL;
    for (fn = algs->implementation; fn->function_id != 0; fn++)
        if (fn->function_id == id)
            return fn->function;
    return NULL;
}

int fixture_delete(const struct fixture *fixture, const char *uri)
{
    delete_fn *fn = (delete_fn *)fixture_function(fixture, STORE_DELETE);

    return fn != NULL
               ? fn(OSSL_PROVIDER_get0_provider_ctx(fixture->providers[1]), uri,
                    NULL, NULL, NULL)
               : -1;
}

static int sign_verify(const struct fixture *fixture, EVP_PKEY *private,
                       EVP_PKEY *public)
{
    static const unsigned char message[] = "to be signed";
    unsigned char sig[SIG_MAX];
    size_t len = sizeof(sig);
    EVP_MD_CTX *signer = EVP_MD_CTX_new(), *verifier = EVP_MD_CTX_new();
    const char *digest = strncmp(EVP_PKEY_get0_type_name(private), "ED", 2) == 0
                             ? NULL
                             : "SHA256";
    int ok;

    ok = EVP_DigestSignInit_ex(signer, NULL, digest, fixture->ctx, NULL,
                               private, NULL) == 1 &&
         EVP_DigestSign(signer, sig, &len, message, sizeof(message)) == 1 &&
         EVP_DigestVerifyInit_ex(verifier, NULL, digest, fixture->ctx, NULL,
                                 public, NULL) == 1 &&
         EVP_DigestVerify(verifier, sig, len, message, sizeof(message)) == 1;
    EVP_MD_CTX_free(signer);
    EVP_MD_CTX_free(verifier);
    return ok;
}

static int derive(const struct fixture *fixture, EVP_PKEY *private,
                  EVP_PKEY *peer)
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_pkey(fixture->ctx, private, NULL);
    unsigned char secret[SIG_MAX];
    size_t len = sizeof(secret);
    int ok = pctx != NULL && EVP_PKEY_derive_init(pctx) == 1 &&
             EVP_PKEY_derive_set_peer(pctx, peer) == 1 &&
             EVP_PKEY_derive(pctx, secret, &len) == 1 && len > 0;

    EVP_PKEY_CTX_free(pctx);
    return ok;
}

int fixture_use(const struct fixture *fixture, EVP_PKEY *private,
                EVP_PKEY *public)
{
    if (EVP_PKEY_get0_type_name(private)[0] == 'X')
        return derive(fixture, private, public);
    return sign_verify(fixture, private, public);
}

const char *fixture_provider_of(const EVP_PKEY *pkey)
{
    const OSSL_PROVIDER *provider =
        pkey != NULL ? EVP_PKEY_get0_provider(pkey) : NULL;

    return provider != NULL ? OSSL_PROVIDER_get0_name(provider) : "none";
}

ks_rc fixture_raised(char *text, size_t size)
{
    unsigned long code;
    const char *data = NULL;
    int flags = 0;
    ks_rc rc = KS_OK;

    if (size > 0)
        text[0] = '\0';
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const char *lib = ERR_lib_error_string(code);

        if (lib == NULL || strcmp(lib, "keystore") != 0)
            continue;
        rc = (ks_rc)-ERR_GET_REASON(code);
        if (size > 0)
            (void)snprintf(text, size, "%s",
                           (flags & ERR_TXT_STRING) != 0 ? data : "");
    }
    return rc;
}
