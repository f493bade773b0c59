/*
 * Private to the CA library: what its files share about keys.
 */
#ifndef CA_KEY_H
#define CA_KEY_H

#include "ca.h"

#define CA_KEY_TYPE_DEFAULT "ec:P-256"

/* "rsa:3072", taken apart. */
struct ca_key_type {
    const char *algorithm; /* static: "RSA", "EC", "ED25519" ... */
    size_t bits;           /* RSA */
    const char *group;     /* static: EC */
};
/* TYPE NULL: CA_KEY_TYPE_DEFAULT. KS_E_INVALID. */
KS_MUST_CHECK ks_rc ca_key_type_parse(const char *type, struct ca_key_type *out,
                                      struct ks_err *err);

/* Fills a generation context with TYPE's parameters. */
KS_MUST_CHECK ks_rc ca_key_type_set(const struct ca_key_type *type,
                                    EVP_PKEY_CTX *ctx, struct ks_err *err);

/* EVP_PKEY_generate, of which env->interrupted makes KS_E_INTERRUPTED. WHAT
 * is for messages. */
KS_MUST_CHECK ks_rc ca_key_run(const struct ca_env *env, EVP_PKEY_CTX *ctx,
                               const char *what, EVP_PKEY **out,
                               struct ks_err *err);

/* A key of TYPE in memory, that no one keeps: for previews. */
KS_MUST_CHECK ks_rc ca_key_throw_away(const struct ca_env *env,
                                      const char *type, EVP_PKEY **out,
                                      struct ks_err *err);

/* SHA-256 of the SubjectPublicKeyInfo. */
KS_MUST_CHECK ks_rc ca_key_hash(const EVP_PKEY *pkey, uint8_t out[KS_HASH_LEN],
                                struct ks_err *err);

/* As ca_key_load_public, without looking for what a token hides: never asks
 * for a PIN, and takes none from where it could be had. */
KS_MUST_CHECK ks_rc ca_key_load_seen(const struct ca_env *env, const char *uri,
                                     EVP_PKEY **out, struct ks_err *err);

/* KS_E_INVALID unless URI has a scheme that is known, or none. */
KS_MUST_CHECK ks_rc ca_key_scheme_check(const char *uri, struct ks_err *err);

/* RC, told of the key URI. That a token refuses its PIN, being locked for
 * instance, is about the secret and not about a file's mode; what it cannot do
 * is about the key and not about the command line. */
ks_rc ca_key_refused(const struct ca_env *env, const char *uri, ks_rc rc);

/* After KS_E_NOT_FOUND of a key: says on which token it was looked for. */
void ca_key_name_token(const struct ca_env *env, const char *uri,
                       struct ks_err *err);

/* Replaces the provider's hint where a secret is missing: it knows no options.
 * OPTION NULL: --user-pin. */
void ca_key_hint_missing(const struct ca_env *env, const char *uri,
                         const char *option, struct ks_err *err);

/* A key being made: an intent in the inventory, then the key. */
struct ca_new_key {
    char *uri;           /* as it may be stored */
    struct ca_pins pins; /* borrowed: for the undoing */
    int64_t intent;      /* 0: none */
    EVP_PKEY *pkey;
};
/* Records the intent, makes the key, records that. On failure nothing is
 * left. */
KS_MUST_CHECK ks_rc ca_new_key_make(const struct ca_env *env,
                                    const struct ca_key_spec *spec,
                                    struct ca_new_key *key, struct ks_err *err);
/* The key is registered: in the caller's transaction, removes the intent and
 * adds the audit row. */
KS_MUST_CHECK ks_rc ca_new_key_keep(const struct ca_env *env,
                                    struct ca_new_key *key, struct ks_err *err);
/* Removes key and intent; harmless after ca_new_key_keep's commit if
 * key->intent was set to 0, and on { 0 }. */
void ca_new_key_undo(const struct ca_env *env, struct ca_new_key *key);
void ca_new_key_clear(struct ca_new_key *key);

/* KS_E_EXISTS if there is a key at URI already; KS_OK if none is seen. */
KS_MUST_CHECK ks_rc ca_key_must_be_free(const struct ca_env *env,
                                        const char *uri, struct ks_err *err);

/* A context of keys of ALGORITHM in the provider keystore; NULL if it is not
 * loaded, or knows none such. */
EVP_PKEY_CTX *ca_key_ctx(const struct ca_env *env, const char *algorithm);

/* Keeps PKEY, private half and all, as SPEC says (its type is PKEY's), with
 * CERTS beside it (DER, its own first; may be NULL or empty). No intent, no
 * audit row. KS_E_EXISTS. */
KS_MUST_CHECK ks_rc ca_key_put(const struct ca_env *env, EVP_PKEY *pkey,
                               const struct ca_key_spec *spec,
                               const struct ks_buf *certs, struct ks_err *err);

/* KS_E_POLICY if keys of some backend are sealed to the key URI (canonical),
 * by its seal_to. key_kek.c */
enum ca_kek_act {
    CA_KEK_DELETE,
    CA_KEK_MOVE,
};
KS_MUST_CHECK ks_rc ca_key_refuse_kek(const struct ca_env *env, const char *uri,
                                      enum ca_kek_act act, struct ks_err *err);

/* KS_E_POLICY if a key at TO would be sealed to the key FROM (canonical), or to
 * one that is sealed to it. */
KS_MUST_CHECK ks_rc ca_key_refuse_circle(const struct ca_env *env,
                                         const char *from, const char *to,
                                         struct ks_err *err);

/* True if the URIs A and B, of keys that are there, mean one object: as far as
 * its token tells; of other places, unless they are surely two. key_same.c */
bool ca_key_is_same_object(const struct ca_env *env, const char *a,
                           const char *b);

/* After KS_E_NOT_FOUND: a token that is not there now has the key all the
 * same. */
bool ca_key_is_gone(const struct ca_env *env, const char *uri);

/* The provider has no such function: it is none of ours, or an older one. */
ks_rc ca_no_function(struct ks_err *err);

/* Settles one move, claimed, for ca_settle_keys. settle_move.c */
KS_MUST_CHECK ks_rc ca_settle_move(const struct ca_env *env,
                                   const struct ks_intent *intent,
                                   struct ca_settled *settled,
                                   struct ks_err *err);

/* Settles the intents of dead processes, for ca_settle. settle_key.c */
KS_MUST_CHECK ks_rc ca_settle_keys(const struct ca_env *env,
                                   struct ca_settled *settled,
                                   struct ks_err *err);

/* Deletes through the provider; no audit. Asks by env->ui where a token wants
 * a PIN that it has no source of. */
KS_MUST_CHECK ks_rc ca_key_remove(const struct ca_env *env, const char *uri,
                                  struct ks_err *err);

#endif
