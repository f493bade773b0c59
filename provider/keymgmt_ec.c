/*
 * KEYMGMT of EC: the parameters that default's has, and ours.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "algs.h"
#include "key.h"
#include "keymgmt.h"
#include "params.h"

static OSSL_FUNC_keymgmt_new_fn ec_new;
static OSSL_FUNC_keymgmt_gen_init_fn ec_gen_init;
static OSSL_FUNC_keymgmt_gen_settable_params_fn ec_gen_settable;
static OSSL_FUNC_keymgmt_gettable_params_fn ec_gettable;
static OSSL_FUNC_keymgmt_settable_params_fn ec_settable;
static OSSL_FUNC_keymgmt_import_types_fn ec_import_types;
static OSSL_FUNC_keymgmt_export_types_fn ec_export_types;
static OSSL_FUNC_keymgmt_query_operation_name_fn ec_operation;

/* SEC 1, 3.1: a named curve, or its explicit parameters. */
#define EC_DOMAIN                                                              \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),               \
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),          \
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,     \
                               NULL, 0),                                       \
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_FIELD_TYPE, NULL, 0),        \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_P, NULL, 0),                          \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_A, NULL, 0),                          \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_B, NULL, 0),                          \
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_EC_GENERATOR, NULL, 0),        \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_ORDER, NULL, 0),                      \
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_COFACTOR, NULL, 0),                   \
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_EC_SEED, NULL, 0)

#define EC_EXPLICIT                                                            \
    OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, NULL)

#define EC_PUBLIC OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0)
#define EC_PRIVATE OSSL_PARAM_BN(OSSL_PKEY_PARAM_PRIV_KEY, NULL, 0)
#define EC_OTHER                                                               \
    OSSL_PARAM_int(OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, NULL),                   \
        OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, NULL)

static void *ec_new(void *provctx)
{
    return prov_key_new(provctx, "EC");
}

static void *ec_gen_init(void *provctx, int selection,
                         const OSSL_PARAM params[])
{
    return prov_keymgmt_gen_init(provctx, "EC", selection, params);
}

static const OSSL_PARAM *ec_gen_settable(void *genctx, void *provctx)
{
    static const OSSL_PARAM params[] = {
        EC_DOMAIN, OSSL_PARAM_int(OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, NULL),
#ifdef OSSL_PKEY_PARAM_DHKEM_IKM
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_DHKEM_IKM, NULL, 0),
#endif
        PROV_PARAMS_CREATE, OSSL_PARAM_END};

    (void)genctx;
    (void)provctx;
    return params;
}

static const OSSL_PARAM *ec_gettable(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        EC_DOMAIN,
        EC_EXPLICIT,
        EC_PUBLIC,
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, NULL, 0),
        EC_PRIVATE,
        EC_OTHER,
        OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_CHAR2_M, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_CHAR2_TYPE, NULL, 0),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_CHAR2_TP_BASIS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_CHAR2_PP_K1, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_CHAR2_PP_K2, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_CHAR2_PP_K3, NULL),
        PROV_PARAMS_GET,
        OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static const OSSL_PARAM *ec_settable(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, NULL),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL,
                               0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_EC_SEED, NULL, 0),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_GROUP_CHECK_TYPE, NULL, 0),
        PROV_PARAMS_SET,
        OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static const OSSL_PARAM *ec_import_types(int selection)
{
    static const OSSL_PARAM domain[] = {EC_DOMAIN, EC_EXPLICIT, EC_OTHER,
                                        OSSL_PARAM_END};
    static const OSSL_PARAM pair[] = {
        EC_DOMAIN, EC_EXPLICIT,        EC_PUBLIC,     EC_PRIVATE,
        EC_OTHER,  PROV_PARAMS_IMPORT, OSSL_PARAM_END};

    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
        return pair;
    return (selection & OSSL_KEYMGMT_SELECT_ALL_PARAMETERS) != 0 ? domain
                                                                 : NULL;
}

static const OSSL_PARAM *ec_export_types(int selection)
{
    static const OSSL_PARAM domain[] = {EC_DOMAIN, EC_EXPLICIT, EC_OTHER,
                                        OSSL_PARAM_END};
    static const OSSL_PARAM public[] = {EC_DOMAIN, EC_EXPLICIT, EC_PUBLIC,
                                        EC_OTHER, OSSL_PARAM_END};
    static const OSSL_PARAM pair[] = {EC_DOMAIN,  EC_EXPLICIT, EC_PUBLIC,
                                      EC_PRIVATE, EC_OTHER,    OSSL_PARAM_END};

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return pair;
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0)
        return public;
    return (selection & OSSL_KEYMGMT_SELECT_ALL_PARAMETERS) != 0 ? domain
                                                                 : NULL;
}

static const char *ec_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE || operation == OSSL_OP_KEYEXCH
               ? PROV_OPERATION_NAME
               : NULL;
}

const OSSL_DISPATCH prov_keymgmt_ec_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))ec_new},
    {OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))ec_gen_init},
    {OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, (void (*)(void))ec_gen_settable},
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))ec_gettable},
    {OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, (void (*)(void))ec_settable},
    {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))ec_import_types},
    {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))ec_export_types},
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))ec_operation},
    PROV_KEYMGMT_SHARED_ROWS,
    {0, NULL}};
