/*
 * hsm/login.c and pin.c: one PIN, one try.
 */
#include "login.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "open.h"
#include "softhsm.h"
#include "test.h"

#define URI "keystore://hsm/key"

/* A new token behind the fault module. Each its own label, as what was
 * refused is remembered. */
static struct hsm_token *fresh(const char *label)
{
    test_softhsm_setup();
    test_softhsm_token(label);
    return open_token(fault_module(), label);
}

static ks_rc login(struct hsm_token *token, struct pins *pins,
                   struct ks_err *err)
{
    struct ks_ask ask = open_ask(pins);

    *err = (struct ks_err){0};
    return hsm_login(token, NULL, URI, &ask, err);
}

static void the_user_logs_in_once(void)
{
    struct hsm_token *token = fresh("once");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK(!hsm_is_logged_in(token));
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK(hsm_is_logged_in(token));
    CHECK(!hsm_is_so(token));
    CHECK_INT(pins.given, 1);
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    hsm_token_put(token);
    CHECK_INT(fault_calls("C_Logout"), 1);
}

static void a_refused_pin_is_tried_once_in_a_process(void)
{
    struct hsm_token *token = fresh("refused");
    struct pins pins = {.user = "99999999"};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_RC(login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, "token \"refused\"");
    CHECK_CONTAINS(err.text, "CKR_PIN_INCORRECT");
    CHECK_CONTAINS(err.hint, "counts");
    CHECK(strstr(err.text, "99999999") == NULL);
    CHECK_RC(login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, "not tried again");
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_INT(pins.given, 2);
    hsm_token_put(token);

    fault_forget();
    token = open_token(fault_module(), "refused");
    REQUIRE(token != NULL);
    CHECK_RC(login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_INT(fault_calls("C_Login"), 0);
    pins.user = TEST_USER_PIN; /* another one is */
    CHECK_OK(login(token, &pins, &err), &err);
    hsm_token_put(token);
}

static void a_pin_refused_by_one_token_is_tried_on_another(void)
{
    struct hsm_token *a = fresh("first");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(a != NULL);
    fault_rules("fail C_Login CKR_PIN_INCORRECT 0 1");
    CHECK_RC(login(a, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_RC(login(a, &pins, &err), KS_E_SECRET_WRONG);
    hsm_token_put(a);
    fault_rules("");
    a = fresh("second");
    REQUIRE(a != NULL);
    CHECK_OK(login(a, &pins, &err), &err);
    hsm_token_put(a);
}

static void nothing_is_tried_where_it_would_lock(void)
{
    static const struct {
        const char *rule;
        const char *text;
    } states[] = {
        {"flags 0x40000 0", "CKR_PIN_LOCKED"},
        {"flags 0x20000 0", "one more wrong PIN would lock it"},
        {"flags 0x80000 0", "CKR_PIN_EXPIRED"},
        {"flags 0 0x8", "CKR_USER_PIN_NOT_INITIALIZED"},
    };
    struct hsm_token *token = fresh("flags");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        fault_rules(states[i].rule);
        CHECK_RC(login(token, &pins, &err), KS_E_DENIED);
        CHECK_CONTAINS(err.text, "token \"flags\"");
        CHECK_CONTAINS(err.text, states[i].text);
        CHECK(err.hint[0] != '\0');
    }
    CHECK_INT(pins.given, 0); /* nobody was bothered */
    CHECK_INT(fault_calls("C_Login"), 0);
    fault_rules("");
    CHECK_OK(login(token, &pins, &err), &err);
    hsm_token_put(token);
}

static void a_refusal_tells_what_is_left(void)
{
    static const struct {
        const char *rules;
        const char *pin;
        const char *hint;
    } states[] = {
        {"fail C_Login CKR_PIN_INCORRECT\nflags 0x10000 0", "1111",
         "after a few"},
        {"fail C_Login CKR_PIN_LOCKED\n", "2222", "security officer"},
        {"fail C_Login CKR_PIN_EXPIRED\n", "3333", "change it"},
        {"fail C_Login CKR_DEVICE_ERROR\n", "4444", "connected"},
    };
    struct hsm_token *token = fresh("left");
    struct ks_err err;

    REQUIRE(token != NULL);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct pins pins = {.user = states[i].pin};

        fault_rules(states[i].rules);
        CHECK(login(token, &pins, &err) != KS_OK);
        CHECK_CONTAINS(err.hint, states[i].hint);
        CHECK_CONTAINS(err.text, "CKR_");
        CHECK(!hsm_is_logged_in(token));
    }
    hsm_token_put(token);
}

static void a_pin_that_cannot_be_right_is_not_tried(void)
{
    struct hsm_token *token = fresh("length");
    struct pins pins = {.user = "123"}; /* SoftHSM: 4 to 255 */
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_RC(login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, "CKR_PIN_LEN_RANGE");
    CHECK_CONTAINS(err.text, "4 to 255");
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static void without_a_pin_there_is_no_login(void)
{
    struct hsm_token *token = fresh("missing");
    struct pins pins = {0};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_RC(login(token, &pins, &err), KS_E_SECRET_MISSING);
    CHECK_INT(pins.asked, 1);
    err = (struct ks_err){0};
    CHECK_RC(hsm_login(token, NULL, URI, NULL, &err), KS_E_SECRET_MISSING);
    CHECK_CONTAINS(err.text, "token \"missing\"");
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static void a_token_without_user_pin_says_so(void)
{
    struct hsm_token *token;
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token_no_pin("bare");
    token = open_token(fault_module(), "bare");
    REQUIRE(token != NULL);
    CHECK_RC(login(token, &pins, &err), KS_E_DENIED);
    CHECK_CONTAINS(err.text, "CKR_USER_PIN_NOT_INITIALIZED");
    CHECK_CONTAINS(err.hint, "security officer");
    hsm_token_put(token);
}

static void an_so_pin_logs_the_security_officer_in(void)
{
    struct hsm_token *token = fresh("officer");
    struct pins pins = {.user = TEST_USER_PIN, .so = TEST_SO_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK(hsm_is_logged_in(token));
    CHECK(hsm_is_so(token));
    CHECK_INT(pins.given, 1);
    CHECK_INT(pins.asked, 0); /* quietly */
    /* there are no sessions to read with, so reading gets one to write */
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RW_SO_FUNCTIONS);
    CHECK_INT(open_state_of(token, HSM_WRITE), CKS_RW_SO_FUNCTIONS);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RW_SO_FUNCTIONS);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_refused_so_pin_does_not_lead_to_the_user_pin(void)
{
    struct hsm_token *token = fresh("officer2");
    struct pins pins = {.user = TEST_USER_PIN, .so = "00000000"};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_RC(login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_CONTAINS(err.text, "SO PIN");
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_RC(login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_INT(fault_calls("C_Login"), 1);
    pins.so = TEST_SO_PIN;
    fault_rules("flags 0x400000 0"); /* CKF_SO_PIN_LOCKED */
    CHECK_RC(login(token, &pins, &err), KS_E_DENIED);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_login_of_another_library_is_enough(void)
{
    struct hsm_token *token = fresh("other");
    struct hsm_module *module;
    CK_FUNCTION_LIST *f;
    CK_SESSION_HANDLE session;
    CK_SLOT_ID slots[4];
    CK_ULONG n = 4;
    struct pins pins = {0};
    struct ks_err err;

    REQUIRE(token != NULL);
    module = hsm_token_module(token);
    CHECK_INT(hsm_module_use(module, &f), CKR_OK);
    CHECK_INT(f->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
    CHECK_INT(
        f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session),
        CKR_OK);
    CHECK_INT(f->C_Login(session, CKU_USER, (CK_BYTE *)TEST_USER_PIN,
                         strlen(TEST_USER_PIN)),
              CKR_OK);
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK(hsm_is_logged_in(token));
    CHECK_INT(pins.asked, 0);
    hsm_token_put(token); /* it stays that library's */
    CHECK_INT(fault_calls("C_Logout"), 0);
}

static void no_pin_is_given_to_a_token_with_a_pin_pad(void)
{
    struct hsm_token *token = fresh("pad");
    struct pins pins = {.user = TEST_USER_PIN, .so = TEST_SO_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("flags 0x100 0\nfail C_Login CKR_FUNCTION_CANCELED");
    CHECK_RC(login(token, &pins, &err), KS_E_INTERRUPTED);
    CHECK_INT(pins.given, 0);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_token_that_needs_no_login_gets_none(void)
{
    struct hsm_token *token = fresh("open");
    struct pins pins = {.user = TEST_USER_PIN};
    struct ks_err err;

    REQUIRE(token != NULL);
    fault_rules("flags 0 0x4"); /* CKF_LOGIN_REQUIRED */
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK_INT(pins.given, 0);
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static CK_RV log_out(const struct hsm_session *session, void *arg)
{
    (void)arg;
    return session->f->C_Logout(session->handle);
}

struct counted {
    unsigned runs;
    CK_RV rv;
};

static CK_RV wants_user(const struct hsm_session *session, void *arg)
{
    struct counted *counted = arg;
    CK_SESSION_INFO info = {0};
    CK_RV rv = session->f->C_GetSessionInfo(session->handle, &info);

    counted->runs++;
    if (rv == CKR_OK && info.state != CKS_RO_USER_FUNCTIONS)
        rv = CKR_USER_NOT_LOGGED_IN;
    return rv;
}

static void a_lost_login_is_made_again_with_the_same_pin(void)
{
    struct hsm_token *token = fresh("lost");
    struct pins pins = {.user = TEST_USER_PIN};
    struct counted counted = {0};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK_INT(hsm_run(token, HSM_READ, log_out, NULL), CKR_OK);
    CHECK_INT(hsm_run(token, HSM_READ, wants_user, &counted), CKR_OK);
    CHECK_INT(counted.runs, 2);
    CHECK_INT(pins.given, 1);
    hsm_token_put(token);
}

static void a_pin_that_was_changed_meanwhile_is_tried_once(void)
{
    struct hsm_token *token = fresh("changed");
    struct pins pins = {.user = TEST_USER_PIN};
    struct counted counted = {0};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_OK(login(token, &pins, &err), &err);
    fault_rules("fail C_Login CKR_PIN_INCORRECT");
    fault_forget();
    CHECK_INT(hsm_run(token, HSM_READ, log_out, NULL), CKR_OK);
    CHECK_INT(hsm_run(token, HSM_READ, wants_user, &counted),
              CKR_PIN_INCORRECT);
    CHECK(!hsm_is_logged_in(token));
    CHECK_INT(hsm_run(token, HSM_READ, wants_user, &counted),
              CKR_USER_NOT_LOGGED_IN);
    CHECK_INT(fault_calls("C_Login"), 1);
    CHECK_RC(login(token, &pins, &err), KS_E_SECRET_WRONG);
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static void a_lost_login_is_not_made_again_at_the_last_try(void)
{
    struct hsm_token *token = fresh("lasttry");
    struct pins pins = {.user = TEST_USER_PIN};
    struct counted counted = {0};
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_OK(login(token, &pins, &err), &err);
    CHECK_INT(hsm_run(token, HSM_READ, log_out, NULL), CKR_OK);
    fault_rules("flags 0x20000 0");
    fault_forget();
    CHECK_INT(hsm_run(token, HSM_READ, wants_user, &counted), CKR_PIN_LOCKED);
    CHECK_INT(fault_calls("C_Login"), 0);
    hsm_token_put(token);
}

static CK_RV again(const struct hsm_session *session, void *arg)
{
    *(CK_RV *)arg = hsm_login_again(session);
    return CKR_OK;
}

static void a_context_login_takes_the_kept_pin(void)
{
    struct hsm_token *token = fresh("context");
    struct pins pins = {.user = TEST_USER_PIN};
    CK_RV rv = CKR_GENERAL_ERROR;
    struct ks_err err;

    REQUIRE(token != NULL);
    CHECK_OK(login(token, &pins, &err), &err);
    /* SoftHSM: no operation of such a key is active */
    CHECK_INT(hsm_run(token, HSM_READ, again, &rv), CKR_OK);
    CHECK_INT(rv, CKR_OPERATION_NOT_INITIALIZED);
    CHECK_INT(fault_calls("C_Login"), 2);
    CHECK(hsm_is_logged_in(token));
    hsm_token_put(token);
}

static void *log_in_thread(void *arg)
{
    open_login(arg, TEST_USER_PIN);
    return NULL;
}

static void threads_that_log_in_at_once_make_one_login(void)
{
    struct hsm_token *token = fresh("threads");
    pthread_t threads[8];

    REQUIRE(token != NULL);
    fault_rules("delay C_Login 50");
    for (size_t i = 0; i < 8; i++)
        REQUIRE(pthread_create(&threads[i], NULL, log_in_thread, token) == 0);
    for (size_t i = 0; i < 8; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK(hsm_is_logged_in(token));
    CHECK_INT(fault_calls("C_Login"), 1);
    hsm_token_put(token);
}

static const struct test_case cases[] = {
    TEST_CASE(the_user_logs_in_once),
    TEST_CASE(a_refused_pin_is_tried_once_in_a_process),
    TEST_CASE(a_pin_refused_by_one_token_is_tried_on_another),
    TEST_CASE(nothing_is_tried_where_it_would_lock),
    TEST_CASE(a_refusal_tells_what_is_left),
    TEST_CASE(a_pin_that_cannot_be_right_is_not_tried),
    TEST_CASE(without_a_pin_there_is_no_login),
    TEST_CASE(a_token_without_user_pin_says_so),
    TEST_CASE(an_so_pin_logs_the_security_officer_in),
    TEST_CASE(a_refused_so_pin_does_not_lead_to_the_user_pin),
    TEST_CASE(a_login_of_another_library_is_enough),
    TEST_CASE(no_pin_is_given_to_a_token_with_a_pin_pad),
    TEST_CASE(a_token_that_needs_no_login_gets_none),
    TEST_CASE(a_lost_login_is_made_again_with_the_same_pin),
    TEST_CASE(a_pin_that_was_changed_meanwhile_is_tried_once),
    TEST_CASE(a_lost_login_is_not_made_again_at_the_last_try),
    TEST_CASE(a_context_login_takes_the_kept_pin),
    TEST_CASE(threads_that_log_in_at_once_make_one_login),
};
TEST_MAIN("hsm.login", cases)
