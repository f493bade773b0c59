/*
 * Picks libcrypto's upcalls out of the table that it hands to a provider.
 */
#include "core.h"

bool prov_core_init(struct prov_core *core, const OSSL_DISPATCH *in)
{
    for (; in->function_id != 0; in++) {
        switch (in->function_id) {
        case OSSL_FUNC_CORE_GET_PARAMS:
            core->get_params = OSSL_FUNC_core_get_params(in);
            break;
        case OSSL_FUNC_CORE_NEW_ERROR:
            core->new_error = OSSL_FUNC_core_new_error(in);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
            core->set_error_debug = OSSL_FUNC_core_set_error_debug(in);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            core->vset_error = OSSL_FUNC_core_vset_error(in);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_MARK:
            core->set_error_mark = OSSL_FUNC_core_set_error_mark(in);
            break;
        case OSSL_FUNC_CORE_CLEAR_LAST_ERROR_MARK:
            core->clear_last_error_mark =
                OSSL_FUNC_core_clear_last_error_mark(in);
            break;
        case OSSL_FUNC_CORE_POP_ERROR_TO_MARK:
            core->pop_error_to_mark = OSSL_FUNC_core_pop_error_to_mark(in);
            break;
        case OSSL_FUNC_PROVIDER_UP_REF:
            core->provider_up_ref = OSSL_FUNC_provider_up_ref(in);
            break;
        default: /* the many others are not for us */
            break;
        }
    }
    return core->get_params != NULL && core->new_error != NULL &&
           core->set_error_debug != NULL && core->vset_error != NULL &&
           core->set_error_mark != NULL &&
           core->clear_last_error_mark != NULL &&
           core->pop_error_to_mark != NULL && core->provider_up_ref != NULL;
}
