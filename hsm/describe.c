/*
 * Facts about a private key, from its attributes. What the token does not
 * tell is left out: silence is no "no".
 */
#include "describe.h"

#include <string.h>

#include <openssl/crypto.h>

/* The attributes that are true or false. */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
    bool is_usage; /* told together, as "usage" */
} flags[] = {
    {CKA_SENSITIVE, "sensitive", false},
    {CKA_EXTRACTABLE, "extractable", false},
    {CKA_NEVER_EXTRACTABLE, "never-extractable", false},
    {CKA_ALWAYS_SENSITIVE, "always-sensitive", false},
    {CKA_LOCAL, "local", false},
    {CKA_ALWAYS_AUTHENTICATE, "always-authenticate", false},
    {CKA_SIGN, "sign", true},
    {CKA_DECRYPT, "decrypt", true},
    {CKA_DERIVE, "derive", true},
    {CKA_UNWRAP, "unwrap", true},
    {CKA_SIGN_RECOVER, "sign-recover", true},
};
#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

struct description {
    const struct hsm_name *key;
    struct hsm_found found;
    CK_BBOOL values[N_FLAGS];
    bool known[N_FLAGS];
    char label[KS_KEY_NAME_MAX + 1];
};

static CK_RV read_all(const struct hsm_session *session, void *arg)
{
    struct description *d = arg;
    CK_ATTRIBUTE rows[N_FLAGS + 1];
    CK_RV rv = hsm_find_key(session, d->key, HSM_PRIVATE, &d->found);

    if (rv != CKR_OK || d->found.n_keys != 1 ||
        d->found.private == CK_INVALID_HANDLE)
        return rv;
    for (size_t i = 0; i < N_FLAGS; i++)
        rows[i] =
            (CK_ATTRIBUTE){flags[i].type, &d->values[i], sizeof(d->values[i])};
    rows[N_FLAGS] = (CK_ATTRIBUTE){CKA_LABEL, d->label, sizeof(d->label) - 1};
    rv = hsm_attributes(session, d->found.private, rows, N_FLAGS + 1);
    for (size_t i = 0; i < N_FLAGS; i++)
        d->known[i] = rows[i].ulValueLen == sizeof(d->values[i]);
    d->label[rows[N_FLAGS].ulValueLen] = '\0';
    return rv;
}

static ks_rc tell_usage(const struct description *d, ks_fact_fn *each,
                        void *arg, struct ks_err *err)
{
    char text[64] = "";

    for (size_t i = 0; i < N_FLAGS; i++)
        if (flags[i].is_usage && d->known[i] && d->values[i] != CK_FALSE) {
            if (text[0] != '\0')
                (void)strcat(text, ",");
            (void)strcat(text, flags[i].name);
        }
    return each(arg, "usage", text[0] != '\0' ? text : "none", err);
}

static ks_rc tell_id(const struct description *d, ks_fact_fn *each, void *arg,
                     struct ks_err *err)
{
    static const char mark[] = ";id=";
    char *text = hsm_name_format("", d->found.id, d->found.id_len);
    ks_rc rc;

    if (text == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rc = d->found.id_len == 0 ? KS_OK
                              : each(arg, "id", text + strlen(mark), err);
    OPENSSL_free(text);
    return rc;
}

static ks_rc tell(const struct hsm_target *target, const struct description *d,
                  ks_fact_fn *each, void *arg, struct ks_err *err)
{
    ks_rc rc = each(arg, "token", hsm_token_label(target->hit.token), err);

    if (rc == KS_OK && d->label[0] != '\0')
        rc = each(arg, "label",
                  ks_key_name_check(d->label, NULL) == KS_OK ? d->label
                                                             : "(not a text)",
                  err);
    if (rc == KS_OK)
        rc = tell_id(d, each, arg, err);
    if (rc == KS_OK)
        rc = tell_usage(d, each, arg, err);
    for (size_t i = 0; rc == KS_OK && i < N_FLAGS; i++)
        if (!flags[i].is_usage && d->known[i])
            rc = each(arg, flags[i].name,
                      d->values[i] != CK_FALSE ? "yes" : "no", err);
    return rc;
}

ks_rc hsm_describe(const struct hsm_target *target, ks_fact_fn *each, void *arg,
                   struct ks_err *err)
{
    struct description d = {.key = &target->key};
    CK_RV rv = hsm_run(target->hit.token, HSM_READ, read_all, &d);
    ks_rc rc;

    if (rv != CKR_OK)
        return hsm_target_fail(target, rv, "attributes", err);
    rc = hsm_found_check(&d.found, target->hit.token, target->whose, err);
    if (rc == KS_OK && d.found.private == CK_INVALID_HANDLE)
        return ks_fail(err, KS_E_NOT_FOUND,
                       "%s: token \"%s\" shows no private half", target->whose,
                       hsm_token_label(target->hit.token));
    return rc == KS_OK ? tell(target, &d, each, arg, err) : rc;
}
