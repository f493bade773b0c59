/*
 * Kinds of keys, and what each can be asked for.
 */
#include "kind.h"

#include <strings.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "curve.h"

static const struct hsm_make makes[] = {
    {"RSA", CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, false, NID_undef,
     KS_USAGE_SIGN | KS_USAGE_DECRYPT, false},
    {"RSA-PSS", CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, false, NID_undef,
     KS_USAGE_SIGN, true},
    {"EC", CKK_EC, CKM_EC_KEY_PAIR_GEN, false, NID_undef,
     KS_USAGE_SIGN | KS_USAGE_DERIVE, false},
    {"ED25519", CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN, false, NID_ED25519,
     KS_USAGE_SIGN, false},
    {"ED448", CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN, false, NID_ED448,
     KS_USAGE_SIGN, false},
    {"X25519", CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, true,
     NID_X25519, KS_USAGE_DERIVE, false},
    {"X448", CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, true, NID_X448,
     KS_USAGE_DERIVE, false},
};

const struct hsm_make *hsm_make_find(const char *algorithm)
{
    for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++)
        if (strcasecmp(makes[i].algorithm, algorithm) == 0)
            return &makes[i];
    return NULL;
}

static const struct {
    unsigned bit;
    const char *word;
} usages[] = {{KS_USAGE_SIGN, "sign"},
              {KS_USAGE_DECRYPT, "decrypt"},
              {KS_USAGE_DERIVE, "derive"}};

ks_rc hsm_make_usage(const struct hsm_make *make, unsigned wanted,
                     const char *whose, unsigned *usage, struct ks_err *err)
{
    unsigned known = 0;

    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        known |= usages[i].bit;
        if ((wanted & usages[i].bit) != 0 && (make->usage & usages[i].bit) == 0)
            return ks_fail(err, KS_E_INVALID, "%s: %s keys cannot %s", whose,
                           make->algorithm, usages[i].word);
    }
    if ((wanted & ~known) != 0)
        return ks_fail(err, KS_E_INVALID, "%s: unknown usage 0x%x", whose,
                       wanted & ~known);
    if (wanted == 0)
        wanted =
            (make->usage & KS_USAGE_SIGN) != 0 ? KS_USAGE_SIGN : make->usage;
    *usage = wanted;
    return KS_OK;
}

ks_rc hsm_make_curve(const struct hsm_make *make, const char *group,
                     const char *whose, int *nid, struct ks_err *err)
{
    EC_GROUP *known = NULL;
    int found;

    *nid = make->curve;
    if (make->type != CKK_EC)
        return KS_OK;
    if (group == NULL)
        return ks_fail(err, KS_E_INVALID,
                       "%s: an EC key needs a curve (group), such as P-256",
                       whose);
    ERR_set_mark();
    found = hsm_curve_by_name(group);
    if (found != NID_undef && found != NID_sm2)
        known = EC_GROUP_new_by_curve_name(found);
    ERR_pop_to_mark();
    if (known == NULL)
        return ks_fail(err, KS_E_UNSUPPORTED,
                       "%s: \"%s\" is no curve for "
                       "EC keys",
                       whose, group);
    EC_GROUP_free(known);
    *nid = found;
    return KS_OK;
}
