/*
 * Keys that dead processes planned, made or moved: an intent that nobody owns.
 */
#include "audit.h"
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>

struct intents {
    struct ks_intent *items;
    size_t n;
};

static ks_rc push_intent(void *arg, const struct ks_intent *intent,
                         struct ks_err *err)
{
    struct intents *intents = arg;
    struct ks_intent *items =
        OPENSSL_realloc(intents->items, (intents->n + 1) * sizeof(*items));

    if (items == NULL)
        return ca_nomem(err);
    intents->items = items;
    items[intents->n] = *intent;
    items[intents->n].key_uri = OPENSSL_strdup(intent->key_uri);
    items[intents->n].other_uri = OPENSSL_strdup(intent->other_uri);
    intents->n++;
    if (items[intents->n - 1].key_uri == NULL ||
        (intent->other_uri != NULL && items[intents->n - 1].other_uri == NULL))
        return ca_nomem(err);
    return KS_OK;
}

/* True if the key there is the one that was noted. */
static bool is_that_key(const struct ks_intent *intent, const EVP_PKEY *pkey)
{
    uint8_t hash[KS_HASH_LEN];

    return intent->made && ca_key_hash(pkey, hash, NULL) == KS_OK &&
           memcmp(hash, intent->spki_hash, KS_HASH_LEN) == 0;
}

/* True if a CA came to use the key, under this URI or another one: a token's
 * key has several. */
static ks_rc is_in_use(const struct ca_env *env, const struct ks_intent *intent,
                       bool *in_use, struct ks_err *err)
{
    char *ca = NULL;
    ks_rc rc = ks_ca_of_key_uri(env->inv, intent->key_uri, &ca, err);

    if (rc == KS_E_NOT_FOUND && intent->made)
        rc = ks_ca_of_key(env->inv, intent->spki_hash, &ca, err);
    OPENSSL_free(ca);
    *in_use = rc == KS_OK;
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

static ks_rc ignore_fact(void *arg, const char *name, const char *value,
                         struct ks_err *err)
{
    (void)arg;
    (void)name;
    (void)value;
    (void)err;
    return KS_OK;
}

/* URI without what names the key. Caller frees. */
static char *token_of(const char *uri)
{
    char *token = OPENSSL_strdup(uri);
    char *to = token != NULL ? strchr(token, ':') + 1 : NULL;

    for (const char *at = to; at != NULL && *at != '\0' && *at != '?';) {
        size_t len = strcspn(at, ";?");
        const char *next = at + len + (at[len] == ';');

        if (strncmp(at, "object=", 7) != 0 && strncmp(at, "id=", 3) != 0) {
            memmove(to, at, (size_t)(next - at));
            to += next - at;
        }
        at = next;
    }
    if (to != NULL)
        *to = '\0';
    return token;
}

/* Of a pkcs11: URI. */
static bool token_is_there(const struct ca_env *env, const char *uri)
{
    char *token = token_of(uri);
    OSSL_STORE_CTX *store = NULL;
    bool there;

    ERR_clear_error();
    if (token != NULL)
        store = OSSL_STORE_open_ex(token, env->libctx, env->propq, NULL, NULL,
                                   NULL, NULL, NULL);
    if (store != NULL && !OSSL_STORE_eof(store))
        OSSL_STORE_INFO_free(OSSL_STORE_load(store));
    there = store != NULL && ERR_peek_error() == 0;
    (void)OSSL_STORE_close(store); /* only read from */
    ERR_clear_error();
    OPENSSL_free(token);
    return there;
}

bool ca_key_is_gone(const struct ca_env *env, const char *uri)
{
    const struct ks_section *section = ca_key_section(env, uri);
    struct ks_err ignored = {0};

    if (ca_key_uri_is_pkcs11(uri))
        return token_is_there(env, uri);
    return !ca_key_on_token(env, uri) || section == NULL ||
           ca_backend_check(env, section->name, ignore_fact, NULL, &ignored) ==
               KS_OK;
}

/* A token may want a PIN that only the command had which made the key. */
static ks_rc remove_left(const struct ca_env *env,
                         const struct ks_intent *intent,
                         struct ca_settled *settled, struct ks_err *err)
{
    struct ca_env quiet = *env;
    struct ks_err why = {0};
    ks_rc rc;

    quiet.ui = NULL;
    quiet.pins = (struct ca_pins){0};
    rc = ca_key_remove(&quiet, intent->key_uri, &why);
    if (rc != KS_OK && rc != KS_E_NOT_FOUND)
        return ca_strings_add(&settled->notes,
                              "key %s: left by an interrupted command, and "
                              "cannot be removed: %s; caadm key delete removes "
                              "it",
                              intent->key_uri, why.text);
    rc = ca_audit(env, "key.undo", intent->key_uri, intent->spki_hash, err);
    if (rc == KS_OK)
        rc = ks_intent_remove(env->inv, intent->id, err);
    settled->undone += rc == KS_OK;
    if (rc == KS_OK)
        rc = ca_strings_add(&settled->notes,
                            "key %s: removed, an interrupted command had "
                            "made it",
                            intent->key_uri);
    return rc;
}

/*
 * A key that was noted as made, and that no CA or certificate came to use, is
 * removed. One that was only planned may be anybody's: it stays, and so does
 * the plan, so that the same command given again takes it up (key_make.c).
 */
static ks_rc settle_intent(const struct ca_env *env,
                           const struct ks_intent *intent,
                           struct ca_settled *settled, struct ks_err *err)
{
    struct ks_err why = {0};
    EVP_PKEY *pkey = NULL;
    bool claimed = false, in_use = false;
    ks_rc rc = ks_intent_claim(env->inv, intent, &claimed, err);

    if (rc != KS_OK || !claimed)
        return rc;
    if (intent->act != KS_INTENT_MAKE)
        return ca_settle_move(env, intent, settled, err);
    rc = is_in_use(env, intent, &in_use, err);
    if (rc == KS_OK && in_use) /* by a CA that was completed */
        return ks_intent_remove(env->inv, intent->id, err);
    if (rc != KS_OK)
        return rc;
    rc = ca_key_load_seen(env, intent->key_uri, &pkey, &why);
    if (rc == KS_E_NOT_FOUND && ca_key_is_gone(env, intent->key_uri))
        rc = ks_intent_remove(env->inv, intent->id, err);
    else if (rc != KS_OK)
        rc = ca_strings_add(&settled->notes,
                            "key %s: left by an interrupted command, and "
                            "cannot be looked at: %s",
                            intent->key_uri, why.text);
    else if (is_that_key(intent, pkey))
        rc = remove_left(env, intent, settled, err);
    else
        rc = ca_strings_add(&settled->notes,
                            "key %s: may be left by an interrupted command; "
                            "give that again, or delete the key",
                            intent->key_uri);
    EVP_PKEY_free(pkey);
    return rc;
}

/* A key whose certificate was completed stays. */
ks_rc ca_settle_keys(const struct ca_env *env, struct ca_settled *settled,
                     struct ks_err *err)
{
    struct intents intents = {0};
    ks_rc rc = ks_intent_each_dead(env->inv, push_intent, &intents, err);

    for (size_t i = 0; i < intents.n; i++) {
        if (rc == KS_OK)
            rc = settle_intent(env, &intents.items[i], settled, err);
        ks_intent_clear(&intents.items[i]);
    }
    OPENSSL_free(intents.items);
    return rc;
}
