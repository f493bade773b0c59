/*
 * Creating CAs. The order of things is such that whatever moment the process
 * dies at, the next start (settle.c) completes the CA or removes every trace
 * of it: intent, key, CA's row and serial, bytes to be signed, certificate.
 */
#include "audit.h"
#include "authority.h"
#include "making.h"
#include "san.h"
#include "texts.h"

#include <string.h>

#include <openssl/x509v3.h>

static void making_clear(struct ca_making *making)
{
    ca_signer_clear(&making->own);
    ca_draft_clear(&making->draft);
    ca_new_key_clear(&making->key);
    if (making->profile != NULL)
        ca_profile_free(&making->profile->show);
    ca_authority_close(making->parent);
}

static const struct ca_signer *signer_of(const struct ca_making *making)
{
    return making->parent != NULL ? &making->parent->signer : &making->own;
}

/* --- whether it may
 * ------------------------------------------------------------ */

static ks_rc check_url(const char *url, const char *what, struct ks_err *err)
{
    GENERAL_NAME *name = NULL;
    ks_rc rc;

    if (url == NULL)
        return KS_OK;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0 &&
        strncmp(url, "ldap://", 7) != 0)
        return ks_fail(err, KS_E_INVALID,
                       "%.100s: the %s URL must be http, https or ldap", url,
                       what);
    rc = ca_san_parse(url, &name, err);
    GENERAL_NAME_free(name);
    return rc;
}

static ks_rc check_free(const struct ca_env *env, const char *name,
                        struct ks_err *err)
{
    struct ks_ca_row row = {0};
    struct ks_err ignored = {0};
    ks_rc rc = ks_ca_find(env->inv, name, &row, &ignored);

    ks_ca_row_clear(&row);
    if (rc == KS_E_NOT_FOUND)
        return KS_OK;
    if (rc == KS_OK)
        return ks_fail(err, KS_E_EXISTS, "%s: there is a CA of that name",
                       name);
    return ks_fail(err, rc, "%s", ignored.text);
}

static ks_rc prepare(struct ca_making *making, bool preview, struct ks_err *err)
{
    const struct ca_create_spec *spec = making->spec;
    const char *profile = spec->profile != NULL ? spec->profile : "ca";
    struct ca_draft draft = {0};
    ks_rc rc;

    if ((spec->new_key != NULL) == (spec->key_uri != NULL))
        return ks_fail(err, KS_E_INVALID,
                       "a CA needs one key: a new one or one that exists");
    rc = check_free(making->env, spec->name, err);
    if (rc == KS_OK)
        rc = check_url(spec->crl_url, "CRL", err);
    if (rc == KS_OK)
        rc = check_url(spec->ocsp_url, "OCSP", err);
    if (rc == KS_OK)
        rc = check_url(spec->issuer_url, "issuer", err);
    if (rc == KS_OK)
        rc = ca_profile_load(making->env, profile, &making->profile, err);
    if (rc == KS_OK && !making->profile->show.is_ca)
        rc = ks_fail(err, KS_E_INVALID, "%s: not a profile for CAs", profile);
    if (rc == KS_OK && spec->parent != NULL)
        rc = ca_authority_open(making->env, spec->parent, preview,
                               &making->parent, err);
    else if (rc == KS_OK)
        rc = ca_clock_check(making->env, err);
    if (rc == KS_OK)
        rc = ca_making_draft(making, NULL, &draft, err);
    ca_draft_clear(&draft);
    return rc;
}

/* --- doing it
 * -------------------------------------------------------------------- */

/* A key that exists: the private half, to know that it can be had. */
static ks_rc load_key(struct ca_making *making, struct ks_err *err)
{
    const struct ca_create_spec *spec = making->spec;
    struct ca_env own = *making->env;
    ks_rc rc = ca_key_uri_kept(spec->key_uri, &making->key.uri, err);

    own.pins = spec->key_pins;
    if (rc == KS_OK)
        rc = ca_key_load(&own, spec->key_uri, &making->key.pkey, err);
    return rc;
}

static ks_rc get_key(struct ca_making *making, struct ks_err *err)
{
    ks_rc rc = making->spec->new_key != NULL
                   ? ca_new_key_make(making->env, making->spec->new_key,
                                     &making->key, err)
                   : load_key(making, err);

    making->pkey = making->key.pkey;
    return rc;
}

static ks_rc reserve(struct ca_making *making, struct ks_err *err)
{
    const struct ca_env *env = making->env;
    struct ks_ca_row row = {
        .name = (char *)(uintptr_t)making->spec->name,
        .key_uri = making->key.uri,
        .parent = making->parent != NULL ? making->parent->row.id : 0,
        .crl_url = (char *)(uintptr_t)making->spec->crl_url,
        .ocsp_url = (char *)(uintptr_t)making->spec->ocsp_url,
        .issuer_url = (char *)(uintptr_t)making->spec->issuer_url,
    };
    ks_rc rc = ks_inventory_begin(env->inv, err);

    if (rc != KS_OK)
        return rc;
    rc = ks_ca_add(env->inv, &row, &making->ca, err);
    if (rc == KS_OK)
        rc = ca_draft_reserve(env, row.parent != 0 ? row.parent : making->ca,
                              making->ca, &making->draft, err);
    if (rc == KS_OK)
        rc = ks_inventory_commit(env->inv, err);
    else
        ks_inventory_rollback(env->inv);
    if (rc != KS_OK)
        making->ca = making->draft.row = 0;
    return rc;
}

/* Again, where no other process can come between: two may be making a CA of
 * one key. */
static ks_rc check_key_is_free(const struct ca_making *making,
                               struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = ca_draft_key_is_free(making->env, true, &making->draft, &why);

    return rc == KS_OK ? rc : ca_fail_of(making->key.uri, rc, &why, err);
}

/* KEY is kept for the undoing: the draft only borrows it for its records. */
static ks_rc record(struct ca_making *making, struct ks_err *err)
{
    const struct ca_env *env = making->env;
    uint8_t hash[KS_HASH_LEN];
    ks_rc rc =
        ca_sha256(making->draft.der.data, making->draft.der.len, hash, err);

    if (rc == KS_OK)
        rc = ks_inventory_begin(env->inv, err);
    if (rc != KS_OK)
        return rc;
    rc = check_key_is_free(making, err);
    if (rc == KS_OK)
        rc = ca_draft_record_cert(env,
                                  making->parent != NULL
                                      ? making->parent->row.name
                                      : making->spec->name,
                                  &making->draft, err);
    if (rc == KS_OK && making->key.intent != 0)
        rc = ca_new_key_keep(env, &making->key, err);
    if (rc == KS_OK)
        rc = ks_ca_activate(env->inv, making->ca, making->draft.row,
                            making->draft.spki_hash, err);
    if (rc == KS_OK)
        rc = ca_audit(env, "ca.create", making->spec->name, hash, err);
    if (rc == KS_OK)
        return ks_inventory_commit(env->inv, err);
    ks_inventory_rollback(env->inv);
    return rc;
}

static void undo(struct ca_making *making)
{
    struct ks_err ignored = {0};
    ks_rc rc = KS_OK;

    ca_draft_abandon(making->env, &making->draft);
    if (making->ca != 0)
        rc = ks_ca_undo(making->env->inv, making->ca, &ignored);
    (void)rc; /* if it failed, the next start does it */
    if (making->spec->new_key != NULL)
        ca_new_key_undo(making->env, &making->key);
}

static ks_rc make(struct ca_making *making, struct ks_err *err)
{
    ks_rc rc = get_key(making, err);

    if (rc == KS_OK && making->parent == NULL)
        rc = ca_signer_init(making->env, making->pkey, &making->own, err);
    if (rc == KS_OK)
        rc = ca_making_draft(making, making->pkey, &making->draft, err);
    if (rc == KS_OK)
        rc = reserve(making, err);
    if (rc == KS_OK)
        rc = ca_draft_encode(signer_of(making), &making->draft, err);
    if (rc == KS_OK)
        rc = ca_draft_record_tbs(making->env, &making->draft, err);
    if (rc == KS_OK)
        rc = ca_signer_sign(signer_of(making), &making->draft.tbs,
                            &making->draft.der, err);
    if (rc == KS_OK)
        rc = record(making, err);
    if (rc != KS_OK)
        undo(making);
    return rc;
}

static ks_rc hand_over(struct ca_making *making, struct ca_issued *created,
                       struct ks_err *err)
{
    ks_rc rc = ca_draft_result(making->env, &making->draft, true, created, err);

    if (rc == KS_OK) {
        created->key_uri = making->key.uri;
        making->key.uri = NULL; /* given to *created */
    }
    return rc;
}

ks_rc ca_create(const struct ca_env *env, const struct ca_create_spec *spec,
                struct ca_issued *created, struct ks_err *err)
{
    struct ca_making making = {.env = env, .spec = spec};
    ks_rc rc;

    memset(created, 0, sizeof(*created));
    rc = prepare(&making, false, err);
    if (rc == KS_OK)
        rc = make(&making, err);
    if (rc == KS_OK)
        rc = hand_over(&making, created, err);
    making_clear(&making);
    return rc;
}

static ks_rc load_public(const struct ca_env *env,
                         const struct ca_create_spec *spec, EVP_PKEY **out,
                         struct ks_err *err)
{
    struct ca_env own = *env;

    own.pins = spec->key_pins;
    return ca_key_load_public(&own, spec->key_uri, out, err);
}

ks_rc ca_create_preview(const struct ca_env *env,
                        const struct ca_create_spec *spec,
                        struct ca_issued *created, struct ks_err *err)
{
    struct ca_making making = {.env = env, .spec = spec};
    ks_rc rc;

    memset(created, 0, sizeof(*created));
    rc = prepare(&making, true, err);
    if (rc == KS_OK)
        rc = ca_key_uri_kept(spec->new_key != NULL ? spec->new_key->uri
                                                   : spec->key_uri,
                             &making.key.uri, err);
    if (rc == KS_OK && spec->new_key != NULL)
        rc = ca_key_throw_away(env, spec->new_key->type, &making.key.pkey, err);
    else if (rc == KS_OK)
        rc = load_public(env, spec, &making.key.pkey, err);
    if (rc == KS_OK && making.parent == NULL)
        rc = ca_signer_init(env, making.key.pkey, &making.own, err);
    if (rc == KS_OK)
        rc = ca_making_draft(&making, making.key.pkey, &making.draft, err);
    if (rc == KS_OK)
        rc = ca_draft_encode(signer_of(&making), &making.draft, err);
    if (rc == KS_OK)
        rc = ca_signer_blank(signer_of(&making), &making.draft.tbs,
                             &making.draft.der, err);
    if (rc == KS_OK)
        rc = hand_over(&making, created, err);
    making_clear(&making);
    return rc;
}
