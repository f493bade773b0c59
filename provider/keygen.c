/*
 * Key generation. With no keystore-uri it is default's, and the key stays in
 * memory; with one the key is made in that backend, or made here and saved
 * there.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "backends.h"
#include "create.h"
#include "err.h"
#include "key.h"
#include "keymgmt.h"
#include "params.h"
#include "usage.h"

struct gen {
    struct prov_ctx *ctx;
    const char *type; /* static */
    bool pair;        /* a key; otherwise parameters alone */
    EVP_PKEY_CTX *pctx;
    char *uri;
    char *passout;
    /* What a backend that makes its own keys is asked for; default learns it
     * from the parameters themselves. */
    size_t bits;
    char *group;
    char *usage;
    const char *unheard; /* static: a parameter that no backend is told of */
};

/* A URI may hold a pin-value, a source "pass:": both are wiped. */
static void text_free(char *text)
{
    OPENSSL_clear_free(text, text != NULL ? strlen(text) : 0);
}

static int start(const struct gen *gen, EVP_PKEY_CTX *pctx)
{
    return pctx != NULL && (gen->pair ? EVP_PKEY_keygen_init(pctx)
                                      : EVP_PKEY_paramgen_init(pctx)) == 1;
}

void *prov_keymgmt_gen_init(struct prov_ctx *ctx, const char *type,
                            int selection, const OSSL_PARAM params[])
{
    struct gen *gen = OPENSSL_zalloc(sizeof(*gen));

    if (gen == NULL)
        return NULL;
    gen->ctx = ctx;
    gen->type = type;
    gen->pair = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    gen->pctx = EVP_PKEY_CTX_new_from_name(ctx->child, type, ctx->propq);
    if (!start(gen, gen->pctx) || !prov_keymgmt_gen_set_params(gen, params)) {
        prov_keymgmt_gen_cleanup(gen);
        return NULL;
    }
    return gen;
}

void prov_keymgmt_gen_cleanup(void *genctx)
{
    struct gen *gen = genctx;

    if (gen == NULL)
        return;
    EVP_PKEY_CTX_free(gen->pctx);
    text_free(gen->uri);
    text_free(gen->passout);
    text_free(gen->group);
    text_free(gen->usage);
    OPENSSL_free(gen);
}

/* The template's curve, for a backend that makes the key itself. */
static int take_group(struct gen *gen, const EVP_PKEY *templ)
{
    char group[64];
    size_t len = 0;

    if (strcmp(gen->type, "EC") != 0 ||
        EVP_PKEY_get_group_name(templ, group, sizeof(group), &len) != 1)
        return 1;
    text_free(gen->group);
    gen->group = OPENSSL_strdup(group);
    return gen->group != NULL;
}

int prov_keymgmt_gen_set_template(void *genctx, void *templ)
{
    struct gen *gen = genctx;
    const struct prov_key *key = templ;
    EVP_PKEY_CTX *pctx;

    if (key->soft == NULL)
        return 0;
    pctx =
        EVP_PKEY_CTX_new_from_pkey(gen->ctx->child, key->soft, gen->ctx->propq);
    if (!start(gen, pctx)) {
        EVP_PKEY_CTX_free(pctx);
        return 0;
    }
    EVP_PKEY_CTX_free(gen->pctx);
    gen->pctx = pctx;
    return take_group(gen, key->soft);
}

/* Keeps a text parameter, if it is there. */
static int keep_text(const OSSL_PARAM params[], const char *name, char **out)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
    char *text = NULL;

    if (p == NULL)
        return 1;
    if (!OSSL_PARAM_get_utf8_string(p, &text, 0))
        return 0;
    text_free(*out);
    *out = text;
    return 1;
}

static ks_rc parse_uri(const char *text, struct ks_err *err)
{
    const struct ks_backend *backend = prov_backend_of_uri(text);
    struct ks_uri uri = {0};
    bool listing = false;
    ks_rc rc = backend != NULL ? backend->parse_uri(text, &uri, &listing, err)
                               : ks_uri_parse(text, &uri, err);

    ks_uri_clear(&uri);
    return rc;
}

/* A malformed URI, or use, is told when it is set, not after a long
 * generation. */
static int check_texts(const struct gen *gen)
{
    struct ks_err err = {0};
    unsigned usage;
    ks_rc rc = KS_OK;

    if (gen->usage != NULL)
        rc = prov_usage_parse(gen->usage, gen->type, &usage, &err);
    if (rc == KS_OK && gen->uri != NULL && !gen->pair)
        rc = ks_fail(&err, KS_E_INVALID,
                     PROV_PARAM_URI ": parameters are not kept in a backend, "
                                    "only keys are");
    if (rc == KS_OK && gen->uri != NULL)
        rc = parse_uri(gen->uri, &err);
    return rc == KS_OK ? 1 : prov_fail(gen->ctx, rc, &err);
}

/* True if PARAM asks for what every backend does anyway. */
static bool is_usual(const OSSL_PARAM *param)
{
    const char *text;
    size_t number = 0;

    if (strcmp(param->key, OSSL_PKEY_PARAM_RSA_E) == 0)
        return OSSL_PARAM_get_size_t(param, &number) && number == RSA_F4;
    if (strcmp(param->key, OSSL_PKEY_PARAM_RSA_PRIMES) == 0)
        return OSSL_PARAM_get_size_t(param, &number) && number == 2;
    return strcmp(param->key, OSSL_PKEY_PARAM_EC_ENCODING) == 0 &&
           OSSL_PARAM_get_utf8_string_ptr(param, &text) &&
           strcmp(text, OSSL_PKEY_EC_ENCODING_GROUP) == 0;
}

/* Notes the first parameter that would change the key, but that ks_keygen
 * does not have. */
static void note_unheard(struct gen *gen, const OSSL_PARAM params[])
{
    static const char *const names[] = {
        OSSL_PKEY_PARAM_RSA_E,           OSSL_PKEY_PARAM_RSA_PRIMES,
        OSSL_PKEY_PARAM_EC_ENCODING,     OSSL_PKEY_PARAM_RSA_DIGEST,
        OSSL_PKEY_PARAM_RSA_MASKGENFUNC, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST,
        OSSL_PKEY_PARAM_RSA_PSS_SALTLEN};
    const OSSL_PARAM *p;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        p = OSSL_PARAM_locate_const(params, names[i]);
        if (p != NULL && !is_usual(p))
            gen->unheard = names[i];
    }
}

int prov_keymgmt_gen_set_params(void *genctx, const OSSL_PARAM params[])
{
    struct gen *gen = genctx;
    const OSSL_PARAM *p;

    if (params == NULL || params->key == NULL)
        return 1;
    if (!keep_text(params, PROV_PARAM_URI, &gen->uri) ||
        !keep_text(params, PROV_PARAM_URI_ALIAS, &gen->uri) ||
        !keep_text(params, PROV_PARAM_PASSOUT, &gen->passout) ||
        !keep_text(params, PROV_PARAM_USAGE, &gen->usage) ||
        !keep_text(params, OSSL_PKEY_PARAM_GROUP_NAME, &gen->group) ||
        !check_texts(gen))
        return 0;
    note_unheard(gen, params);
    p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_BITS);
    if (p != NULL && !OSSL_PARAM_get_size_t(p, &gen->bits))
        return 0;
    return EVP_PKEY_CTX_set_params(gen->pctx, params) == 1;
}

struct progress {
    OSSL_CALLBACK *cb;
    void *arg;
};

/* default's progress, told to who waits for our key. */
static int report(EVP_PKEY_CTX *pctx)
{
    const struct progress *progress = EVP_PKEY_CTX_get_app_data(pctx);
    int potential = EVP_PKEY_CTX_get_keygen_info(pctx, 0);
    int iteration = EVP_PKEY_CTX_get_keygen_info(pctx, 1);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_GEN_PARAM_POTENTIAL, &potential),
        OSSL_PARAM_construct_int(OSSL_GEN_PARAM_ITERATION, &iteration),
        OSSL_PARAM_END};

    return progress->cb(params, progress->arg);
}

static EVP_PKEY *generate_soft(struct gen *gen, struct progress *progress)
{
    EVP_PKEY *soft = NULL;

    EVP_PKEY_CTX_set_app_data(gen->pctx, progress);
    EVP_PKEY_CTX_set_cb(gen->pctx, progress->cb != NULL ? report : NULL);
    if (EVP_PKEY_generate(gen->pctx, &soft) != 1) {
        EVP_PKEY_free(soft);
        soft = NULL;
    }
    /* PROGRESS is the caller's; the context is used again. */
    EVP_PKEY_CTX_set_cb(gen->pctx, NULL);
    EVP_PKEY_CTX_set_app_data(gen->pctx, NULL);
    return soft;
}

static struct prov_key *generate_foreign(struct gen *gen,
                                         struct progress *progress)
{
    struct prov_key *key = prov_key_new(gen->ctx, gen->type);

    if (key == NULL)
        return NULL;
    key->soft = generate_soft(gen, progress);
    if (key->soft == NULL) {
        prov_key_unref(key);
        return NULL;
    }
    key->has_public = key->has_private = gen->pair;
    return key;
}

static ks_rc generate_inside(const struct gen *gen, struct prov_create *create,
                             struct prov_key **out, struct ks_err *err)
{
    struct ks_keygen spec = {.algorithm = gen->type,
                             .bits = (unsigned)gen->bits,
                             .group = gen->group};
    ks_rc rc = KS_OK;

    if (gen->unheard != NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: backend type %s makes the key itself, and cannot "
                       "be told \"%s\"",
                       create->place.canonical,
                       create->place.store->backend->type, gen->unheard);
    rc = prov_create_usage(create, gen->usage, gen->type, &spec.usage, err);
    return rc == KS_OK ? prov_create_inside(create, &spec, out, err) : rc;
}

static ks_rc generate_here(struct gen *gen, struct progress *progress,
                           struct prov_create *create, struct prov_key **out,
                           struct ks_err *err)
{
    EVP_PKEY *soft;
    unsigned usage;
    ks_rc rc = prov_create_usage(create, gen->usage, gen->type, &usage, err);

    if (rc != KS_OK)
        return rc;
    soft = generate_soft(gen, progress);
    rc = soft == NULL
             ? ks_fail(err, KS_E_CRYPTO, "%s: the key could not be generated",
                       create->place.canonical)
             : prov_create_save(create, soft, usage, out, err);
    EVP_PKEY_free(soft);
    return rc;
}

static ks_rc generate_stored(struct gen *gen, struct progress *progress,
                             struct prov_key **out, struct ks_err *err)
{
    struct prov_create create = {0};
    struct ks_err why = {0};
    ks_rc rc = prov_create_open(&create, gen->ctx, gen->uri, gen->passout, err);

    if (rc != KS_OK)
        goto out;
    create.outside = true;
    if (prov_create_is_inside(&create)) {
        rc = generate_inside(gen, &create, out, &why);
        create.outside = rc == KS_E_UNSUPPORTED && why.text[0] == '\0' &&
                         create.place.store->backend->put != NULL;
    }
    if (create.outside)
        rc = generate_here(gen, progress, &create, out, err);
    else if (why.text[0] != '\0') {
        ks_hint(err, "%s", why.hint);
        (void)ks_fail(err, rc, "%s", why.text);
    }
out:
    prov_create_clear(&create);
    return rc;
}

void *prov_keymgmt_gen(void *genctx, OSSL_CALLBACK *cb, void *arg)
{
    struct gen *gen = genctx;
    struct progress progress = {cb, arg};
    struct prov_key *key = NULL;
    struct ks_err err = {0};
    ks_rc rc;

    if (gen->uri == NULL && (gen->passout != NULL || gen->usage != NULL)) {
        prov_raise(gen->ctx, KS_E_INVALID, "%s is of no use without %s",
                   gen->passout != NULL ? PROV_PARAM_PASSOUT : PROV_PARAM_USAGE,
                   PROV_PARAM_URI);
        return NULL;
    }
    if (gen->uri == NULL)
        return generate_foreign(gen, &progress);
    rc = generate_stored(gen, &progress, &key, &err);
    if (rc != KS_OK)
        prov_fail(gen->ctx, rc, &err);
    return key;
}
