/*
 * A shared object that holds all of hsm/, as keystore.so does: loaded and
 * unloaded by test_exit.c and exit_program.c.
 */
#include "exit_dso.h"

#include "login.h"
#include "open.h"
#include "softhsm.h"

#define VISIBLE __attribute__((visibility("default")))

static struct hsm_token *token;

VISIBLE bool dso_use(const char *path, const char *label)
{
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_ask ask = open_ask(&pins);
    struct hsm_module *module = NULL;
    struct ks_err err = {0};
    bool done =
        hsm_module_get(path, &module, &err) == KS_OK &&
        hsm_token_get(module, open_by_label, label, "token", &token, &err) ==
            KS_OK &&
        hsm_login(token, NULL, "keystore://hsm/key", &ask, &err) == KS_OK &&
        hsm_run(token, HSM_READ, open_sign, NULL) == CKR_OK;

    hsm_module_put(module);
    return done;
}

VISIBLE void dso_put(void)
{
    hsm_token_put(token);
    token = NULL;
}
