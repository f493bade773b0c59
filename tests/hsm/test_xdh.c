/*
 * X25519 and X448 on tokens, also on those that have them among Edwards
 * curves (SoftHSM): made there or given to it, they agree with libcrypto's.
 */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fault.h"
#include "hold.h"
#include "keys.h"
#include "leaks.h"
#include "softhsm.h"
#include "test.h"

static const char *const kinds[] = {"X25519", "X448"};

static size_t raw_public(const EVP_PKEY *key, uint8_t out[static 64])
{
    size_t len = 64;

    return EVP_PKEY_get_raw_public_key(key, out, &len) == 1 ? len : 0;
}

/* What libcrypto gets for MINE and the key on the token. */
static size_t agree(EVP_PKEY *mine, EVP_PKEY *theirs, uint8_t out[static 64])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(mine, NULL);
    size_t len = 64;

    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
        EVP_PKEY_derive_set_peer(ctx, theirs) != 1 ||
        EVP_PKEY_derive(ctx, out, &len) != 1)
        len = 0;
    EVP_PKEY_CTX_free(ctx);
    return len;
}

/* SoftHSM loses the points of such keys. */
static ks_rc derive(const struct ks_key_ops *ops, void *key,
                    const uint8_t *peer, size_t len, struct ks_secret *secret,
                    struct ks_err *err)
{
    const struct ks_mech_params xdh = {.mech = KS_MECH_XDH};
    ks_rc rc;

    test_leaks_ignore(true);
    rc = ops->derive(key, &xdh, peer, len, secret, err);
    test_leaks_ignore(false);
    return rc;
}

static void check_agrees(struct hold *hold, const char *name, const char *kind)
{
    EVP_PKEY *mine = EVP_PKEY_Q_keygen(NULL, NULL, kind), *theirs;
    const struct ks_key_ops *ops = NULL;
    struct ks_secret secret = {0};
    struct ks_buf spki = {0};
    uint8_t peer[64], want[64];
    const uint8_t *at;
    void *key = NULL;
    size_t len;

    hold->err = (struct ks_err){{0}, {0}};
    if (!CHECK_OK(ks_pkcs11_backend.open_key(hold->store, name, &hold->ask,
                                             &ops, &key, &spki, &hold->err),
                  &hold->err)) {
        EVP_PKEY_free(mine);
        return;
    }
    at = spki.data;
    theirs = d2i_PUBKEY(NULL, &at, (long)spki.len);
    CHECK(theirs != NULL && EVP_PKEY_is_a(theirs, kind));
    len = raw_public(mine, peer);
    CHECK_OK(derive(ops, key, peer, len, &secret, &hold->err), &hold->err);
    len = agree(mine, theirs, want);
    CHECK(len > 0);
    CHECK_BYTES(secret.data, secret.len, want, len);
    /* RFC 7748, 6.1: a point of small order agrees on nothing */
    memset(peer, 0, sizeof(peer));
    ks_secret_clear(&secret);
    CHECK(derive(ops, key, peer, len, &secret, NULL) != KS_OK);
    ks_secret_clear(&secret);
    ops->free(key);
    ks_buf_clear(&spki);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(theirs);
}

static void keys_made_on_the_token_agree(void)
{
    struct hold hold;
    ks_rc rc;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    for (size_t i = 0; i < 2; i++) {
        test_leaks_ignore(true);
        rc = hold_make(&hold, kinds[i], kinds[i], 0);
        test_leaks_ignore(false);
        CHECK_OK(rc, &hold.err);
        CHECK_STR(hold_described(&hold, kinds[i], "usage", &rc), "derive");
        CHECK_STR(hold_described(&hold, kinds[i], "sensitive", &rc), "yes");
        CHECK_STR(hold_described(&hold, kinds[i], "extractable", &rc), "no");
        check_agrees(&hold, kinds[i], kinds[i]);
    }
    CHECK_STR(hold_names(&hold), "X25519 X448");
    hold_close(&hold);
}

static void keys_from_outside_agree(void)
{
    struct hold hold;
    ks_rc rc;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    for (size_t i = 0; i < 2; i++) {
        test_leaks_ignore(true);
        rc = hold_save(&hold, kinds[i], kinds[i], 0);
        test_leaks_ignore(false);
        if (CHECK_OK(rc, &hold.err))
            check_agrees(&hold, kinds[i], kinds[i]);
    }
    hold_close(&hold);
}

static void they_do_not_sign(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, NULL);
    CHECK_RC(hold_make(&hold, "k", "X25519", KS_USAGE_SIGN), KS_E_INVALID);
    CHECK_CONTAINS(hold.err.text, "sign");
    CHECK_STR(hold_names(&hold), "");
    hold_close(&hold);
}

/* Neither mechanism: the one that PKCS#11 has for them is named. */
static void a_token_that_has_neither_way_says_so(void)
{
    struct hold hold;

    test_softhsm_setup();
    hold_open(&hold, fault_module());
    fault_rules("mechanism 0x1055\n");
    CHECK_RC(hold_make(&hold, "k", "X448", 0), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(hold.err.text, "CKM_EC_MONTGOMERY_KEY_PAIR_GEN");
    CHECK_INT(fault_calls("C_GenerateKeyPair"), 0);
    CHECK_INT(hold.pins.given, 0);
    hold_close(&hold);
}

static const struct test_case cases[] = {
    TEST_CASE(keys_made_on_the_token_agree),
    TEST_CASE(keys_from_outside_agree),
    TEST_CASE(they_do_not_sign),
    TEST_CASE(a_token_that_has_neither_way_says_so),
};
TEST_MAIN("hsm.xdh", cases)
