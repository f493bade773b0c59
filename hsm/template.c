/*
 * Attributes of new keys, by table.
 */
#include "template.h"

#include <string.h>

static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* CKA_ALLOWED_MECHANISMS of a key for PSS (RFC 4055, 1.2). */
static const CK_MECHANISM_TYPE pss_mechanisms[] = {
    CKM_RSA_PKCS_PSS,        CKM_SHA1_RSA_PKCS_PSS,   CKM_SHA224_RSA_PKCS_PSS,
    CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS};

/* One attribute that says what a half may be used for. */
struct use {
    CK_ATTRIBUTE_TYPE type;
    unsigned usage; /* yes if the key has it; 0: always no */
    bool all;       /* every token knows it for every kind of key */
};

static const struct use private_uses[] = {
    {CKA_SIGN, KS_USAGE_SIGN, true},
    {CKA_DECRYPT, KS_USAGE_DECRYPT, false},
    {CKA_DERIVE, KS_USAGE_DERIVE, false},
    {CKA_UNWRAP, 0, false},
    {CKA_SIGN_RECOVER, 0, false},
};
static const struct use public_uses[] = {
    {CKA_VERIFY, KS_USAGE_SIGN, true},
    {CKA_ENCRYPT, KS_USAGE_DECRYPT, false},
    {CKA_WRAP, 0, false},
    {CKA_VERIFY_RECOVER, 0, false},
};

void hsm_template_add(struct hsm_template *t, CK_ATTRIBUTE_TYPE type,
                      const void *value, size_t len)
{
    t->rows[t->n++] = (CK_ATTRIBUTE){type, (void *)value, (CK_ULONG)len};
}

static void add_bool(struct hsm_template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
    hsm_template_add(t, type, value ? &yes : &no, sizeof(yes));
}

static void add_common(const struct hsm_plan *plan, const struct use *uses,
                       size_t n_uses, struct hsm_template *t)
{
    t->n = 0;
    add_bool(t, CKA_TOKEN, true);
    hsm_template_add(t, CKA_LABEL, plan->name->label,
                     strlen(plan->name->label));
    hsm_template_add(t, CKA_ID, plan->name->id, plan->name->id_len);
    for (size_t i = 0; i < n_uses; i++) {
        bool asked = (plan->usage & uses[i].usage) != 0;

        if (asked || uses[i].all || plan->outspoken)
            add_bool(t, uses[i].type, asked);
    }
    if (plan->make->pss_only)
        hsm_template_add(t, CKA_ALLOWED_MECHANISMS, pss_mechanisms,
                         sizeof(pss_mechanisms));
}

void hsm_template_private(const struct hsm_plan *plan, struct hsm_template *t)
{
    add_common(plan, private_uses,
               sizeof(private_uses) / sizeof(private_uses[0]), t);
    add_bool(t, CKA_PRIVATE, true);
    add_bool(t, CKA_SENSITIVE, true);
    add_bool(t, CKA_EXTRACTABLE, false);
}

void hsm_template_public(const struct hsm_plan *plan, struct hsm_template *t)
{
    add_common(plan, public_uses, sizeof(public_uses) / sizeof(public_uses[0]),
               t);
    add_bool(t, CKA_PRIVATE, false);
}
