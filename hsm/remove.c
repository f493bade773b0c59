/*
 * Removing a key: its private half first, so that what an interruption leaves
 * behind is no secret and is found by the same name again.
 */
#include "remove.h"

#include <openssl/crypto.h>

#include "turn.h"

struct removal {
    const struct hsm_name *key;
    struct hsm_found found;
};

static CK_RV destroy(const struct hsm_session *session, CK_OBJECT_HANDLE object)
{
    CK_RV rv;

    if (object == CK_INVALID_HANDLE)
        return CKR_OK;
    hsm_token_change_begin(session->token);
    rv = session->f->C_DestroyObject(session->handle, object);
    hsm_token_change_end(session->token);
    return rv;
}

/* Those with the key's id; without an id the one that has its label. */
static CK_RV destroy_certs(const struct hsm_session *session,
                           const struct hsm_found *found)
{
    const struct hsm_query query = {.has_class = true,
                                    .class = CKO_CERTIFICATE,
                                    .id = found->id,
                                    .id_len = found->id_len};
    CK_OBJECT_HANDLE *handles = NULL;
    size_t n = 0;
    CK_RV rv;

    if (found->id_len == 0)
        return destroy(session, found->cert);
    rv = hsm_find_all(session, &query, &handles, &n);
    for (size_t i = 0; rv == CKR_OK && i < n; i++)
        rv = destroy(session, handles[i]);
    OPENSSL_free(handles);
    return rv;
}

static CK_RV remove_all(const struct hsm_session *session, void *arg)
{
    struct removal *removal = arg;
    CK_RV rv = hsm_find_key(session, removal->key, HSM_PRIVATE | HSM_PUBLIC,
                            &removal->found);

    if (rv != CKR_OK || removal->found.n_keys != 1)
        return rv;
    rv = destroy(session, removal->found.private);
    if (rv == CKR_OK)
        rv = destroy(session, removal->found.public);
    if (rv == CKR_OK)
        rv = destroy_certs(session, &removal->found);
    return rv;
}

ks_rc hsm_remove(const struct hsm_target *target, struct ks_err *err)
{
    struct removal removal = {.key = &target->key};
    struct hsm_turn turn;
    CK_RV rv;

    hsm_turn_take(target->hit.token, &turn);
    rv = hsm_run(target->hit.token, HSM_WRITE, remove_all, &removal);
    hsm_turn_give(&turn);
    if (rv != CKR_OK)
        return hsm_target_fail(target, rv, "removal", err);
    return hsm_found_check(&removal.found, target->hit.token, target->whose,
                           err);
}
