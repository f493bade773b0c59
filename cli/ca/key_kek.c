/*
 * Keys that other keys are sealed to: who loses one of them loses the others.
 */
#include "key.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "ks_uri.h"

/* A key that may be one of those. */
struct suspect {
    const struct ca_env *env;
    const char *uri; /* canonical */
    bool known;      /* HASH is that of its public half */
    bool moves;      /* its public half in a file goes on being right */
    uint8_t hash[KS_HASH_LEN];
};

/* A token's key has several URIs, so the keys themselves are compared. */
static bool is_it(const struct suspect *suspect, const char *uri)
{
    struct ca_env quiet = *suspect->env;
    struct ks_err ignored = {0};
    uint8_t hash[KS_HASH_LEN];
    EVP_PKEY *pkey = NULL;
    char *canonical = NULL;
    bool is = ca_key_uri(uri, &canonical, &ignored) == KS_OK &&
              strcmp(canonical, suspect->uri) == 0;

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

static bool names_it(const struct suspect *suspect, const char *seal_to)
{
    for (const char *at = seal_to; *at != '\0';) {
        char uri[KS_URI_MAX];
        size_t len = strcspn(at, ",");
        const char *next = at[len] == ',' ? at + len + 1 : at + len;

        while (len > 0 && isspace((unsigned char)*at))
            at++, len--;
        while (len > 0 && isspace((unsigned char)at[len - 1]))
            len--;
        if (len > 0 && len < sizeof(uri)) {
            (void)snprintf(uri, sizeof(uri), "%.*s", (int)len, at);
            if (is_it(suspect, uri))
                return true;
        }
        at = next;
    }
    return false;
}

ks_rc ca_key_refuse_kek(const struct ca_env *env, const char *uri,
                        enum ca_kek_act act, struct ks_err *err)
{
    struct suspect suspect = {
        .env = env, .uri = uri, .moves = act == CA_KEK_MOVE};
    struct ks_err ignored = {0};
    EVP_PKEY *pkey = NULL;

    if (env->config == NULL)
        return KS_OK;
    for (size_t i = 0; i < ks_config_count(env->config); i++) {
        const struct ks_section *section = ks_config_at(env->config, i);
        const char *seal_to = section->kind == KS_SECTION_BACKEND
                                  ? ks_section_get(section, "seal_to")
                                  : NULL;

        if (seal_to == NULL)
            continue;
        if (pkey == NULL &&
            ca_key_load_seen(env, uri, &pkey, &ignored) == KS_OK)
            suspect.known = ca_key_hash(pkey, suspect.hash, &ignored) == KS_OK;
        if (!names_it(&suspect, seal_to))
            continue;
        EVP_PKEY_free(pkey);
        ks_hint(err,
                act == CA_KEK_MOVE
                    ? "seal_to must name its new place then; --force moves it "
                      "all the same"
                    : "what is sealed to it alone is lost with it: caadm key "
                      "reseal first; --force deletes it all the same");
        return ks_fail(err, KS_E_POLICY,
                       "%s: the keys of [backend %s] are sealed to it "
                       "(seal_to)",
                       uri, section->name);
    }
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return KS_OK;
}
