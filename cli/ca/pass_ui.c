/*
 * A provider's question for a secret, put to the UI that the CA library was
 * given. Libcrypto does the same where a STORE loads a key.
 */
#include "store_fn.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/ui.h>

int ca_pass_by_ui(char *pass, size_t size, size_t *len,
                  const OSSL_PARAM params[], void *arg)
{
    const struct ca_env *env = arg;
    const OSSL_PARAM *p =
        OSSL_PARAM_locate_const(params, OSSL_PASSPHRASE_PARAM_INFO);
    const char *info = NULL;
    char *prompt = NULL;
    UI *ui;
    int ok = 0;

    if (env->ui == NULL || size < 2)
        return 0;
    if (p != NULL && !OSSL_PARAM_get_utf8_string_ptr(p, &info))
        info = NULL;
    ui = UI_new_method(env->ui);
    if (ui == NULL)
        return 0;
    (void)UI_add_user_data(ui, env->ui_data);
    prompt = UI_construct_prompt(ui, "PIN", info);
    if (prompt != NULL &&
        UI_add_input_string(ui, prompt, UI_INPUT_FLAG_DEFAULT_PWD, pass, 0,
                            (int)size - 1) > 0 &&
        UI_process(ui) == 0) {
        *len = strlen(pass);
        ok = 1;
    }
    OPENSSL_free(prompt);
    UI_free(ui);
    return ok;
}
