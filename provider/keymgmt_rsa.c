/*
 * KEYMGMT of RSA and RSA-PSS: the parameters that default's have, and ours.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "algs.h"
#include "key.h"
#include "keymgmt.h"
#include "params.h"

static OSSL_FUNC_keymgmt_new_fn rsa_new;
static OSSL_FUNC_keymgmt_new_fn rsapss_new;
static OSSL_FUNC_keymgmt_gen_init_fn rsa_gen_init;
static OSSL_FUNC_keymgmt_gen_init_fn rsapss_gen_init;
static OSSL_FUNC_keymgmt_gen_settable_params_fn rsa_gen_settable;
static OSSL_FUNC_keymgmt_gen_settable_params_fn rsapss_gen_settable;
static OSSL_FUNC_keymgmt_gettable_params_fn rsa_gettable;
static OSSL_FUNC_keymgmt_settable_params_fn rsa_settable;
static OSSL_FUNC_keymgmt_import_types_fn rsa_import_types;
static OSSL_FUNC_keymgmt_export_types_fn rsa_export_types;
static OSSL_FUNC_keymgmt_query_operation_name_fn rsa_operation;
static OSSL_FUNC_keymgmt_query_operation_name_fn rsapss_operation;

/* RFC 8017 keys with more than two primes are as rare as they are real:
 * default takes up to ten. */
#define RSA_NUMBERS                                                            \
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),                             \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),                         \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_D, NULL, 0),                         \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR1, NULL, 0),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR2, NULL, 0),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR3, NULL, 0),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR4, NULL, 0),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR5, NULL, 0),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR6, NULL, 0),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR7, NULL, 0),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR8, NULL, 0),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR9, NULL, 0),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_FACTOR10, NULL, 0),                  \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT1, NULL, 0),                 \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT2, NULL, 0),                 \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT3, NULL, 0),                 \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT4, NULL, 0),                 \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT5, NULL, 0),                 \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT6, NULL, 0),                 \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT7, NULL, 0),                 \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT8, NULL, 0),                 \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT9, NULL, 0),                 \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_EXPONENT10, NULL, 0),                \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, NULL, 0),              \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT2, NULL, 0),              \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT3, NULL, 0),              \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT4, NULL, 0),              \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT5, NULL, 0),              \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT6, NULL, 0),              \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT7, NULL, 0),              \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT8, NULL, 0),              \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_COEFFICIENT9, NULL, 0)

/* The restrictions of an RSA-PSS key (RFC 8017, A.2.3). */
#define PSS_RESTRICTIONS                                                       \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST, NULL, 0),               \
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST_PROPS, NULL, 0),     \
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_MASKGENFUNC, NULL, 0),      \
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, NULL, 0),      \
        OSSL_PARAM_int(OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, NULL)

#define RSA_GENERATION                                                         \
    OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_BITS, NULL),                         \
        OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_PRIMES, NULL),                   \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0)

static void *rsa_new(void *provctx)
{
    return prov_key_new(provctx, "RSA");
}

static void *rsapss_new(void *provctx)
{
    return prov_key_new(provctx, "RSA-PSS");
}

static void *rsa_gen_init(void *provctx, int selection,
                          const OSSL_PARAM params[])
{
    return prov_keymgmt_gen_init(provctx, "RSA", selection, params);
}

static void *rsapss_gen_init(void *provctx, int selection,
                             const OSSL_PARAM params[])
{
    return prov_keymgmt_gen_init(provctx, "RSA-PSS", selection, params);
}

static const OSSL_PARAM *rsa_gen_settable(void *genctx, void *provctx)
{
    static const OSSL_PARAM params[] = {RSA_GENERATION, PROV_PARAMS_CREATE,
                                        OSSL_PARAM_END};

    (void)genctx;
    (void)provctx;
    return params;
}

static const OSSL_PARAM *rsapss_gen_settable(void *genctx, void *provctx)
{
    static const OSSL_PARAM params[] = {RSA_GENERATION, PSS_RESTRICTIONS,
                                        PROV_PARAMS_CREATE, OSSL_PARAM_END};

    (void)genctx;
    (void)provctx;
    return params;
}

static const OSSL_PARAM *rsa_gettable(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        RSA_NUMBERS,
        PROV_PARAMS_GET,
        OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static const OSSL_PARAM *rsa_settable(void *provctx)
{
    static const OSSL_PARAM params[] = {PROV_PARAMS_SET, OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static const OSSL_PARAM *rsa_import_types(int selection)
{
    static const OSSL_PARAM params[] = {RSA_NUMBERS, PSS_RESTRICTIONS,
                                        PROV_PARAMS_IMPORT, OSSL_PARAM_END};

    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 ? params : NULL;
}

static const OSSL_PARAM *rsa_export_types(int selection)
{
    static const OSSL_PARAM params[] = {RSA_NUMBERS, PSS_RESTRICTIONS,
                                        OSSL_PARAM_END};

    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 ? params : NULL;
}

static const char *rsa_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE || operation == OSSL_OP_ASYM_CIPHER
               ? PROV_OPERATION_NAME
               : NULL;
}

static const char *rsapss_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? PROV_OPERATION_NAME : NULL;
}

#define RSA_ROWS                                                               \
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))rsa_gettable},         \
        {OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, (void (*)(void))rsa_settable},     \
        {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))rsa_import_types},    \
    {                                                                          \
        OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))rsa_export_types       \
    }

const OSSL_DISPATCH prov_keymgmt_rsa_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))rsa_new},
    {OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))rsa_gen_init},
    {OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, (void (*)(void))rsa_gen_settable},
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))rsa_operation},
    RSA_ROWS,
    PROV_KEYMGMT_SHARED_ROWS,
    {0, NULL}};

const OSSL_DISPATCH prov_keymgmt_rsapss_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))rsapss_new},
    {OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))rsapss_gen_init},
    {OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS,
     (void (*)(void))rsapss_gen_settable},
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))rsapss_operation},
    RSA_ROWS,
    PROV_KEYMGMT_SHARED_ROWS,
    {0, NULL}};
