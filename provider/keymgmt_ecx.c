/*
 * KEYMGMT of the Edwards and Montgomery keys (RFC 8032, RFC 7748): Ed25519,
 * Ed448, X25519, X448. The parameters that default's have, and ours.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "algs.h"
#include "key.h"
#include "keymgmt.h"
#include "params.h"

static OSSL_FUNC_keymgmt_new_fn ed25519_new;
static OSSL_FUNC_keymgmt_new_fn ed448_new;
static OSSL_FUNC_keymgmt_new_fn x25519_new;
static OSSL_FUNC_keymgmt_new_fn x448_new;
static OSSL_FUNC_keymgmt_gen_init_fn ed25519_gen_init;
static OSSL_FUNC_keymgmt_gen_init_fn ed448_gen_init;
static OSSL_FUNC_keymgmt_gen_init_fn x25519_gen_init;
static OSSL_FUNC_keymgmt_gen_init_fn x448_gen_init;
static OSSL_FUNC_keymgmt_gen_settable_params_fn ecx_gen_settable;
static OSSL_FUNC_keymgmt_gettable_params_fn ed_gettable;
static OSSL_FUNC_keymgmt_gettable_params_fn x_gettable;
static OSSL_FUNC_keymgmt_settable_params_fn ed_settable;
static OSSL_FUNC_keymgmt_settable_params_fn x_settable;
static OSSL_FUNC_keymgmt_import_types_fn ecx_import_types;
static OSSL_FUNC_keymgmt_export_types_fn ecx_export_types;
static OSSL_FUNC_keymgmt_query_operation_name_fn ed_operation;
static OSSL_FUNC_keymgmt_query_operation_name_fn x_operation;

#define ECX_PUBLIC OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0)
#define ECX_PRIVATE OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, NULL, 0)
#define ECX_SIZES                                                              \
    OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),                                \
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),                   \
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL)

static void *ed25519_new(void *provctx)
{
    return prov_key_new(provctx, "ED25519");
}

static void *ed448_new(void *provctx)
{
    return prov_key_new(provctx, "ED448");
}

static void *x25519_new(void *provctx)
{
    return prov_key_new(provctx, "X25519");
}

static void *x448_new(void *provctx)
{
    return prov_key_new(provctx, "X448");
}

static void *ed25519_gen_init(void *provctx, int selection,
                              const OSSL_PARAM params[])
{
    return prov_keymgmt_gen_init(provctx, "ED25519", selection, params);
}

static void *ed448_gen_init(void *provctx, int selection,
                            const OSSL_PARAM params[])
{
    return prov_keymgmt_gen_init(provctx, "ED448", selection, params);
}

static void *x25519_gen_init(void *provctx, int selection,
                             const OSSL_PARAM params[])
{
    return prov_keymgmt_gen_init(provctx, "X25519", selection, params);
}

static void *x448_gen_init(void *provctx, int selection,
                           const OSSL_PARAM params[])
{
    return prov_keymgmt_gen_init(provctx, "X448", selection, params);
}

static const OSSL_PARAM *ecx_gen_settable(void *genctx, void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_PROPERTIES, NULL, 0),
#ifdef OSSL_PKEY_PARAM_DHKEM_IKM
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_DHKEM_IKM, NULL, 0),
#endif
        PROV_PARAMS_CREATE, OSSL_PARAM_END};

    (void)genctx;
    (void)provctx;
    return params;
}

static const OSSL_PARAM *ed_gettable(void *provctx)
{
    static const OSSL_PARAM params[] = {
        ECX_SIZES,
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
        ECX_PUBLIC,
        ECX_PRIVATE,
        PROV_PARAMS_GET,
        OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static const OSSL_PARAM *x_gettable(void *provctx)
{
    static const OSSL_PARAM params[] = {
        ECX_SIZES,
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        ECX_PUBLIC,
        ECX_PRIVATE,
        PROV_PARAMS_GET,
        OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static const OSSL_PARAM *ed_settable(void *provctx)
{
    static const OSSL_PARAM params[] = {PROV_PARAMS_SET, OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static const OSSL_PARAM *x_settable(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_PROPERTIES, NULL, 0),
        PROV_PARAMS_SET, OSSL_PARAM_END};

    (void)provctx;
    return params;
}

static const OSSL_PARAM *ecx_import_types(int selection)
{
    static const OSSL_PARAM params[] = {ECX_PUBLIC, ECX_PRIVATE,
                                        PROV_PARAMS_IMPORT, OSSL_PARAM_END};

    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 ? params : NULL;
}

static const OSSL_PARAM *ecx_export_types(int selection)
{
    static const OSSL_PARAM params[] = {ECX_PUBLIC, ECX_PRIVATE,
                                        OSSL_PARAM_END};

    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 ? params : NULL;
}

static const char *ed_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? PROV_OPERATION_NAME : NULL;
}

static const char *x_operation(int operation)
{
    return operation == OSSL_OP_KEYEXCH ? PROV_OPERATION_NAME : NULL;
}

#define ECX_ROWS                                                               \
    {OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, (void (*)(void))ecx_gen_settable}, \
        {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))ecx_import_types},    \
        {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))ecx_export_types},    \
        PROV_KEYMGMT_SHARED_ROWS

#define ED_ROWS                                                                \
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))ed_gettable},          \
        {OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, (void (*)(void))ed_settable},      \
        {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME,                               \
         (void (*)(void))ed_operation},                                        \
        ECX_ROWS

#define X_ROWS                                                                 \
    {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))x_gettable},           \
        {OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, (void (*)(void))x_settable},       \
        {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))x_operation}, \
        ECX_ROWS

const OSSL_DISPATCH prov_keymgmt_ed25519_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))ed25519_new},
    {OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))ed25519_gen_init},
    ED_ROWS,
    {0, NULL}};

const OSSL_DISPATCH prov_keymgmt_ed448_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))ed448_new},
    {OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))ed448_gen_init},
    ED_ROWS,
    {0, NULL}};

const OSSL_DISPATCH prov_keymgmt_x25519_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))x25519_new},
    {OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))x25519_gen_init},
    X_ROWS,
    {0, NULL}};

const OSSL_DISPATCH prov_keymgmt_x448_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))x448_new},
    {OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))x448_gen_init},
    X_ROWS,
    {0, NULL}};
