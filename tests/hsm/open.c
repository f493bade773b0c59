/*
 * Opening tokens by label, and giving PINs.
 */
#include "open.h"

#include <string.h>

#include "fault.h"
#include "softhsm.h"
#include "test.h"

bool open_by_label(const void *arg, const struct hsm_slot *slot)
{
    const char *label = arg;
    size_t len = label != NULL ? strlen(label) : 0;

    return label == NULL || (memcmp(slot->token.label, label, len) == 0 &&
                             (len == sizeof(slot->token.label) ||
                              slot->token.label[len] == ' '));
}

struct hsm_module *open_module(const char *path)
{
    struct hsm_module *module = NULL;
    struct ks_err err = {0};

    CHECK_OK(hsm_module_get(path, &module, &err), &err);
    return module;
}

struct hsm_token *open_token(const char *path, const char *label)
{
    struct hsm_module *module = open_module(path);
    struct hsm_token *token = NULL;
    struct ks_err err = {0};

    if (module == NULL)
        return NULL;
    CHECK_OK(hsm_token_get(module, open_by_label, label, label, &token, &err),
             &err);
    hsm_module_put(module);
    return token;
}

struct hsm_token *open_fresh_faulty(const char *label)
{
    test_softhsm_setup();
    test_softhsm_token(label);
    return open_token(fault_module(), label);
}

static ks_rc give(void *arg, const struct ks_question *question,
                  struct ks_secret *secret, struct ks_err *err)
{
    struct pins *pins = arg;
    const char *pin =
        strcmp(question->setting, "so_pin") == 0 ? pins->so : pins->user;

    if (!question->quiet)
        pins->asked++;
    if (pin == NULL || question->attempt > 0)
        return ks_fail(err, KS_E_SECRET_MISSING, "%s: no %s", question->whose,
                       question->what);
    pins->given++;
    return ks_secret_set(secret, pin, strlen(pin));
}

struct ks_ask open_ask(struct pins *pins)
{
    return (struct ks_ask){give, pins};
}

ks_rc open_try_login(struct hsm_token *token, struct pins *pins,
                     struct ks_err *err)
{
    struct ks_ask ask = open_ask(pins);

    *err = (struct ks_err){0};
    return hsm_login(token, NULL, OPEN_URI, &ask, err);
}

void open_login(struct hsm_token *token, const char *pin)
{
    struct pins pins = {.user = pin};
    struct ks_err err;

    CHECK_OK(open_try_login(token, &pins, &err), &err);
}

bool open_login_as_program(struct hsm_token *token)
{
    CK_SESSION_HANDLE session;
    CK_FUNCTION_LIST *f;
    CK_SLOT_ID slots[4];
    CK_ULONG n = 4;

    return CHECK_INT(hsm_module_use(hsm_token_module(token), &f), CKR_OK) &&
           CHECK_INT(f->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK) &&
           CHECK_INT(f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL,
                                      &session),
                     CKR_OK) &&
           CHECK_INT(f->C_Login(session, CKU_USER, (CK_BYTE *)TEST_USER_PIN,
                                strlen(TEST_USER_PIN)),
                     CKR_OK);
}

struct hsm_token *open_logged_in_faulty(const char *label, struct pins *pins)
{
    struct hsm_token *token = open_fresh_faulty(label);
    struct ks_err err;

    if (token != NULL)
        CHECK_OK(open_try_login(token, pins, &err), &err);
    return token;
}

static CK_RV log_out(const struct hsm_session *session, void *unused)
{
    (void)unused;
    return session->f->C_Logout(session->handle);
}

void open_lose_login(struct hsm_token *token)
{
    CHECK_INT(hsm_run(token, HSM_READ, log_out, NULL), CKR_OK);
}

static CK_RV wants_user(const struct hsm_session *session, void *runs)
{
    CK_SESSION_INFO info = {0};
    CK_RV rv = session->f->C_GetSessionInfo(session->handle, &info);

    if (runs != NULL)
        ++*(unsigned *)runs;
    if (rv == CKR_OK && info.state != CKS_RO_USER_FUNCTIONS)
        rv = CKR_USER_NOT_LOGGED_IN;
    return rv;
}

CK_RV open_use(struct hsm_token *token, unsigned *runs)
{
    return hsm_run(token, HSM_READ, wants_user, runs);
}

static CK_RV again(const struct hsm_session *session, void *rv)
{
    *(CK_RV *)rv = hsm_login_again(session);
    return CKR_OK;
}

CK_RV open_login_again(struct hsm_token *token)
{
    CK_RV rv = CKR_GENERAL_ERROR;

    CHECK_INT(hsm_run(token, HSM_READ, again, &rv), CKR_OK);
    return rv;
}

CK_RV open_state(const struct hsm_session *session, void *arg)
{
    return session->f->C_GetSessionInfo(session->handle, arg);
}

CK_ULONG open_state_of(struct hsm_token *token, enum hsm_mode mode)
{
    CK_SESSION_INFO info = {0};
    CK_RV rv = hsm_run(token, mode, open_state, &info);

    return rv == CKR_OK ? info.state : rv + 1000;
}

void open_make_key(const char *token_label)
{
    test_pkcs11_tool("--token-label", token_label, "--login", "--pin",
                     TEST_USER_PIN, "--keypairgen", "--key-type",
                     "EC:prime256v1", "--label", "key", "--id", "01", NULL);
}

static CK_RV find_key(const struct hsm_session *session, CK_OBJECT_HANDLE *key)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    char label[] = "key";
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)},
                               {CKA_LABEL, label, strlen(label)}};
    CK_ULONG n = 0;
    CK_RV rv = session->f->C_FindObjectsInit(session->handle, template, 2);

    if (rv != CKR_OK)
        return rv;
    rv = session->f->C_FindObjects(session->handle, key, 1, &n);
    (void)session->f->C_FindObjectsFinal(session->handle);
    if (rv == CKR_OK && n == 0)
        rv = CKR_USER_NOT_LOGGED_IN; /* private objects are hidden then */
    return rv;
}

CK_RV open_sign(const struct hsm_session *session, void *unused)
{
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    CK_BYTE digest[32] = {1}, signature[72];
    CK_ULONG len = sizeof(signature);
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = find_key(session, &key);

    (void)unused;
    if (rv == CKR_OK)
        rv = session->f->C_SignInit(session->handle, &mechanism, key);
    if (rv == CKR_OK)
        rv = session->f->C_Sign(session->handle, digest, sizeof(digest),
                                signature, &len);
    return rv;
}
