/*
 * A key that moves from one place to another: copied, compared, registered,
 * and only then removed where it was. Each step is recorded before it is
 * done, so that whatever moment a process dies at, the next start ends with
 * the key in one place: see settle_move.c. Meanwhile it is in both, and what
 * is recorded names one that is there.
 */
#include "audit.h"
#include "key.h"
#include "texts.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "ks_uri.h"

struct moving {
    const struct ca_env *env;
    const struct ca_move_spec *spec;
    struct ca_env at_from, at_to; /* with the secrets of either side */
    char *from, *to;              /* as they are recorded */
    EVP_PKEY *pkey;
    struct ks_key_move plan;
    int64_t intent;
    bool made;              /* the copy is there, and ours to remove */
    bool taken;             /* it was there: a dead process had made it */
    struct ca_strings also; /* other URIs of the same key on its token */
};

static void moving_clear(struct moving *m)
{
    EVP_PKEY_free(m->pkey);
    OPENSSL_free(m->from);
    OPENSSL_free(m->to);
    ca_strings_clear(&m->also);
}

/* --- before ---------------------------------------------------------------
 */

static ks_rc name_both(struct moving *m, struct ks_err *err)
{
    const struct ca_move_spec *spec = m->spec;
    char *to = NULL;
    ks_rc rc = ca_key_uri(spec->from, &m->from, err);

    if (rc == KS_OK)
        rc = ca_key_uri(spec->to.uri, &to, err);
    if (rc == KS_OK && strcmp(m->from, to) == 0)
        rc = ks_fail(err, KS_E_INVALID, "%s: is there already", m->from);
    OPENSSL_free(to);
    if (rc == KS_OK)
        rc = ca_key_uri_kept(spec->to.uri, &m->to, err);
    return rc;
}

/* A token is given one PIN by the name of two options. A secret that is made
 * for the new place is found there without being told. */
static void set_secrets(struct moving *m)
{
    const struct ca_key_spec *to = &m->spec->to;

    m->at_from = m->at_to = *m->env;
    m->at_from.pins = (struct ca_pins){0};
    if (ca_key_on_token(m->env, m->spec->from))
        m->at_from.pins.user = m->env->passin;
    m->at_to.pins = to->pins;
    m->at_to.passin = to->passout != NULL && strcmp(to->passout, "random") != 0
                          ? to->passout
                          : NULL;
}

static ks_rc open_source(struct moving *m, struct ks_err *err)
{
    ks_rc rc = name_both(m, err);

    if (rc != KS_OK)
        return rc;
    set_secrets(m);
    m->plan.from = m->from;
    m->plan.to = m->to;
    /* before anybody is asked for a secret */
    rc = ca_key_load_public(&m->at_from, m->spec->from, &m->pkey, err);
    if (rc == KS_OK)
        rc = ca_key_refuse_circle(m->env, m->from, m->to, err);
    if (rc == KS_OK && !m->spec->force)
        rc = ca_key_refuse_kek(m->env, m->from, CA_KEK_MOVE, err);
    EVP_PKEY_free(m->pkey);
    m->pkey = NULL;
    if (rc == KS_OK)
        rc = ca_key_take_out(&m->at_from, m->spec->from, &m->pkey, err);
    if (rc == KS_OK)
        rc = ca_key_hash(m->pkey, m->plan.spki_hash, err);
    return rc;
}

/* --- the copy -------------------------------------------------------------
 */

static ks_rc is_same(const struct ca_env *env, const struct moving *m,
                     const char *uri, bool private, struct ks_err *err)
{
    uint8_t hash[KS_HASH_LEN];
    EVP_PKEY *pkey = NULL;
    ks_rc rc = private ? ca_key_load(env, uri, &pkey, err)
                       : ca_key_load_seen(env, uri, &pkey, err);

    if (rc == KS_OK)
        rc = ca_key_hash(pkey, hash, err);
    if (rc == KS_OK && memcmp(hash, m->plan.spki_hash, sizeof(hash)) != 0)
        rc = ks_fail(err, KS_E_DAMAGED, "%s: is not the key of %s", uri,
                     m->from);
    EVP_PKEY_free(pkey);
    return rc;
}

static ks_rc put(struct moving *m, struct ks_err *err)
{
    STACK_OF(X509) *certs = NULL;
    struct ks_buf der = {0};
    ks_rc rc = ca_key_certs(&m->at_from, m->from, &certs, err);

    if (rc == KS_OK)
        rc = ca_certs_der(certs, &der, err);
    if (rc == KS_OK && der.len > 0 && ca_key_on_token(m->env, m->to)) {
        ks_hint(err,
                "\"caadm key cert %.80s --out FILE\" saves them, with --remove "
                "they are gone",
                m->from);
        rc = ks_fail(err, KS_E_CRYPTO,
                     "%s: has certificates beside it, and a token gets none",
                     m->from);
    }
    if (rc == KS_OK && m->env->inv != NULL)
        rc = ks_intent_copy(m->env->inv, &m->plan, &m->intent, err);
    if (rc == KS_OK) {
        rc = ca_key_put(m->env, m->pkey, &m->spec->to, &der, err);
        m->made = rc == KS_OK;
    }
    sk_X509_pop_free(certs, X509_free);
    ks_buf_clear(&der);
    return rc;
}

/* A copy that a dead process made, of this very move, is taken. */
static ks_rc copy(struct moving *m, struct ks_err *err)
{
    struct ks_err why = {0}, ignored = {0};
    ks_rc rc = ca_key_must_be_free(&m->at_to, m->to, &why);

    if (rc == KS_OK)
        return put(m, err);
    m->taken = rc == KS_E_EXISTS && m->env->inv != NULL &&
               ks_intent_take_copy(m->env->inv, &m->plan, &m->intent,
                                   &ignored) == KS_OK;
    if (m->taken && is_same(&m->at_to, m, m->to, false, &ignored) == KS_OK)
        return KS_OK;
    ERR_clear_error();
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "%s", why.text);
}

/* If removing fails, the intent stays, and the next start tries again; as it
 * does with what a dead process had left. */
static void undo(struct moving *m)
{
    struct ks_err ignored = {0};
    ks_rc rc = KS_OK;

    if (m->taken)
        return;
    if (m->made)
        rc = ca_key_remove(&m->at_to, m->spec->to.uri, &ignored);
    if ((rc == KS_OK || rc == KS_E_NOT_FOUND) && m->intent != 0)
        rc = ks_intent_remove(m->env->inv, m->intent, &ignored);
    (void)rc; /* the failure that led here is what matters */
    m->intent = 0;
}

/* --- the records ----------------------------------------------------------
 */

static ks_rc look_at_ca(void *arg, const struct ks_ca_row *row,
                        struct ks_err *err)
{
    struct moving *m = arg;
    const unsigned char *at = row->cert.data;
    size_t len = strlen(m->from);
    X509 *cert;
    bool same;

    if (strncmp(row->key_uri, m->from, len) == 0 &&
        (row->key_uri[len] == '\0' || row->key_uri[len] == '?'))
        return KS_OK; /* is found by its text */
    if (!ca_key_on_token(m->env, row->key_uri))
        return KS_OK;
    cert = d2i_X509(NULL, &at, (long)row->cert.len);
    ERR_set_mark();
    same = cert != NULL && EVP_PKEY_eq(X509_get0_pubkey(cert), m->pkey) == 1;
    ERR_pop_to_mark();
    X509_free(cert);
    if (!same ||
        !ca_key_is_same_object(&m->at_from, m->spec->from, row->key_uri))
        return KS_OK;
    return ca_strings_add(&m->also, "%s", row->key_uri) == KS_OK
               ? KS_OK
               : ca_nomem(err);
}

static ks_rc record(struct moving *m, struct ca_moved *moved,
                    struct ks_err *err)
{
    struct ks_inventory *inv = m->env->inv;
    char act[2 * KS_URI_MAX];
    int64_t cas = 0, certs = 0;
    ks_rc rc =
        ks_key_moved(inv, m->from, m->to, &moved->n_cas, &moved->n_certs, err);

    for (size_t i = 0; rc == KS_OK && i < m->also.n; i++) {
        rc = ks_key_moved(inv, m->also.items[i], m->to, &cas, &certs, err);
        moved->n_cas += cas;
        moved->n_certs += certs;
    }
    (void)snprintf(act, sizeof(act), "%s to %s", m->from, m->to);
    if (rc == KS_OK)
        rc = ca_audit(m->env, "key.move", act, m->plan.spki_hash, err);
    if (rc == KS_OK)
        rc = ks_intent_drop(inv, m->intent, &m->plan, err);
    return rc;
}

/* Once the commit was asked for, it may have been done whatever it says:
 * nothing is undone then, and the next start looks. */
static ks_rc registers(struct moving *m, struct ca_moved *moved,
                       struct ks_err *err)
{
    struct ks_inventory *inv = m->env->inv;
    ks_rc rc;

    if (inv == NULL)
        return KS_OK;
    if (ca_key_on_token(m->env, m->from)) {
        rc = ks_ca_each(inv, look_at_ca, m, err);
        if (rc != KS_OK)
            return rc;
    }
    rc = ks_inventory_begin(inv, err);
    if (rc != KS_OK)
        return rc;
    rc = record(m, moved, err);
    if (rc != KS_OK) {
        ks_inventory_rollback(inv);
        return rc;
    }
    m->made = false;
    rc = ks_inventory_commit(inv, err);
    if (rc != KS_OK)
        m->intent = 0;
    return rc;
}

/* --- the end --------------------------------------------------------------
 */

static ks_rc remove_source(struct moving *m, struct ks_err *err)
{
    struct ks_err why = {0};
    ks_rc rc = ca_key_remove(&m->at_from, m->spec->from, &why);

    if (rc == KS_OK || rc == KS_E_NOT_FOUND)
        return m->intent != 0 ? ks_intent_remove(m->env->inv, m->intent, err)
                              : KS_OK;
    ks_hint(err, "it is in both places until \"caadm key delete %.160s\"",
            m->from);
    return ks_fail(err, rc,
                   "the key is at %.120s now, but cannot be removed where it "
                   "was: %s",
                   m->to, why.text);
}

static ks_rc move(struct moving *m, struct ca_moved *moved, struct ks_err *err)
{
    ks_rc rc = open_source(m, err);

    if (rc == KS_OK && m->env->interrupted != NULL && m->env->interrupted())
        rc = ks_fail(err, KS_E_INTERRUPTED, "%s: interrupted, nothing moved",
                     m->from);
    if (rc != KS_OK)
        return rc;
    rc = copy(m, err);
    if (rc == KS_OK) /* its private half opens, and is this one */
        rc = is_same(&m->at_to, m, m->to, true, err);
    if (rc == KS_OK && m->env->interrupted != NULL && m->env->interrupted())
        rc = ks_fail(err, KS_E_INTERRUPTED, "%s: interrupted, nothing moved",
                     m->from);
    if (rc == KS_OK)
        rc = registers(m, moved, err);
    if (rc != KS_OK) {
        undo(m);
        return rc;
    }
    return remove_source(m, err);
}

ks_rc ca_key_move(const struct ca_env *env, const struct ca_move_spec *spec,
                  struct ca_moved *moved, struct ks_err *err)
{
    struct moving m = {.env = env, .spec = spec};
    ks_rc rc;

    *moved = (struct ca_moved){0};
    rc = move(&m, moved, err);
    moved->from = m.from;
    moved->to = m.to;
    m.from = m.to = NULL; /* given to the caller */
    moving_clear(&m);
    return rc;
}

void ca_moved_clear(struct ca_moved *moved)
{
    OPENSSL_free(moved->from);
    OPENSSL_free(moved->to);
    *moved = (struct ca_moved){0};
}
