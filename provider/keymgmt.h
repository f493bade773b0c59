/*
 * The KEYMGMT functions that all key types share. A type's own file has its
 * parameter tables and the few functions that libcrypto calls without a key.
 */
#ifndef PROV_KEYMGMT_H
#define PROV_KEYMGMT_H

#include <openssl/core_dispatch.h>

#include "ctx.h"

OSSL_FUNC_keymgmt_free_fn prov_keymgmt_free;
OSSL_FUNC_keymgmt_load_fn prov_keymgmt_load;
OSSL_FUNC_keymgmt_has_fn prov_keymgmt_has;
OSSL_FUNC_keymgmt_match_fn prov_keymgmt_match;
OSSL_FUNC_keymgmt_validate_fn prov_keymgmt_validate;
OSSL_FUNC_keymgmt_dup_fn prov_keymgmt_dup;
OSSL_FUNC_keymgmt_get_params_fn prov_keymgmt_get_params;
OSSL_FUNC_keymgmt_set_params_fn prov_keymgmt_set_params;
OSSL_FUNC_keymgmt_import_fn prov_keymgmt_import;
OSSL_FUNC_keymgmt_export_fn prov_keymgmt_export;

/* keygen.c */
void *prov_keymgmt_gen_init(struct prov_ctx *ctx, const char *type,
                            int selection, const OSSL_PARAM params[]);
OSSL_FUNC_keymgmt_gen_set_template_fn prov_keymgmt_gen_set_template;
OSSL_FUNC_keymgmt_gen_set_params_fn prov_keymgmt_gen_set_params;
OSSL_FUNC_keymgmt_gen_fn prov_keymgmt_gen;
OSSL_FUNC_keymgmt_gen_cleanup_fn prov_keymgmt_gen_cleanup;

/* The rows of those functions, for a type's dispatch table. */
#define PROV_KEYMGMT_SHARED_ROWS                                               \
    {OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))prov_keymgmt_free},               \
        {OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))prov_keymgmt_load},           \
        {OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))prov_keymgmt_has},             \
        {OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))prov_keymgmt_match},         \
        {OSSL_FUNC_KEYMGMT_VALIDATE, (void (*)(void))prov_keymgmt_validate},   \
        {OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))prov_keymgmt_dup},             \
        {OSSL_FUNC_KEYMGMT_GET_PARAMS,                                         \
         (void (*)(void))prov_keymgmt_get_params},                             \
        {OSSL_FUNC_KEYMGMT_SET_PARAMS,                                         \
         (void (*)(void))prov_keymgmt_set_params},                             \
        {OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))prov_keymgmt_import},       \
        {OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))prov_keymgmt_export},       \
        {OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE,                                   \
         (void (*)(void))prov_keymgmt_gen_set_template},                       \
        {OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS,                                     \
         (void (*)(void))prov_keymgmt_gen_set_params},                         \
        {OSSL_FUNC_KEYMGMT_GEN, (void (*)(void))prov_keymgmt_gen},             \
    {                                                                          \
        OSSL_FUNC_KEYMGMT_GEN_CLEANUP,                                         \
            (void (*)(void))prov_keymgmt_gen_cleanup                           \
    }

#endif
