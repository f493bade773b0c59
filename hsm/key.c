/*
 * Opening a key: what is read of it once, and what every later operation
 * relies on.
 */
#include "key.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ckr.h"
#include "login.h"
#include "operation.h"
#include "public.h"

const struct ks_key_ops hsm_key_ops = {
    .sign = hsm_key_sign,
    .decrypt = hsm_key_decrypt,
    .derive = hsm_key_derive,
    .free = hsm_key_free,
};

/* ---- in a session ---- */

/* One call for what has to be known of the private object before anything
 * else is read: each is a round trip to a network HSM. */
static CK_RV read_private(const struct hsm_session *session,
                          struct hsm_located *l, CK_KEY_TYPE *type)
{
    CK_BBOOL always = CK_FALSE;
    CK_ATTRIBUTE rows[] = {
        {CKA_KEY_TYPE, type, sizeof(*type)},
        {CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always)},
        {CKA_ALLOWED_MECHANISMS, l->allowed, sizeof(l->allowed)}};
    CK_RV rv = hsm_attributes(session, l->found.private, rows, 3);

    l->always_authenticate =
        rows[1].ulValueLen == sizeof(always) && always == CK_TRUE;
    l->allowed_len = rows[2].ulValueLen;
    return rv;
}

/* The public half. A private RSA key tells it, and tells better: it is the
 * key that will be used, with its restrictions. Few tokens keep the point of
 * an elliptic curve there. */
static CK_RV read_public(const struct hsm_session *session, CK_KEY_TYPE type,
                         struct hsm_located *l)
{
    const struct hsm_found *found = &l->found;
    const bool rsa = type == CKK_RSA;
    const CK_OBJECT_HANDLE tellers[] = {rsa ? found->private : found->public,
                                        rsa ? found->public : found->cert,
                                        rsa ? found->cert : found->private};
    CK_RV rv = CKR_ATTRIBUTE_TYPE_INVALID;
    size_t i;

    for (i = 0; i < 3 && rv == CKR_ATTRIBUTE_TYPE_INVALID; i++)
        if (tellers[i] != CK_INVALID_HANDLE)
            rv = hsm_public_of(session, tellers[i], &l->spki);
    return rv;
}

CK_RV hsm_key_locate(const struct hsm_session *session,
                     const struct hsm_name *name, struct hsm_located *l)
{
    struct hsm_found *found = &l->found;
    CK_KEY_TYPE type = 0;
    CK_RV rv = hsm_find_key(session, name, HSM_PRIVATE, found);

    if (rv != CKR_OK || found->n_keys != 1 ||
        found->private == CK_INVALID_HANDLE)
        return rv;
    rv = read_private(session, l, &type);
    if (rv == CKR_OK)
        rv = read_public(session, type, l);
    if (rv != CKR_ATTRIBUTE_TYPE_INVALID)
        return rv;
    /* What has the same id may have another label. */
    rv =
        hsm_find_key(session, name, HSM_PRIVATE | HSM_PUBLIC | HSM_CERT, found);
    return rv == CKR_OK ? read_public(session, type, l) : rv;
}

struct opening {
    const struct hsm_name *name;
    struct hsm_located l;
    unsigned long epoch;
    bool located; /* as far as the token goes */
};

static CK_RV open_task(const struct hsm_session *session, void *arg)
{
    struct opening *o = arg;
    CK_RV rv;

    ks_buf_clear(&o->l.spki);
    o->epoch = session->epoch;
    rv = hsm_key_locate(session, o->name, &o->l);
    o->located = rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID;
    return rv;
}

/* ---- out of it ---- */

static ks_rc no_private(const struct opening *o, struct hsm_token *token,
                        const char *whose, struct ks_err *err)
{
    if (hsm_is_so(token))
        ks_hint(err, "the security officer is logged in, who sees no private "
                     "keys: give the user PIN (user_pin)");
    else
        ks_hint(err, "there is its %s only",
                o->l.found.public != CK_INVALID_HANDLE ? "public key"
                                                       : "certificate");
    return ks_fail(err, KS_E_NOT_FOUND,
                   "%s: token \"%s\" shows no private key of that name", whose,
                   hsm_token_label(token));
}

static ks_rc check_opening(const struct opening *o, CK_RV rv,
                           struct hsm_token *token, const char *whose,
                           struct ks_err *err)
{
    ks_rc rc;

    if (!o->located)
        return hsm_ckr_fail(err, rv, "%s: looking for the key on token \"%s\"",
                            whose, hsm_token_label(token));
    rc = hsm_found_check(&o->l.found, token, whose, err);
    if (rc == KS_E_NOT_FOUND)
        return ks_fail(err, rc, "%s: token \"%s\" has no such key", whose,
                       hsm_token_label(token));
    if (rc != KS_OK)
        return rc;
    if (o->l.found.private == CK_INVALID_HANDLE)
        return no_private(o, token, whose, err);
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID) {
        ks_hint(err, "write its public key or certificate to the token, with "
                     "the same CKA_ID");
        return ks_fail(err, KS_E_DAMAGED,
                       "%s: token \"%s\" has no public half of the key", whose,
                       hsm_token_label(token));
    }
    if (rv != CKR_OK)
        return hsm_ckr_fail(err, rv, "%s: reading the key on token \"%s\"",
                            whose, hsm_token_label(token));
    return KS_OK;
}

/* The name that finds the key again: with its id, where it has one. */
static bool copy_name(struct hsm_name *to, const struct hsm_name *from,
                      const struct hsm_found *found)
{
    to->label = OPENSSL_strdup(from->label);
    if (found->id_len != 0) {
        to->id = OPENSSL_memdup(found->id, found->id_len);
        to->id_len = found->id_len;
    }
    return to->label != NULL && (found->id_len == 0 || to->id != NULL);
}

static struct hsm_key *key_new(const struct opening *o, struct hsm_token *token,
                               const char *whose, OSSL_LIB_CTX *libctx,
                               const char *propq)
{
    struct hsm_key *key = OPENSSL_zalloc(sizeof(*key));

    if (key == NULL)
        return NULL;
    hsm_token_ref(token);
    key->token = token;
    key->libctx = libctx;
    key->always_authenticate = o->l.always_authenticate;
    atomic_flag_clear(&key->writing);
    atomic_init(&key->object_epoch, o->epoch);
    atomic_init(&key->object, o->l.found.private);
    key->whose = OPENSSL_strdup(whose);
    key->propq = propq == NULL ? NULL : OPENSSL_strdup(propq);
    if (key->whose == NULL || (propq != NULL && key->propq == NULL) ||
        !copy_name(&key->name, o->name, &o->l.found) ||
        ks_buf_set(&key->spki, o->l.spki.data, o->l.spki.len) != KS_OK ||
        ks_buf_set(&key->allowed, o->l.allowed, o->l.allowed_len) != KS_OK) {
        hsm_key_free(key);
        return NULL;
    }
    return key;
}

ks_rc hsm_key_open(struct hsm_token *token, const struct hsm_name *name,
                   const char *whose, OSSL_LIB_CTX *libctx, const char *propq,
                   void **out, struct ks_buf *spki, struct ks_err *err)
{
    struct opening o = {.name = name};
    struct hsm_key *key = NULL;
    CK_RV rv = hsm_run(token, HSM_READ, open_task, &o);
    ks_rc rc = check_opening(&o, rv, token, whose, err);

    if (rc != KS_OK)
        goto out;
    key = key_new(&o, token, whose, libctx, propq);
    if (key == NULL) {
        rc = ks_fail(err, KS_E_NOMEM, "out of memory");
        goto out;
    }
    rc = hsm_shape_read(&key->spki, whose, libctx, propq, &key->shape, err);
    if (rc != KS_OK)
        goto out;
    *spki = o.l.spki;
    o.l.spki = (struct ks_buf){0}; /* given to the caller */
    *out = key;
    key = NULL; /* given to the caller */
out:
    hsm_key_free(key);
    ks_buf_clear(&o.l.spki);
    return rc;
}

bool hsm_key_wants_pin(const void *key)
{
    return ((const struct hsm_key *)key)->always_authenticate;
}

void hsm_key_free(void *vkey)
{
    struct hsm_key *key = vkey;

    if (key == NULL)
        return;
    hsm_shape_clear(&key->shape);
    hsm_name_clear(&key->name);
    ks_buf_clear(&key->spki);
    ks_buf_clear(&key->allowed);
    OPENSSL_free(key->whose);
    OPENSSL_free(key->propq);
    hsm_token_put(key->token);
    OPENSSL_free(key);
}
