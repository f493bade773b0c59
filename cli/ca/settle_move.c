/*
 * Moves that a dead process had begun. A copy that was not registered goes, if
 * the key is where it was; a key that was moved goes where it was, if the copy
 * is there. Where that cannot be seen both stay, and the plan with them.
 */
#include "audit.h"
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/evp.h>

/* What there is to see of one end of a move. */
enum end {
    END_SAME,   /* the key */
    END_OTHER,  /* another key, or a broken one */
    END_GONE,   /* surely nothing */
    END_UNSEEN, /* nobody knows */
};

static enum end look(const struct ca_env *env, const char *uri,
                     const struct ks_intent *intent, struct ks_err *why)
{
    struct ca_env quiet = *env;
    uint8_t hash[KS_HASH_LEN];
    EVP_PKEY *pkey = NULL;
    enum end end = END_OTHER;
    ks_rc rc;

    quiet.ui = NULL;
    quiet.passin = NULL;
    quiet.pins = (struct ca_pins){0};
    rc = ca_key_load_public(&quiet, uri, &pkey, why);
    if (rc == KS_E_NOT_FOUND)
        end = ca_key_is_gone(env, uri) ? END_GONE : END_UNSEEN;
    else if (rc != KS_OK && rc != KS_E_DAMAGED)
        end = END_UNSEEN;
    else if (rc == KS_OK && ca_key_hash(pkey, hash, why) == KS_OK &&
             memcmp(hash, intent->spki_hash, KS_HASH_LEN) == 0)
        end = END_SAME;
    EVP_PKEY_free(pkey);
    return end;
}

static ks_rc unseen(const struct ks_intent *intent, const char *uri,
                    const struct ks_err *why, struct ca_settled *settled)
{
    return ca_strings_add(&settled->notes,
                          "key %s: an interrupted command moved it to or from "
                          "%s, which cannot be looked at now: %s; both stay",
                          intent->key_uri, uri, why->text);
}

/* KEY_URI goes, for the key is at OTHER_URI. */
static ks_rc remove_one(const struct ca_env *env,
                        const struct ks_intent *intent,
                        struct ca_settled *settled, struct ks_err *err)
{
    const bool moved = intent->act == KS_INTENT_DROP;
    struct ca_env quiet = *env;
    struct ks_err why = {0};
    ks_rc rc;

    quiet.ui = NULL;
    quiet.passin = NULL;
    quiet.pins = (struct ca_pins){0};
    rc = ca_key_remove(&quiet, intent->key_uri, &why);
    if (rc != KS_OK && rc != KS_E_NOT_FOUND)
        return ca_strings_add(
            &settled->notes,
            "key %s: %s %s by an interrupted command, and cannot be removed: "
            "%s; caadm key delete removes it",
            intent->key_uri, moved ? "moved to" : "copied from",
            intent->other_uri, why.text);
    rc = ca_audit(env, moved ? "key.moved" : "key.undo", intent->key_uri,
                  intent->spki_hash, err);
    if (rc == KS_OK)
        rc = ks_intent_remove(env->inv, intent->id, err);
    settled->finished += rc == KS_OK && moved;
    settled->undone += rc == KS_OK && !moved;
    if (rc == KS_OK)
        rc = ca_strings_add(&settled->notes,
                            moved ? "key %s: removed, an interrupted command "
                                    "had moved it to %s"
                                  : "key %s: removed, an interrupted command "
                                    "had copied it from %s",
                            intent->key_uri, intent->other_uri);
    return rc;
}

/* A CA that came to use the copy by its name keeps it. */
static ks_rc is_in_use(const struct ca_env *env, const char *uri, bool *in_use,
                       struct ks_err *err)
{
    char *ca = NULL;
    ks_rc rc = ks_ca_of_key_uri(env->inv, uri, &ca, err);

    OPENSSL_free(ca);
    *in_use = rc == KS_OK;
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

ks_rc ca_settle_move(const struct ca_env *env, const struct ks_intent *intent,
                     struct ca_settled *settled, struct ks_err *err)
{
    struct ks_err why = {0};
    bool in_use = false;
    ks_rc rc = is_in_use(env, intent->key_uri, &in_use, err);
    enum end here, there;

    if (rc != KS_OK)
        return rc;
    here = look(env, intent->key_uri, intent, &why);
    if (in_use || here == END_GONE || here == END_OTHER)
        return ks_intent_remove(env->inv, intent->id, err);
    if (here == END_UNSEEN)
        return unseen(intent, intent->key_uri, &why, settled);
    there = look(env, intent->other_uri, intent, &why);
    if (there == END_SAME &&
        !ca_key_is_same_object(env, intent->key_uri, intent->other_uri))
        return remove_one(env, intent, settled, err);
    if (there == END_UNSEEN)
        return unseen(intent, intent->other_uri, &why, settled);
    /* It is the only one that is left, or both are one: caadm.conf may have
     * changed since. */
    rc = ks_intent_remove(env->inv, intent->id, err);
    if (rc == KS_OK)
        rc = ca_strings_add(&settled->notes,
                            there == END_SAME
                                ? "key %s: kept, for %s is the same one"
                                : "key %s: kept, for it is no longer at %s",
                            intent->key_uri, intent->other_uri);
    return rc;
}
