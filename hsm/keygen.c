/*
 * Keys made on the token, by C_GenerateKeyPair.
 */
#include "keygen.h"

#include <openssl/crypto.h>
#include <openssl/objects.h>

#include "create.h"
#include "curve.h"
#include "mech.h"

#define RSA_BITS_DEFAULT 3072
#define RSA_BITS_MIN 1024
#define RSA_BITS_MAX 16384

static const uint8_t f4[] = {0x01, 0x00, 0x01};

/* What SPEC asks for, in Cryptoki's words. */
struct order {
    struct hsm_plan plan;
    CK_MECHANISM_TYPE mechanism;
    CK_ULONG bits;
    int curve;
    struct ks_buf params;  /* the curve, by OID */
    struct ks_buf as_name; /* and by name, for tokens that want it so; empty
                              where there is none */
};

static void order_clear(struct order *order)
{
    ks_buf_clear(&order->params);
    ks_buf_clear(&order->as_name);
}

static ks_rc read_bits(const struct ks_keygen *spec, const char *whose,
                       CK_ULONG *bits, struct ks_err *err)
{
    *bits = spec->bits != 0 ? spec->bits : RSA_BITS_DEFAULT;
    if (*bits < RSA_BITS_MIN || *bits > RSA_BITS_MAX)
        return ks_fail(err, KS_E_INVALID,
                       "%s: an RSA key has %d to %d bits, not %lu", whose,
                       RSA_BITS_MIN, RSA_BITS_MAX, *bits);
    return KS_OK;
}

static ks_rc order_read(const struct ks_keygen *spec, const char *whose,
                        struct order *order, struct ks_err *err)
{
    const struct hsm_make *make = hsm_make_find(spec->algorithm);
    CK_RV rv = CKR_OK;
    ks_rc rc;

    if (make == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: no PKCS#11 token makes %s keys", whose,
                       spec->algorithm);
    order->plan = (struct hsm_plan){.make = make, .outspoken = true};
    rc = hsm_make_usage(make, spec->usage, whose, &order->plan.usage, err);
    if (rc != KS_OK)
        return rc;
    if (make->type == CKK_RSA)
        return read_bits(spec, whose, &order->bits, err);
    rc = hsm_make_curve(make, spec->group, whose, &order->curve, err);
    if (rc != KS_OK)
        return rc;
    rv = hsm_curve_params(order->curve, false, &order->params);
    if (rv == CKR_OK && hsm_curve_is_named_by_key(order->curve))
        rv = hsm_curve_params(order->curve, true, &order->as_name);
    return rv == CKR_OK ? KS_OK : ks_fail(err, KS_E_NOMEM, "out of memory");
}

/* What the token makes such keys by; false: nothing. */
static bool choose_mechanism(struct hsm_token *token, struct order *order)
{
    const struct hsm_make *make = order->plan.make;

    order->mechanism = make->mechanism;
    if (hsm_token_can(token, order->mechanism, CKF_GENERATE_KEY_PAIR))
        return true;
    order->mechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN;
    return make->as_edwards &&
           hsm_token_can(token, order->mechanism, CKF_GENERATE_KEY_PAIR);
}

ks_rc hsm_keygen_check(const struct hsm_target *target,
                       const struct ks_keygen *spec, struct ks_err *err)
{
    struct order order = {.plan = {0}};
    ks_rc rc = order_read(spec, target->whose, &order, err);

    if (rc == KS_OK && !choose_mechanism(target->hit.token, &order)) {
        ks_hint(err, "\"caadm backend check\" lists what the token can do");
        rc = ks_fail(err, KS_E_UNSUPPORTED,
                     "%s: token \"%s\" makes no %s keys: it lacks %s "
                     "(CKR_MECHANISM_INVALID)",
                     target->whose, hsm_token_label(target->hit.token),
                     order.plan.make->algorithm,
                     hsm_mech_name(order.plan.make->mechanism));
    }
    order_clear(&order);
    return rc;
}

static CK_RV generate(const struct hsm_session *session,
                      const struct hsm_plan *plan, const struct order *order,
                      const struct ks_buf *params, struct hsm_pair *pair)
{
    CK_MECHANISM mechanism = {order->mechanism, NULL, 0};
    struct hsm_template public, private;
    CK_RV rv;

    hsm_template_private(plan, &private);
    hsm_template_public(plan, &public);
    if (plan->make->type == CKK_RSA) {
        hsm_template_add(&public, CKA_MODULUS_BITS, &order->bits,
                         sizeof(order->bits));
        hsm_template_add(&public, CKA_PUBLIC_EXPONENT, f4, sizeof(f4));
    } else {
        hsm_template_add(&public, CKA_EC_PARAMS, params->data, params->len);
    }
    hsm_token_change_begin(session->token);
    rv = session->f->C_GenerateKeyPair(session->handle, &mechanism, public.rows,
                                       public.n, private.rows, private.n,
                                       &pair->public, &pair->private);
    hsm_token_change_end(session->token);
    return rv;
}

/* The token does not take the curve as it was written. */
static bool is_about_curve(CK_RV rv)
{
    return rv == CKR_CURVE_NOT_SUPPORTED || rv == CKR_DOMAIN_PARAMS_INVALID ||
           hsm_is_about_template(rv);
}

/* Asks for what is best, then for what older tokens take. */
static CK_RV make_pair(const struct hsm_session *session,
                       const struct hsm_plan *plan, void *arg,
                       struct hsm_pair *pair)
{
    const struct order *order = arg;
    struct hsm_plan quiet = *plan;
    CK_RV rv = generate(session, plan, order, &order->params, pair), second;

    quiet.outspoken = false;
    if (hsm_is_about_template(rv)) {
        second = generate(session, &quiet, order, &order->params, pair);
        rv = second == CKR_OK ? second : rv;
    }
    if (is_about_curve(rv) && order->as_name.len > 0) {
        second = generate(session, &quiet, order, &order->as_name, pair);
        rv = second == CKR_OK ? second : rv;
    }
    if (rv != CKR_OK)
        *pair = (struct hsm_pair){CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    return rv;
}

ks_rc hsm_keygen(const struct hsm_target *target, const struct ks_keygen *spec,
                 struct ks_buf *spki, struct ks_err *err)
{
    struct order order = {.plan = {0}};
    ks_rc rc = order_read(spec, target->whose, &order, err);

    /* A token that has neither says so itself. */
    if (rc == KS_OK && !choose_mechanism(target->hit.token, &order))
        order.mechanism = order.plan.make->mechanism;
    if (rc == KS_OK)
        rc = hsm_create(target, &order.plan, make_pair, &order, spki, err);
    order_clear(&order);
    return rc;
}
