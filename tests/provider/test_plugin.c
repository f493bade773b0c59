/* provider/plugin.c, on shared objects of many shapes: plugin_shape.c */
#include "plugin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "tmpdir.h"

#define THREADS 8
#define ROUNDS 20

/* Copies a file as NAME into the folder of the case: nobody else may write
 * there, wherever the tests are built. */
static const char *copy(const char *path, const char *name, mode_t mode)
{
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    long len = -1;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        len = ftell(file);
    if (len >= 0)
        bytes = malloc((size_t)len + 1);
    if (bytes == NULL || fseek(file, 0, SEEK_SET) != 0 ||
        fread(bytes, 1, (size_t)len, file) != (size_t)len) {
        perror(path);
        abort();
    }
    (void)fclose(file);
    test_write(name, bytes, (size_t)len, mode);
    free(bytes);
    return test_path(name);
}

/* SHAPE.so, in the folder of the case. */
static const char *shape(const char *name)
{
    char path[512], file[64];

    (void)snprintf(path, sizeof(path), SHAPES_DIR "/%s.so", name);
    (void)snprintf(file, sizeof(file), "%s.so", name);
    return copy(path, file, 0755);
}

/* Asks for PATH once, in a list of its own. */
static ks_rc get(const char *path, struct ks_err *err)
{
    struct prov_plugins *plugins = prov_plugins_new();
    const struct ks_backend *backend = NULL;
    ks_rc rc;

    memset(err, 0, sizeof(*err));
    if (!CHECK(plugins != NULL))
        return KS_E_NOMEM;
    rc = prov_plugin_get(plugins, path, &backend, err);
    CHECK((rc == KS_OK) == (backend != NULL));
    CHECK(rc == KS_OK || strstr(err->text, path) != NULL);
    CHECK(rc == KS_OK || err->hint[0] != '\0');
    prov_plugins_free(plugins);
    return rc;
}

static void a_path_is_told_from_a_word(void)
{
    CHECK(prov_plugin_is_path("/x.so"));
    CHECK(prov_plugin_is_path("x/y"));
    CHECK(!prov_plugin_is_path("file"));
    CHECK(!prov_plugin_is_path(""));
    CHECK(!prov_plugin_is_path("x.so"));
}

static void a_whole_one_is_loaded_once(void)
{
    struct prov_plugins *plugins = prov_plugins_new();
    const struct ks_backend *first = NULL, *second = NULL;
    const char *path = shape("whole");
    struct ks_err err = {0};

    CHECK_OK(prov_plugin_get(plugins, path, &first, &err), &err);
    CHECK_OK(prov_plugin_get(plugins, path, &second, &err), &err);
    CHECK(first == second);
    REQUIRE(first != NULL);
    CHECK_STR(first->type, "shape");
    /* It stays what it is, whatever becomes of the file. */
    CHECK(unlink(path) == 0);
    CHECK_OK(prov_plugin_get(plugins, path, &second, &err), &err);
    CHECK(first == second);
    prov_plugins_free(plugins);
    prov_plugins_free(NULL);
}

static void two_lists_do_not_disturb_each_other(void)
{
    struct prov_plugins *one = prov_plugins_new(), *two = prov_plugins_new();
    const struct ks_backend *first = NULL, *second = NULL;
    const char *path = shape("whole");

    CHECK_RC(prov_plugin_get(one, path, &first, NULL), KS_OK);
    CHECK_RC(prov_plugin_get(two, path, &second, NULL), KS_OK);
    prov_plugins_free(one);
    REQUIRE(second != NULL);
    CHECK_STR(second->type, "shape"); /* is still loaded */
    prov_plugins_free(two);
}

static void another_abi_is_told_before_all_else(void)
{
    struct ks_err err;
    char want[64];

    CHECK_RC(get(shape("other_abi"), &err), KS_E_UNSUPPORTED);
    (void)snprintf(want, sizeof(want), "version %u", KS_BACKEND_ABI + 1);
    CHECK_CONTAINS(err.text, want);
    (void)snprintf(want, sizeof(want), "version %u", KS_BACKEND_ABI);
    CHECK_CONTAINS(err.text, want);
    CHECK_CONTAINS(err.hint, "build it");
}

static void what_is_no_backend_is_refused(void)
{
    static const char *const shapes[] = {"short", "tiny", "function",
                                         "no_symbol"};
    struct ks_err err;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        CHECK_RC(get(shape(shapes[i]), &err), KS_E_CONFIG);
        CHECK_CONTAINS(err.text, "not a backend");
        CHECK_CONTAINS(err.text, "ks_backend");
    }
}

static void callbacks_that_are_missing_are_named(void)
{
    static const struct {
        const char *shape, *want;
    } rows[] = {
        {"no_open", "without open"},
        {"no_type", "without type"},
        {"no_replace", "without replace"},
        {"no_keys", "without get, put and replace, or open_key"},
        {"no_open_key", "without open_key"},
        {"scheme", "with scheme, which only a built-in one can have"},
    };
    struct ks_err err;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_RC(get(shape(rows[i].shape), &err), KS_E_CONFIG);
        CHECK_CONTAINS(err.text, rows[i].want);
        CHECK_CONTAINS(err.hint, "ks_backend.h");
    }
}

static void what_is_no_shared_object_is_refused(void)
{
    static const char text[] = "#!/bin/sh\nexit 0\n";
    struct ks_err err;

    test_write("text.so", text, strlen(text), 0755);
    CHECK_RC(get(test_path("text.so"), &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "cannot be loaded");
    test_write("empty.so", "", 0, 0755);
    CHECK_RC(get(test_path("empty.so"), &err), KS_E_CONFIG);
    CHECK_RC(get(copy("/proc/self/exe", "program.so", 0755), &err),
             KS_E_CONFIG);
}

/* At every length it is whole, or it is refused: nothing dies of it. What is
 * at a shared object's end is for debuggers. */
static void what_is_cut_short_is_refused(void)
{
    struct prov_plugins *plugins = prov_plugins_new();
    unsigned loaded = 0, refused = 0;
    char *whole;
    size_t len;

    (void)shape("whole");
    whole = test_read("whole.so", &len);
    REQUIRE(whole != NULL && len > 512);
    for (size_t cut = 0; cut <= len; cut += cut < 512 ? 16 : 509) {
        const struct ks_backend *backend = NULL;
        struct ks_err err = {0};
        char name[32];
        ks_rc rc;

        (void)snprintf(name, sizeof(name), "cut-%zu.so", cut);
        test_write(name, whole, cut, 0755);
        rc = prov_plugin_get(plugins, test_path(name), &backend, &err);
        loaded += rc == KS_OK;
        refused += rc == KS_E_CONFIG;
        CHECK(rc == KS_OK || strstr(err.text, "cannot be loaded") != NULL);
        CHECK(rc == KS_OK || rc == KS_E_CONFIG);
    }
    CHECK(refused > 32);
    CHECK(loaded < refused);
    prov_plugins_free(plugins);
    free(whole);
}

/* A function of the library that it was not linked with. */
static void what_lacks_the_library_is_told_of_it(void)
{
    struct ks_err err;

    CHECK_RC(get(shape("unlinked"), &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "undefined symbol: ks_");
    CHECK_CONTAINS(err.hint, "keystore-backend");
}

static void a_file_that_others_may_write_is_not_loaded(void)
{
    struct ks_err err;
    const char *path = shape("whole");

    REQUIRE(chmod(path, 0757) == 0);
    CHECK_RC(get(path, &err), KS_E_DENIED);
    CHECK_CONTAINS(err.hint, "chmod go-w");
    CHECK_RC(get("whole.so", &err), KS_E_CONFIG);
    CHECK_RC(get("/none/such.so", &err), KS_E_CONFIG);
    CHECK_CONTAINS(err.text, "No such file");
}

static void what_was_refused_is_tried_again(void)
{
    struct prov_plugins *plugins = prov_plugins_new();
    const struct ks_backend *backend = NULL;
    struct ks_err err = {0};
    char path[512];

    (void)snprintf(path, sizeof(path), "%s", test_path("later.so"));
    CHECK_RC(prov_plugin_get(plugins, path, &backend, NULL), KS_E_CONFIG);
    (void)copy(SHAPES_DIR "/other_abi.so", "later.so", 0755);
    CHECK_RC(prov_plugin_get(plugins, path, &backend, NULL), KS_E_UNSUPPORTED);
    CHECK(unlink(path) == 0);
    (void)copy(SHAPES_DIR "/whole.so", "later.so", 0755);
    CHECK_OK(prov_plugin_get(plugins, path, &backend, &err), &err);
    CHECK(backend != NULL);
    prov_plugins_free(plugins);
}

struct work {
    struct prov_plugins *plugins;
    const char *good, *bad;
    atomic_int failures;
};

static void *ask_for_both(void *arg)
{
    struct work *work = arg;

    for (int i = 0; i < ROUNDS; i++) {
        const struct ks_backend *backend = NULL;
        struct ks_err err = {0};

        if (prov_plugin_get(work->plugins, work->bad, &backend, &err) !=
            KS_E_UNSUPPORTED)
            work->failures++;
        if (prov_plugin_get(work->plugins, work->good, &backend, &err) !=
                KS_OK ||
            strcmp(backend->type, "shape") != 0)
            work->failures++;
    }
    return NULL;
}

static void threads_ask_at_once(void)
{
    char good[512], bad[512];
    struct work work = {.plugins = prov_plugins_new()};
    pthread_t threads[THREADS];

    (void)snprintf(good, sizeof(good), "%s", shape("whole"));
    (void)snprintf(bad, sizeof(bad), "%s", shape("other_abi"));
    work.good = good;
    work.bad = bad;
    for (size_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, ask_for_both, &work) == 0);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK_INT(work.failures, 0);
    prov_plugins_free(work.plugins);
}

static const struct test_case cases[] = {
    TEST_CASE(a_path_is_told_from_a_word),
    TEST_CASE(a_whole_one_is_loaded_once),
    TEST_CASE(two_lists_do_not_disturb_each_other),
    TEST_CASE(another_abi_is_told_before_all_else),
    TEST_CASE(what_is_no_backend_is_refused),
    TEST_CASE(callbacks_that_are_missing_are_named),
    TEST_CASE(what_is_no_shared_object_is_refused),
    TEST_CASE(what_is_cut_short_is_refused),
    TEST_CASE(what_lacks_the_library_is_told_of_it),
    TEST_CASE(a_file_that_others_may_write_is_not_loaded),
    TEST_CASE(what_was_refused_is_tried_again),
    TEST_CASE(threads_ask_at_once),
};
TEST_MAIN("provider.plugin", cases)
