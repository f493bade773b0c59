/*
 * The pkcs11 backend as its callers use it, on SoftHSM.
 */
#include <string.h>

#include "hold.h"
#include "softhsm.h"
#include "test.h"

static void keys_of_every_kind_are_made_and_sign(void)
{
    static const char *const kinds[] = {
        "RSA:2048",           "RSA-PSS:2048",      "EC:P-256", "EC:P-384",
        "EC:P-521",           "EC:secp256k1",      "ED25519",  "ED448",
        "EC:brainpoolP256r1", "EC:brainpoolP384r1"};
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!hold_made(&hold, kinds[i], kinds[i]))
            continue;
        CHECK_RC(hold_info(&hold, kinds[i], NULL), KS_OK);
        CHECK_OK(hold_sign(&hold, kinds[i]), &hold.err);
    }
    CHECK_INT(hold.pins.given, 1);
    CHECK_INT(hold_objects("Private Key Object"), 10);
    CHECK_INT(hold_objects("Public Key Object"), 10);
    hold_close(&hold);
}

static const struct test_case cases[] = {
    TEST_CASE(keys_of_every_kind_are_made_and_sign),
};
TEST_MAIN("hsm.backend", cases)
