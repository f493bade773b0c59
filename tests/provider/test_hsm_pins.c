/*
 * Where a token's PINs come from, and what is never done with them: tried
 * twice, asked for without need, shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ui.h>

#include "hsm.h"
#include "tmpdir.h"

#define TEXT_MAX 1024
#define GUARD_SECONDS 110
#define URI "keystore://hsm/a"
#define ASKING "keystore://asking/a"

static void open_with_key(struct fixture *f)
{
    EVP_PKEY *pkey;

    (void)alarm(GUARD_SECONDS);
    hsm_open(f);
    pkey = hsm_make(f, "P-256", URI, NULL);
    if (!CHECK(pkey != NULL))
        ERR_print_errors_fp(stderr);
    EVP_PKEY_free(pkey);
    /* The login ends with the last that uses the token. */
    fixture_close(f);
    fixture_open(f);
}

static void close_guarded(struct fixture *f)
{
    fixture_close(f);
    (void)alarm(0);
}

static void check_works(const struct fixture *f, const char *uri,
                        const char *pin)
{
    EVP_PKEY *pkey = fixture_load(f, uri, NULL, pin);

    if (!CHECK(pkey != NULL && fixture_use(f, pkey, pkey)))
        ERR_print_errors_fp(stderr);
    EVP_PKEY_free(pkey);
    CHECK_INT(ERR_peek_error(), 0);
}

static void check_refused(const struct fixture *f, const char *uri,
                          const char *pin, ks_rc want, const char *part)
{
    char text[TEXT_MAX];
    EVP_PKEY *pkey = fixture_load(f, uri, NULL, pin);

    CHECK(pkey == NULL);
    EVP_PKEY_free(pkey);
    CHECK_RC(fixture_raised(text, sizeof(text)), want);
    CHECK_CONTAINS(text, part);
    CHECK(strstr(text, HSM_PIN) == NULL);
    CHECK(strstr(text, HSM_WRONG_PIN) == NULL);
}

static void reopen(struct fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

static void pin_comes_from_configuration_uri_and_application(void)
{
    struct fixture f;

    open_with_key(&f);
    check_works(&f, URI, NULL);
    reopen(&f);
    check_works(&f, ASKING, HSM_PIN);
    reopen(&f);
    check_works(&f, ASKING "?pin-value=" HSM_PIN, NULL);
    reopen(&f);
    CHECK(setenv("TEST_PIN_HERE", HSM_PIN, 1) == 0);
    check_works(&f, ASKING "?pin-source=env:TEST_PIN_HERE", NULL);
    reopen(&f);
    check_works(&f, "keystore://wrong/a?pin-source=env:TEST_PIN_HERE", NULL);
    reopen(&f);
    check_works(&f, "pkcs11:token=provider%20test;object=a?pin-value=" HSM_PIN,
                NULL);
    close_guarded(&f);
}

/* The configured token's PIN holds for a URI that means the same token. */
static void configured_pin_serves_a_pkcs11_uri(void)
{
    struct fixture f;

    open_with_key(&f);
    check_works(&f, "pkcs11:token=provider%20test;object=a", NULL);
    close_guarded(&f);
}

static void nothing_public_asks_for_a_pin(void)
{
    struct fixture f;
    EVP_PKEY *public;

    open_with_key(&f);
    CHECK_INT(hsm_count(&f, "keystore://asking/"), 1);
    public = hsm_public(&f, "keystore://wrong/a");
    CHECK(public != NULL);
    EVP_PKEY_free(public);
    CHECK_INT(ERR_peek_error(), 0);
    close_guarded(&f);
}

static void missing_pin_is_said_to_be_missing(void)
{
    struct fixture f;

    open_with_key(&f);
    check_refused(&f, ASKING, NULL, KS_E_SECRET_MISSING, "user_pin");
    check_refused(&f, ASKING "?pin-source=env:NOT_SET_AT_ALL", NULL,
                  KS_E_SECRET_MISSING, "NOT_SET_AT_ALL");
    check_refused(&f, URI "?pin-source=", NULL, KS_E_SECRET_MISSING,
                  "pin-source");
    close_guarded(&f);
}

/* How often the application was asked. */
static unsigned asked;

static int count_asked(char *buf, int size, int rwflag, void *arg)
{
    (void)rwflag;
    (void)arg;
    asked++;
    (void)OPENSSL_strlcpy(buf, HSM_PIN, (size_t)size);
    return (int)strlen(buf);
}

static EVP_PKEY *load_counting(const struct fixture *f, const char *uri)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(count_asked, 0);
    OSSL_STORE_CTX *store =
        OSSL_STORE_open_ex(uri, f->ctx, NULL, ui, NULL, NULL, NULL, NULL);
    EVP_PKEY *pkey = NULL;
    OSSL_STORE_INFO *info;

    if (store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) &&
        (info = OSSL_STORE_load(store)) != NULL) {
        pkey = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    return pkey;
}

static void refused_pin_is_followed_by_no_other_and_not_tried_again(void)
{
    struct fixture f;

    open_with_key(&f);
    asked = 0;
    CHECK(load_counting(&f, "keystore://wrong/a") == NULL);
    CHECK_INT(asked, 0);
    CHECK_RC(fixture_raised(NULL, 0), KS_E_SECRET_WRONG);
    check_refused(&f, "keystore://wrong/a", NULL, KS_E_SECRET_WRONG, HSM_LABEL);
    reopen(&f); /* the process remembers */
    check_refused(&f, "keystore://wrong/a", NULL, KS_E_SECRET_WRONG, HSM_LABEL);
    check_refused(&f, URI "?pin-value=" HSM_WRONG_PIN, HSM_PIN,
                  KS_E_SECRET_WRONG, HSM_LABEL);
    check_works(&f, URI, NULL);
    close_guarded(&f);
}

static void empty_source_takes_back_the_configured_pin(void)
{
    struct fixture f;
    EVP_PKEY *pkey;

    open_with_key(&f);
    asked = 0;
    pkey = load_counting(&f, "keystore://wrong/a?pin-source=");
    CHECK_INT(asked, 1);
    if (!CHECK(pkey != NULL))
        ERR_print_errors_fp(stderr);
    EVP_PKEY_free(pkey);
    close_guarded(&f);
}

static void user_and_so_pin_are_not_both_taken(void)
{
    static const struct {
        const char *uri;
        const char *part[2];
    } cases[] = {
        {URI "?so-pin-source=pass:1",
         {"user_pin of [backend hsm]", "so-pin-source of the URI"}},
        {"keystore://officer/a?pin-value=1",
         {"pin-value of the URI", "so_pin of [backend officer]"}},
        {ASKING "?pin-source=pass:1&so-pin-source=pass:2",
         {"pin-source of the URI", "so-pin-source of the URI"}},
    };
    struct fixture f;
    char text[TEXT_MAX];
    size_t i;

    open_with_key(&f);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK(fixture_load(&f, cases[i].uri, NULL, NULL) == NULL);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_CONFIG);
        CHECK_CONTAINS(text, cases[i].part[0]);
        CHECK_CONTAINS(text, cases[i].part[1]);
        CHECK_CONTAINS(text, "--user-pin \"\"");
    }
    check_works(&f, "keystore://officer/a?so-pin-source=&pin-value=" HSM_PIN,
                NULL);
    close_guarded(&f);
}

static void so_pin_says_what_it_is_not_good_for(void)
{
    struct fixture f;
    char text[TEXT_MAX];
    EVP_PKEY *pkey;

    open_with_key(&f);
    pkey = fixture_load(&f, "keystore://officer/a", NULL, NULL);
    CHECK(pkey == NULL);
    EVP_PKEY_free(pkey);
    CHECK(fixture_raised(text, sizeof(text)) != KS_OK);
    CHECK_CONTAINS(text, "security officer");
    CHECK_CONTAINS(text, "user_pin");
    close_guarded(&f);
}

static void login_is_asked_for_once_while_keys_are_in_use(void)
{
    struct fixture f;
    EVP_PKEY *first, *second;

    open_with_key(&f);
    asked = 0;
    first = load_counting(&f, ASKING);
    second = load_counting(&f, ASKING);
    CHECK(first != NULL && second != NULL);
    CHECK_INT(asked, 1);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
    close_guarded(&f);
}

static const struct test_case cases[] = {
    TEST_CASE(pin_comes_from_configuration_uri_and_application),
    TEST_CASE(configured_pin_serves_a_pkcs11_uri),
    TEST_CASE(nothing_public_asks_for_a_pin),
    TEST_CASE(missing_pin_is_said_to_be_missing),
    TEST_CASE(refused_pin_is_followed_by_no_other_and_not_tried_again),
    TEST_CASE(empty_source_takes_back_the_configured_pin),
    TEST_CASE(user_and_so_pin_are_not_both_taken),
    TEST_CASE(so_pin_says_what_it_is_not_good_for),
    TEST_CASE(login_is_asked_for_once_while_keys_are_in_use),
};
TEST_MAIN("provider.hsm_pins", cases)
