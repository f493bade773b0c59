/* The pkcs11 backend under test, on SoftHSM. */
#include <stdio.h>
#include <string.h>

#include "contract.h"
#include "softhsm.h"
#include "tmpdir.h"

static struct ks_setting settings[] = {
    {"type", "pkcs11"}, {"module", NULL}, {"token", "contract"}};

/* A token in the folder of the case, made when it is first opened. */
static void prepare(void)
{
    static char made_in[512];

    settings[1].value = test_softhsm();
    if (strcmp(made_in, test_dir()) == 0)
        return;
    (void)snprintf(made_in, sizeof(made_in), "%s", test_dir());
    test_softhsm_setup();
    test_softhsm_token("contract");
}

const struct contract_subject subject = {
    .backend = &ks_pkcs11_backend,
    .inside = true,
    .secret = TEST_USER_PIN,
    .prepare = prepare,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
};
