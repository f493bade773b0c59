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

/* More allowed mechanisms than this are no restriction to speak of. */
#define ALLOWED_MAX 64

const struct ks_key_ops hsm_key_ops = {
    .sign = hsm_key_sign,
    .decrypt = hsm_key_decrypt,
    .derive = hsm_key_derive,
    .free = hsm_key_free,
};

/* ---- in a session ---- */

/* The public half: the private object's own word comes first, as that is the
 * key that will be used; but few tokens keep an EC point there. */
static CK_RV read_public(const struct hsm_session *session,
                         const struct hsm_found *found, struct ks_buf *spki)
{
    const CK_OBJECT_HANDLE tellers[] = {found->private, found->public,
                                        found->cert};
    CK_RV rv = CKR_ATTRIBUTE_TYPE_INVALID;
    size_t i;

    for (i = 0; i < 3 && rv == CKR_ATTRIBUTE_TYPE_INVALID; i++)
        if (tellers[i] != CK_INVALID_HANDLE)
            rv = hsm_public_of(session, tellers[i], spki);
    return rv;
}

CK_RV hsm_key_locate(const struct hsm_session *session,
                     const struct hsm_name *name, struct hsm_found *found,
                     struct ks_buf *spki)
{
    CK_RV rv = hsm_find_key(session, name, HSM_PRIVATE, found);

    if (rv != CKR_OK || found->n_keys != 1 ||
        found->private == CK_INVALID_HANDLE)
        return rv;
    rv = read_public(session, found, spki);
    if (rv != CKR_ATTRIBUTE_TYPE_INVALID)
        return rv;
    rv =
        hsm_find_key(session, name, HSM_PRIVATE | HSM_PUBLIC | HSM_CERT, found);
    return rv == CKR_OK ? read_public(session, found, spki) : rv;
}

struct opening {
    const struct hsm_name *name;
    struct hsm_found found;
    struct ks_buf spki;
    unsigned long epoch;
    bool always_authenticate;
    CK_MECHANISM_TYPE allowed[ALLOWED_MAX];
    size_t allowed_len;
    bool located;
};

static CK_RV read_limits(struct opening *o, const struct hsm_session *session)
{
    CK_BBOOL always = CK_FALSE;
    CK_ATTRIBUTE rows[] = {
        {CKA_ALWAYS_AUTHENTICATE, &always, sizeof(always)},
        {CKA_ALLOWED_MECHANISMS, o->allowed, sizeof(o->allowed)}};
    CK_RV rv = hsm_attributes(session, o->found.private, rows, 2);

    o->always_authenticate =
        rows[0].ulValueLen == sizeof(always) && always == CK_TRUE;
    o->allowed_len = rows[1].ulValueLen;
    return rv;
}

static CK_RV open_task(const struct hsm_session *session, void *arg)
{
    struct opening *o = arg;
    CK_RV rv;

    ks_buf_clear(&o->spki);
    o->located = false;
    o->epoch = session->epoch;
    rv = hsm_key_locate(session, o->name, &o->found, &o->spki);
    o->located = rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID;
    if (rv == CKR_OK && o->spki.len != 0)
        rv = read_limits(o, session);
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
                o->found.public != CK_INVALID_HANDLE ? "public key"
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
    rc = hsm_found_check(&o->found, token, whose, err);
    if (rc != KS_OK)
        return rc;
    if (o->found.private == CK_INVALID_HANDLE)
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
    key->always_authenticate = o->always_authenticate;
    atomic_flag_clear(&key->writing);
    atomic_init(&key->object_epoch, o->epoch);
    atomic_init(&key->object, o->found.private);
    key->whose = OPENSSL_strdup(whose);
    key->propq = propq == NULL ? NULL : OPENSSL_strdup(propq);
    if (key->whose == NULL || (propq != NULL && key->propq == NULL) ||
        !copy_name(&key->name, o->name, &o->found) ||
        ks_buf_set(&key->spki, o->spki.data, o->spki.len) != KS_OK ||
        ks_buf_set(&key->allowed, o->allowed, o->allowed_len) != KS_OK) {
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
    *spki = o.spki;
    o.spki = (struct ks_buf){0}; /* given to the caller */
    *out = key;
    key = NULL; /* given to the caller */
out:
    hsm_key_free(key);
    ks_buf_clear(&o.spki);
    return rc;
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
