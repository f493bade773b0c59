/*
 * libcrypto's upcalls as typed pointers. See provider-base(7).
 */
#ifndef PROV_CORE_H
#define PROV_CORE_H

#include <stdbool.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

struct prov_core {
    OSSL_FUNC_core_get_params_fn *get_params;
    OSSL_FUNC_core_new_error_fn *new_error;
    OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
    OSSL_FUNC_core_vset_error_fn *vset_error;
    OSSL_FUNC_core_set_error_mark_fn *set_error_mark;
    OSSL_FUNC_core_clear_last_error_mark_fn *clear_last_error_mark;
    OSSL_FUNC_core_pop_error_to_mark_fn *pop_error_to_mark;
    OSSL_FUNC_provider_up_ref_fn *provider_up_ref;
};

/* Fills CORE from the table that OSSL_provider_init was given; false if one
 * is missing there. */
bool prov_core_init(struct prov_core *core, const OSSL_DISPATCH *in);

#endif
