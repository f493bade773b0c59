/*
 * hsm/module.c, gate.c, probe.c: modules are loaded once and unloaded.
 */
#include "module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "open.h"
#include "softhsm.h"
#include "test.h"
#include "tmpdir.h"

static void a_module_is_initialised_once(void)
{
    struct hsm_module *a, *b;
    CK_FUNCTION_LIST *f = NULL;

    test_softhsm_setup();
    a = open_module(fault_module());
    b = open_module(fault_module());
    REQUIRE(a != NULL);
    CHECK(a == b);
    CHECK_STR(hsm_module_path(a), fault_module());
    CHECK_INT(hsm_module_use(a, &f), CKR_OK);
    CHECK(hsm_module_is_ready(a));
    hsm_module_put(a);
    CHECK_INT(fault_calls("C_Initialize"), 1);
    CHECK_INT(fault_calls("C_Finalize"), 0);
    hsm_module_put(b);
    CHECK_INT(fault_calls("C_Finalize"), 1);
    hsm_module_put(NULL);
}

/* By another name it is the same library. */
static void a_link_to_a_module_is_that_module(void)
{
    struct hsm_module *a, *b;
    const char *link = test_path("link.so");

    test_softhsm_setup();
    REQUIRE(symlink(fault_module(), link) == 0);
    a = open_module(fault_module());
    b = open_module(link);
    CHECK(a == b);
    CHECK_INT(fault_calls("C_Initialize"), 1);
    hsm_module_put(a);
    hsm_module_put(b);
}

static void a_module_is_unloaded_and_loaded_again(void)
{
    test_softhsm_setup();
    test_softhsm_token("again");
    for (int i = 0; i < 5; i++) {
        struct hsm_token *token = open_token(fault_module(), "again");

        REQUIRE(token != NULL);
        open_login(token, TEST_USER_PIN);
        CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
        hsm_token_put(token);
        CHECK(dlopen(fault_module(), RTLD_NOW | RTLD_NOLOAD) == NULL);
    }
    CHECK_INT(fault_calls("C_Initialize"), 5);
    CHECK_INT(fault_calls("C_Finalize"), 5);
}

static void two_modules_live_side_by_side(void)
{
    struct hsm_module *a, *b;

    test_softhsm_setup();
    a = open_module(fault_module());
    b = open_module(test_softhsm()); /* initialised by the one before it */
    REQUIRE(a != NULL && b != NULL);
    CHECK(a != b);
    hsm_module_put(b);
    CHECK_INT(fault_calls("C_Finalize"), 0);
    hsm_module_put(a);
}

static void who_initialised_a_module_finalises_it(void)
{
    void *library;
    CK_C_GetFunctionList get;
    CK_FUNCTION_LIST *f = NULL;
    CK_INFO info;
    struct hsm_module *module;

    test_softhsm_setup();
    library = dlopen(fault_module(), RTLD_NOW);
    REQUIRE(library != NULL);
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    CHECK_INT(get(&f), CKR_OK);
    CHECK_INT(f->C_Initialize(NULL), CKR_OK);
    module = open_module(fault_module());
    hsm_module_put(module);
    CHECK_INT(fault_calls("C_Finalize"), 0);
    CHECK_INT(f->C_GetInfo(&info), CKR_OK);
    CHECK_INT(f->C_Finalize(NULL), CKR_OK);
    (void)dlclose(library);
}

static ks_rc try_path(const char *path, struct ks_err *err)
{
    struct hsm_module *module = NULL;
    ks_rc rc;

    *err = (struct ks_err){0};
    rc = hsm_module_get(path, &module, err);
    CHECK(module == NULL);
    CHECK_CONTAINS(err->text, path);
    return rc;
}

static void what_is_no_module_is_named(void)
{
    struct ks_err err;
    const char *text = "no library\n";

    CHECK_RC(try_path("/nowhere/module.so", &err), KS_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "No such file");
    CHECK_RC(try_path("no-such-module.so", &err), KS_E_NOT_FOUND);
    test_write("text.so", text, strlen(text), 0700);
    CHECK_RC(try_path(test_path("text.so"), &err), KS_E_CONFIG);
    CHECK_RC(try_path("libcrypto.so.3", &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "C_GetFunctionList");
    CHECK_RC(try_path(test_dir(), &err), KS_E_CONFIG);
}

static void a_module_that_cannot_start_says_why(void)
{
    struct ks_err err;

    test_softhsm_setup();
    CHECK_STR(fault_module(), fault_module());
    fault_rules("fail C_Initialize CKR_CANT_LOCK");
    CHECK_RC(try_path(fault_module(), &err), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "CKR_CANT_LOCK");
    fault_rules("fail C_Initialize CKR_GENERAL_ERROR");
    CHECK_RC(try_path(fault_module(), &err), KS_E_CRYPTO);
    CHECK_CONTAINS(err.text, "CKR_GENERAL_ERROR");
    fault_rules("fail C_GetFunctionList CKR_HOST_MEMORY");
    CHECK_RC(try_path(fault_module(), &err), KS_E_NOMEM);
    fault_rules("");
    hsm_module_put(open_module(fault_module()));
}

static void a_module_finalised_by_another_is_initialised_anew(void)
{
    struct hsm_token *token;
    CK_FUNCTION_LIST *f = NULL;

    test_softhsm_setup();
    test_softhsm_token("anew");
    token = open_token(fault_module(), "anew");
    REQUIRE(token != NULL);
    open_login(token, TEST_USER_PIN);
    CHECK_INT(hsm_module_use(hsm_token_module(token), &f), CKR_OK);
    CHECK_INT(f->C_Finalize(NULL), CKR_OK);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    CHECK_INT(fault_calls("C_Initialize"), 2);
    CHECK_INT(f->C_Finalize(NULL), CKR_OK);
    {
        struct hsm_token *again = open_token(fault_module(), "anew");

        CHECK(again == token);
        hsm_token_put(again);
    }
    hsm_token_put(token);
    CHECK_INT(fault_calls("C_Initialize"), fault_calls("C_Finalize"));
}

static void *get_and_put(void *arg)
{
    for (int i = 0; i < 20; i++)
        hsm_module_put(open_module(arg));
    return NULL;
}

static void threads_load_and_unload_at_once(void)
{
    pthread_t threads[4];
    const char *path;

    test_softhsm_setup();
    path = fault_module();
    for (size_t i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, get_and_put, (void *)path) ==
                0);
    for (size_t i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK(fault_calls("C_Initialize") > 0);
    CHECK_INT(fault_calls("C_Initialize"), fault_calls("C_Finalize"));
}

static ks_rc probe(const char *path, struct ks_err *err)
{
    *err = (struct ks_err){0};
    return hsm_module_probe(path, err);
}

static void a_probe_tells_what_is_wrong(void)
{
    static const struct {
        const char *rule;
        const char *text;
    } faults[] = {
        {"crash C_Initialize", "crashes in C_Initialize (signal 11)"},
        {"crash C_GetFunctionList", "crashes in C_GetFunctionList"},
        {"crash C_GetTokenInfo", "crashes while slots and tokens are listed"},
        {"crash C_Finalize", "crashes in C_Finalize"},
        {"exit C_Initialize", "ends the process in C_Initialize"},
        {"fail C_Initialize CKR_DEVICE_ERROR", "CKR_DEVICE_ERROR"},
        {"fail C_GetFunctionList CKR_GENERAL_ERROR", "CKR_GENERAL_ERROR"},
    };
    struct ks_err err;

    test_softhsm_setup();
    CHECK_OK(probe(fault_module(), &err), &err);
    CHECK_INT(fault_calls("C_Finalize"), 1);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        fault_rules(faults[i].rule);
        CHECK_RC(probe(fault_module(), &err), KS_E_CONFIG);
        CHECK_CONTAINS(err.text, faults[i].text);
        CHECK_CONTAINS(err.text, fault_module());
    }
    CHECK_RC(probe("/nowhere/module.so", &err), KS_E_CONFIG);
    CHECK_RC(probe("libcrypto.so.3", &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "C_GetFunctionList");
    test_write("text.so", "text", 4, 0700);
    CHECK_RC(probe(test_path("text.so"), &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "cannot be loaded");
}

static void a_probe_leaves_a_module_in_use_alone(void)
{
    struct hsm_token *token;
    struct ks_err err;

    test_softhsm_setup();
    test_softhsm_token("probed");
    token = open_token(fault_module(), "probed");
    REQUIRE(token != NULL);
    open_login(token, TEST_USER_PIN);
    CHECK_OK(probe(fault_module(), &err), &err);
    CHECK_INT(open_state_of(token, HSM_READ), CKS_RO_USER_FUNCTIONS);
    hsm_token_put(token);
}

static const struct test_case cases[] = {
    TEST_CASE(a_module_is_initialised_once),
    TEST_CASE(a_link_to_a_module_is_that_module),
    TEST_CASE(a_module_is_unloaded_and_loaded_again),
    TEST_CASE(two_modules_live_side_by_side),
    TEST_CASE(who_initialised_a_module_finalises_it),
    TEST_CASE(what_is_no_module_is_named),
    TEST_CASE(a_module_that_cannot_start_says_why),
    TEST_CASE(a_module_finalised_by_another_is_initialised_anew),
    TEST_CASE(threads_load_and_unload_at_once),
    TEST_CASE(a_probe_tells_what_is_wrong),
    TEST_CASE(a_probe_leaves_a_module_in_use_alone),
};
TEST_MAIN("hsm.module", cases)
