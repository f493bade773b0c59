/*
 * Keys from outside: C_CreateObject of the private half, then of the public
 * one; the first goes again if the second fails. A death in between leaves a
 * key that works and lacks its public object, not one that has nothing else.
 */
#include "import.h"

#include <openssl/asn1.h>
#include <openssl/crypto.h>

#include "create.h"
#include "curve.h"
#include "material.h"

static const CK_ATTRIBUTE_TYPE rsa_types[HSM_MATERIAL_PARTS] = {
    CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
    CKA_PRIME_2, CKA_EXPONENT_1,      CKA_EXPONENT_2,       CKA_COEFFICIENT};

struct parcel {
    struct hsm_plan plan;
    struct hsm_material material;
    struct ks_buf wrapped; /* the point in an OCTET STRING */
};

static void add_kind(struct hsm_template *t, const CK_OBJECT_CLASS *class,
                     const struct hsm_plan *plan)
{
    hsm_template_add(t, CKA_CLASS, class, sizeof(*class));
    hsm_template_add(t, CKA_KEY_TYPE, &plan->make->type,
                     sizeof(plan->make->type));
}

static CK_RV put(const struct hsm_session *session, struct hsm_template *t,
                 CK_OBJECT_HANDLE *object)
{
    CK_RV rv;

    hsm_token_change_begin(session->token);
    rv = session->f->C_CreateObject(session->handle, t->rows, t->n, object);
    hsm_token_change_end(session->token);
    return rv;
}

static CK_RV put_private(const struct hsm_session *session,
                         const struct hsm_plan *plan,
                         const struct parcel *parcel, CK_OBJECT_HANDLE *object)
{
    static const CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    const struct hsm_material *m = &parcel->material;
    struct hsm_template t;

    hsm_template_private(plan, &t);
    add_kind(&t, &class, plan);
    if (plan->make->type == CKK_RSA) {
        for (size_t i = 0; i < HSM_MATERIAL_PARTS; i++)
            hsm_template_add(&t, rsa_types[i], m->parts[i].data,
                             m->parts[i].len);
    } else {
        hsm_template_add(&t, CKA_EC_PARAMS, m->params.data, m->params.len);
        hsm_template_add(&t, CKA_VALUE, m->parts[0].data, m->parts[0].len);
    }
    return put(session, &t, object);
}

static CK_RV put_public(const struct hsm_session *session,
                        const struct hsm_plan *plan,
                        const struct parcel *parcel, const struct ks_buf *point,
                        CK_OBJECT_HANDLE *object)
{
    static const CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    const struct hsm_material *m = &parcel->material;
    struct hsm_template t;

    hsm_template_public(plan, &t);
    add_kind(&t, &class, plan);
    if (plan->make->type == CKK_RSA) {
        for (size_t i = 0; i < 2; i++)
            hsm_template_add(&t, rsa_types[i], m->parts[i].data,
                             m->parts[i].len);
    } else {
        hsm_template_add(&t, CKA_EC_PARAMS, m->params.data, m->params.len);
        hsm_template_add(&t, CKA_EC_POINT, point->data, point->len);
    }
    return put(session, &t, object);
}

static CK_RV put_both(const struct hsm_session *session,
                      const struct hsm_plan *plan, const struct parcel *parcel,
                      struct hsm_pair *pair)
{
    CK_RV rv = put_private(session, plan, parcel, &pair->private);

    if (rv != CKR_OK) {
        pair->private = CK_INVALID_HANDLE;
        return rv;
    }
    rv = put_public(session, plan, parcel, &parcel->wrapped, &pair->public);
    /* PKCS#11 3.0, 2.3.5: points of these curves are bare. Most tokens keep
     * them wrapped all the same. */
    if (hsm_is_about_template(rv) &&
        hsm_curve_is_named_by_key(parcel->material.curve))
        rv = put_public(session, plan, parcel, &parcel->material.point,
                        &pair->public);
    if (rv != CKR_OK) {
        pair->public = CK_INVALID_HANDLE;
        hsm_pair_destroy(session, pair);
    }
    return rv;
}

static CK_RV put_plainly(const struct hsm_session *session,
                         const struct hsm_plan *plan,
                         const struct parcel *parcel, struct hsm_pair *pair)
{
    struct hsm_plan quiet = *plan;
    CK_RV rv = put_both(session, plan, parcel, pair), second;

    if (!hsm_is_about_template(rv))
        return rv;
    quiet.outspoken = false;
    second = put_both(session, &quiet, parcel, pair);
    return second == CKR_OK ? second : rv;
}

static CK_RV make_pair(const struct hsm_session *session,
                       const struct hsm_plan *plan, void *arg,
                       struct hsm_pair *pair)
{
    struct hsm_make make = *plan->make;
    struct hsm_plan other = *plan;
    CK_RV rv = put_plainly(session, plan, arg, pair), second;

    if (rv == CKR_OK || !make.as_edwards)
        return rv;
    make.type = CKK_EC_EDWARDS;
    other.make = &make;
    second = put_plainly(session, &other, arg, pair);
    return second == CKR_OK ? second : rv;
}

static ks_rc wrap_point(struct parcel *parcel, struct ks_err *err)
{
    const struct ks_buf *point = &parcel->material.point;
    ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
    uint8_t *der = NULL;
    int len = -1;

    if (string != NULL &&
        ASN1_OCTET_STRING_set(string, point->data, (int)point->len))
        len = i2d_ASN1_OCTET_STRING(string, &der);
    ASN1_OCTET_STRING_free(string);
    if (len <= 0)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    parcel->wrapped = (struct ks_buf){der, (size_t)len};
    return KS_OK;
}

ks_rc hsm_import(const struct hsm_target *target, const struct ks_buf *spki,
                 const struct ks_secret *pkcs8, unsigned usage,
                 const struct ks_ask *ask, struct ks_err *err)
{
    struct parcel parcel = {.plan = {.outspoken = true}};
    struct ks_buf seen = {0};
    ks_rc rc = hsm_material_read(target, spki, pkcs8, &parcel.material, err);

    if (rc == KS_OK) {
        parcel.plan.make = parcel.material.make;
        parcel.plan.expected = &parcel.material.spki;
        rc = hsm_make_usage(parcel.plan.make, usage, target->whose,
                            &parcel.plan.usage, err);
    }
    if (rc == KS_OK && parcel.material.point.len > 0)
        rc = wrap_point(&parcel, err);
    if (rc == KS_OK)
        rc = hsm_target_login(target, ask, err);
    if (rc == KS_OK)
        rc = hsm_create(target, &parcel.plan, make_pair, &parcel, &seen, err);
    ks_buf_clear(&seen);
    ks_buf_clear(&parcel.wrapped);
    hsm_material_clear(&parcel.material);
    return rc;
}
