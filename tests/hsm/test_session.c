/*
 * hsm/session.c: sessions are lent, kept and opened anew.
 */
#include "session.h"

#include <string.h>

#include "login.h"
#include "softhsm.h"
#include "test.h"

static bool any(const void *arg, const struct hsm_slot *slot)
{
    return arg == NULL || memcmp(slot->token.label, arg, strlen(arg)) == 0;
}

static ks_rc give_pin(void *arg, const struct ks_question *question,
                      struct ks_secret *secret, struct ks_err *err)
{
    (void)err;
    if (strcmp(question->setting, "user_pin") != 0)
        return KS_E_SECRET_MISSING;
    return ks_secret_set(secret, arg, strlen(arg));
}

static struct hsm_token *open_token(const char *label)
{
    struct hsm_module *module = NULL;
    struct hsm_token *token = NULL;
    struct ks_err err = {0};

    test_softhsm_setup();
    test_softhsm_token(label);
    if (CHECK_OK(hsm_module_get(test_softhsm(), &module, &err), &err)) {
        CHECK_OK(hsm_token_get(module, any, label, label, &token, &err), &err);
        hsm_module_put(module);
    }
    return token;
}

static CK_RV state(const struct hsm_session *session, void *arg)
{
    return session->f->C_GetSessionInfo(session->handle, arg);
}

static void a_login_lasts_as_long_as_the_token(void)
{
    char pin[] = TEST_USER_PIN;
    struct ks_ask ask = {give_pin, pin};
    struct hsm_token *token = open_token("one");
    CK_SESSION_INFO info = {0};
    struct ks_err err = {0};

    REQUIRE(token != NULL);
    CHECK_INT(hsm_run(token, HSM_READ, state, &info), CKR_OK);
    CHECK_INT(info.state, CKS_RO_PUBLIC_SESSION);
    CHECK_OK(hsm_login(token, NULL, "keystore://hsm/x", &ask, &err), &err);
    CHECK_INT(hsm_run(token, HSM_WRITE, state, &info), CKR_OK);
    CHECK_INT(info.state, CKS_RW_USER_FUNCTIONS);
    CHECK_INT(hsm_run(token, HSM_READ, state, &info), CKR_OK);
    CHECK_INT(info.state, CKS_RO_USER_FUNCTIONS);
    hsm_token_put(token);
}

static const struct test_case cases[] = {
    TEST_CASE(a_login_lasts_as_long_as_the_token),
};
TEST_MAIN("hsm.session", cases)
