/*
 * Keys that other keys are sealed to: who loses one of them loses the others.
 */
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "ks_uri.h"

#define DEPTH_MAX 4 /* of keys that are sealed to keys */

/* A key that may be one of those. */
struct suspect {
    const struct ca_env *env;
    const char *uri; /* canonical */
    bool known;      /* HASH is that of its public half */
    bool moves;      /* its public half in a file goes on being right */
    uint8_t hash[KS_HASH_LEN];
};

/* A token's key has several URIs, so the keys themselves are compared. */
static bool is_it(const struct suspect *suspect, const char *uri, int depth)
{
    struct ca_env quiet = *suspect->env;
    struct ks_err ignored = {0};
    uint8_t hash[KS_HASH_LEN];
    EVP_PKEY *pkey = NULL;
    char *canonical = NULL;
    bool is = ca_key_uri(uri, &canonical, &ignored) == KS_OK &&
              strcmp(canonical, suspect->uri) == 0;

    (void)depth;
    OPENSSL_free(canonical);
    if (is || !suspect->known || (suspect->moves && !ca_key_uri_is_ours(uri)))
        return is;
    quiet.ui = NULL;
    quiet.passin = NULL;
    quiet.pins = (struct ca_pins){0};
    if (ca_key_load_seen(&quiet, uri, &pkey, &ignored) == KS_OK)
        is = ca_key_hash(pkey, hash, &ignored) == KS_OK &&
             memcmp(hash, suspect->hash, sizeof(hash)) == 0;
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return is;
}

/* True if a key of LIST is one by IS. */
typedef bool is_fn(const struct suspect *suspect, const char *uri, int depth);

static bool any_of(const char *list, is_fn *is, const struct suspect *suspect,
                   int depth)
{
    const char *uri;
    size_t len = 0;
    bool found = false;

    while (!found && (uri = ks_uri_next(&list, &len)) != NULL) {
        char *copy = OPENSSL_strndup(uri, len);

        found = copy != NULL && is(suspect, copy, depth);
        OPENSSL_free(copy);
    }
    return found;
}

/* The keys that one is sealed to, as its place tells. */
static ks_rc take_sealed_to(void *arg, const char *name, const char *value,
                            struct ks_err *err)
{
    if (strcmp(name, "sealed-to") != 0)
        return KS_OK;
    return ca_strings_add(arg, "%s", value) == KS_OK ? KS_OK : ca_nomem(err);
}

/* It, or a key that only it opens, however many are in between. */
static bool leads_to_it(const struct suspect *suspect, const char *uri,
                        int depth)
{
    struct ca_env quiet = *suspect->env;
    struct ca_strings above = {0};
    struct ks_err ignored = {0};
    bool leads = is_it(suspect, uri, depth);

    quiet.ui = NULL;
    quiet.passin = NULL;
    quiet.pins = (struct ca_pins){0};
    if (leads || depth == DEPTH_MAX || !ks_uri_is_keystore(uri) ||
        ca_key_on_token(suspect->env, uri))
        return leads;
    if (ca_key_describe(&quiet, uri, take_sealed_to, &above, &ignored) == KS_OK)
        for (size_t i = 0; !leads && i < above.n; i++)
            leads = leads_to_it(suspect, above.items[i], depth + 1);
    ca_strings_clear(&above);
    ERR_clear_error();
    return leads;
}

static void look_at(struct suspect *suspect)
{
    struct ks_err ignored = {0};
    EVP_PKEY *pkey = NULL;

    if (ca_key_load_seen(suspect->env, suspect->uri, &pkey, &ignored) == KS_OK)
        suspect->known = ca_key_hash(pkey, suspect->hash, &ignored) == KS_OK;
    EVP_PKEY_free(pkey);
    ERR_clear_error();
}

static ks_rc refuse(const char *uri, const struct ks_section *section,
                    enum ca_kek_act act, struct ks_err *err)
{
    ks_hint(err, act == CA_KEK_MOVE
                     ? "seal_to must name its new place then; --force moves "
                       "it all the same"
                     : "what is sealed to it alone is lost with it: caadm key "
                       "reseal first; --force deletes it all the same");
    return ks_fail(err, KS_E_POLICY,
                   "%s: the keys of [backend %s] are sealed to it (seal_to)",
                   uri, section->name);
}

ks_rc ca_key_refuse_kek(const struct ca_env *env, const char *uri,
                        enum ca_kek_act act, struct ks_err *err)
{
    struct suspect suspect = {
        .env = env, .uri = uri, .moves = act == CA_KEK_MOVE};
    bool looked = false;

    for (size_t i = 0; env->config != NULL && i < ks_config_count(env->config);
         i++) {
        const struct ks_section *section = ks_config_at(env->config, i);
        const char *seal_to = section->kind == KS_SECTION_BACKEND
                                  ? ks_section_get(section, "seal_to")
                                  : NULL;

        if (seal_to == NULL)
            continue;
        if (!looked)
            look_at(&suspect);
        looked = true;
        if (any_of(seal_to, is_it, &suspect, 0))
            return refuse(uri, section, act, err);
    }
    return KS_OK;
}

ks_rc ca_key_refuse_circle(const struct ca_env *env, const char *from,
                           const char *to, struct ks_err *err)
{
    const struct ks_section *section = ca_key_section(env, to);
    const char *seal_to = ks_section_get(section, "seal_to");
    struct suspect suspect = {.env = env, .uri = from};

    if (seal_to == NULL)
        return KS_OK;
    look_at(&suspect);
    if (!any_of(seal_to, leads_to_it, &suspect, 0))
        return KS_OK;
    ks_hint(err,
            "it would lie in a box that only it opens: seal [backend %s] "
            "to another key first",
            section->name);
    return ks_fail(err, KS_E_POLICY,
                   "%s: would be sealed to itself at %s (seal_to)", from, to);
}
