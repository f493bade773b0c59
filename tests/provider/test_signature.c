/*
 * Signatures of keys that stay inside: the same as the plain key's where the
 * algorithm is deterministic, accepted by default's keys everywhere.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "fixture.h"

#define SIG_MAX 1024
#define AID_MAX 128 /* libcrypto's own limit: crypto/asn1/a_sign.c */
#define TEXT_MAX 1024

static const uint8_t message[200] = "a message to be signed";

/* One key as a program meets it: inside, and plain from the same file. */
struct pair {
    struct fixture f;
    EVP_PKEY *inside;
    EVP_PKEY *plain;
};

static void pair_open(struct pair *pair, const char *kind)
{
    memset(pair, 0, sizeof(*pair));
    fixture_open(&pair->f);
    EVP_PKEY_free(fixture_make(&pair->f, kind, "keystore://default/k", NULL));
    pair->inside = fixture_load(&pair->f, "keystore://stay/k", NULL, NULL);
    pair->plain = fixture_load(&pair->f, "keystore://default/k", NULL, NULL);
    CHECK_STR(fixture_provider_of(pair->inside), "keystore");
    CHECK_STR(fixture_provider_of(pair->plain), "default");
}

static void pair_close(struct pair *pair)
{
    EVP_PKEY_free(pair->inside);
    EVP_PKEY_free(pair->plain);
    (void)fixture_delete(&pair->f, "keystore://default/k");
    fixture_close(&pair->f);
}

static void same_bytes(const uint8_t *a, size_t a_len, const uint8_t *b,
                       size_t b_len)
{
    CHECK_BYTES(a, a_len, b, b_len);
}

/* Signs MESSAGE; PARAMS may be NULL; AID gets the AlgorithmIdentifier. */
static size_t sign(const struct pair *pair, EVP_PKEY *key, const char *digest,
                   const OSSL_PARAM params[], uint8_t *sig, uint8_t *aid,
                   size_t *aid_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    OSSL_PARAM get[] = {OSSL_PARAM_octet_string(
                            OSSL_SIGNATURE_PARAM_ALGORITHM_ID, aid, AID_MAX),
                        OSSL_PARAM_END};
    size_t len = SIG_MAX;
    bool ok = EVP_DigestSignInit_ex(ctx, &pctx, digest, pair->f.ctx, NULL, key,
                                    NULL) == 1 &&
              (params == NULL || EVP_PKEY_CTX_set_params(pctx, params) == 1) &&
              EVP_PKEY_CTX_get_params(pctx, get) == 1 &&
              EVP_DigestSign(ctx, sig, &len, message, sizeof(message)) == 1;

    *aid_len = get[0].return_size;
    EVP_MD_CTX_free(ctx);
    return ok ? len : 0;
}

static bool verifies(const struct pair *pair, EVP_PKEY *key, const char *digest,
                     const OSSL_PARAM params[], const uint8_t *sig, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    bool ok = EVP_DigestVerifyInit_ex(ctx, &pctx, digest, pair->f.ctx, NULL,
                                      key, NULL) == 1 &&
              (params == NULL || EVP_PKEY_CTX_set_params(pctx, params) == 1) &&
              EVP_DigestVerify(ctx, sig, len, message, sizeof(message)) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* Both keys sign; each verifies what the other signed. */
static void compare(const struct pair *pair, const char *digest,
                    const OSSL_PARAM params[], bool deterministic)
{
    uint8_t ours[SIG_MAX], theirs[SIG_MAX], id[AID_MAX], plain_id[AID_MAX];
    size_t id_len, plain_id_len;
    size_t len = sign(pair, pair->inside, digest, params, ours, id, &id_len);
    size_t plain_len = sign(pair, pair->plain, digest, params, theirs, plain_id,
                            &plain_id_len);

    CHECK(len > 0 && plain_len > 0);
    same_bytes(id, id_len, plain_id, plain_id_len);
    if (deterministic)
        same_bytes(ours, len, theirs, plain_len);
    CHECK(verifies(pair, pair->plain, digest, params, ours, len));
    CHECK(verifies(pair, pair->inside, digest, params, theirs, plain_len));
    if (len > 0)
        ours[len / 2] ^= 1;
    CHECK(!verifies(pair, pair->plain, digest, params, ours, len));
    CHECK(!verifies(pair, pair->inside, digest, params, ours, len));
}

/* On 3.0 ECDSA has no SHA512-256, and PSS no AlgorithmIdentifier with SHA-3. */
static const char *const digests[] = {"SHA1",     "SHA224",  "SHA256",
                                      "SHA384",   "SHA512",  "SHA512-256",
                                      "SHA3-256", "SHA3-512"};
#define N_PSS_DIGESTS 6
#define N_DIGESTS (sizeof(digests) / sizeof(digests[0]))

static void rsa_pkcs1_is_exactly_the_plain_keys(void)
{
    struct pair pair;
    size_t i;

    pair_open(&pair, "RSA");
    for (i = 0; i < N_DIGESTS; i++)
        compare(&pair, digests[i], NULL, true);
    compare(&pair, NULL, NULL, true); /* the default digest */
    pair_close(&pair);
}

static void ecdsa_is_accepted_with_every_digest(void)
{
    static const char *const kinds[] = {"P-256", "P-384", "P-521"};
    struct pair pair;
    size_t i, kind;

    for (kind = 0; kind < 3; kind++) {
        pair_open(&pair, kinds[kind]);
        for (i = 0; i < N_DIGESTS; i++)
            if (strcmp(digests[i], "SHA512-256") != 0)
                compare(&pair, digests[i], NULL, false);
        compare(&pair, NULL, NULL, false);
        pair_close(&pair);
    }
}

static void eddsa_is_exactly_the_plain_keys(void)
{
    struct pair pair;

    pair_open(&pair, "ED25519");
    compare(&pair, NULL, NULL, true);
    pair_close(&pair);
    pair_open(&pair, "ED448");
    compare(&pair, NULL, NULL, true);
    pair_close(&pair);
}

/* With PAD and SALT as words or as numbers. */
static void pss_case(const struct pair *pair, const char *digest,
                     const char *salt, const char *mgf1)
{
    OSSL_PARAM words[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE,
                                         (char *)"pss", 0),
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
                                         (char *)salt, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST,
                                         (char *)mgf1, 0),
        OSSL_PARAM_END};

    compare(pair, digest, words, false);
}

static void pss_takes_every_salt_and_mgf1_digest(void)
{
    static const char *const salts[] = {"digest", "max", "auto",
                                        "0",      "20",  "32"};
    struct pair pair;
    size_t salt, digest;

    pair_open(&pair, "RSA");
    for (digest = 0; digest < N_PSS_DIGESTS; digest++)
        for (salt = 0; salt < sizeof(salts) / sizeof(salts[0]); salt++)
            pss_case(&pair, digests[digest], salts[salt], digests[digest]);
    pss_case(&pair, "SHA256", "digest", "SHA384");
    pss_case(&pair, "SHA384", "max", "SHA1");
    pair_close(&pair);
}

/* The salt that was used is found by a verifier that insists on one. */
static void pss_salt_has_the_length_that_was_asked_for(void)
{
    static const struct {
        int asked;
        int used; /* of RSA-2048 with SHA-256 */
    } cases[] = {{RSA_PSS_SALTLEN_DIGEST, 32},
                 {RSA_PSS_SALTLEN_AUTO, 222},
                 {RSA_PSS_SALTLEN_MAX, 222},
                 {0, 0},
                 {222, 222}};
    struct pair pair;
    uint8_t sig[SIG_MAX], id[AID_MAX];
    size_t i, len, id_len;
    int pad = RSA_PKCS1_PSS_PADDING, salt;
    OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PAD_MODE, &pad),
        OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &salt),
        OSSL_PARAM_END};

    pair_open(&pair, "RSA");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        salt = cases[i].asked;
        len = sign(&pair, pair.inside, "SHA256", params, sig, id, &id_len);
        salt = cases[i].used;
        CHECK(verifies(&pair, pair.plain, "SHA256", params, sig, len));
        salt = cases[i].used + 1;
        CHECK(!verifies(&pair, pair.plain, "SHA256", params, sig, len));
    }
    salt = 223; /* does not fit */
    CHECK(sign(&pair, pair.inside, "SHA256", params, sig, id, &id_len) == 0);
    ERR_clear_error();
    pair_close(&pair);
}

static void parameters_are_given_back_as_default_gives_them(void)
{
    struct pair pair;
    EVP_PKEY *keys[2];
    char words[2][3][32] = {{"", "", ""}, {"", "", ""}};
    int numbers[2][2];
    size_t i;

    pair_open(&pair, "RSA");
    keys[0] = pair.inside;
    keys[1] = pair.plain;
    for (i = 0; i < 2; i++) {
        EVP_PKEY_CTX *ctx =
            EVP_PKEY_CTX_new_from_pkey(pair.f.ctx, keys[i], NULL);
        OSSL_PARAM as_words[] = {
            OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, words[i][0],
                                   32),
            OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN,
                                   words[i][1], 32),
            OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST,
                                   words[i][2], 32),
            OSSL_PARAM_END};
        OSSL_PARAM as_numbers[] = {
            OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PAD_MODE, &numbers[i][0]),
            OSSL_PARAM_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &numbers[i][1]),
            OSSL_PARAM_END};

        CHECK(EVP_PKEY_sign_init(ctx) == 1);
        CHECK(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha384()) == 1);
        CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1);
        CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 17) == 1);
        CHECK(EVP_PKEY_CTX_get_params(ctx, as_words) == 1);
        CHECK(EVP_PKEY_CTX_get_params(ctx, as_numbers) == 1);
        CHECK(EVP_PKEY_CTX_gettable_params(ctx) != NULL);
        CHECK(OSSL_PARAM_locate_const(EVP_PKEY_CTX_settable_params(ctx),
                                      OSSL_SIGNATURE_PARAM_PAD_MODE) != NULL);
        EVP_PKEY_CTX_free(ctx);
    }
    CHECK(memcmp(words[0], words[1], sizeof(words[0])) == 0);
    CHECK_STR(words[0][0], "pss");
    CHECK_STR(words[0][1], "17");
    CHECK(memcmp(numbers[0], numbers[1], sizeof(numbers[0])) == 0);
    pair_close(&pair);
}

static void rsa_pss_key_refuses_pkcs1(void)
{
    struct pair pair;
    EVP_PKEY_CTX *ctx;
    uint8_t sig[SIG_MAX];
    size_t len = sizeof(sig);

    pair_open(&pair, "RSA-PSS");
    compare(&pair, "SHA256", NULL, false);
    compare(&pair, NULL, NULL, false);
    ctx = EVP_PKEY_CTX_new_from_pkey(pair.f.ctx, pair.inside, NULL);
    CHECK(EVP_PKEY_sign_init(ctx) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) <= 0);
    CHECK(ERR_peek_error() != 0);
    ERR_clear_error();
    CHECK(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1);
    CHECK(EVP_PKEY_sign(ctx, sig, &len, message, 32) == 1);
    EVP_PKEY_CTX_free(ctx);
    pair_close(&pair);
}

/* A key that is bound to SHA-256 and a salt of at least 32 bytes. */
static EVP_PKEY *make_restricted(const struct fixture *f, const char *uri)
{
    EVP_PKEY_CTX *gen =
        EVP_PKEY_CTX_new_from_name(f->ctx, "RSA-PSS", FIXTURE_OURS);
    EVP_PKEY *pkey = NULL;
    size_t bits = 2048;
    int salt = 32;
    OSSL_PARAM params[] = {
        OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_BITS, &bits),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST, (char *)"SHA256", 6),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_MGF1_DIGEST,
                               (char *)"SHA256", 6),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt),
        OSSL_PARAM_utf8_string("keystore-uri", (char *)uri, strlen(uri)),
        OSSL_PARAM_END};

    CHECK(EVP_PKEY_keygen_init(gen) == 1);
    CHECK(EVP_PKEY_CTX_set_params(gen, params) == 1);
    CHECK(EVP_PKEY_generate(gen, &pkey) == 1);
    EVP_PKEY_CTX_free(gen);
    return pkey;
}

static void restrictions_of_a_pss_key_are_kept(void)
{
    struct pair pair = {.plain = NULL};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;

    fixture_open(&pair.f);
    EVP_PKEY_free(make_restricted(&pair.f, "keystore://default/k"));
    pair.inside = fixture_load(&pair.f, "keystore://stay/k", NULL, NULL);
    pair.plain = fixture_load(&pair.f, "keystore://default/k", NULL, NULL);
    REQUIRE(pair.inside != NULL && pair.plain != NULL);
    compare(&pair, "SHA256", NULL, false);
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, "SHA512", pair.f.ctx, NULL,
                                pair.inside, NULL) != 1);
    EVP_MD_CTX_reset(ctx);
    CHECK(EVP_DigestSignInit_ex(ctx, &pctx, "SHA256", pair.f.ctx, NULL,
                                pair.inside, NULL) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 31) <= 0);
    CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 33) == 1);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    pair_close(&pair);
}

static void parts_give_what_the_whole_gives(void)
{
    struct pair pair;
    uint8_t whole[SIG_MAX], parts[SIG_MAX], id[AID_MAX];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len, part_len = sizeof(parts), id_len, i;

    pair_open(&pair, "RSA");
    len = sign(&pair, pair.inside, "SHA256", NULL, whole, id, &id_len);
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", pair.f.ctx, NULL,
                                pair.inside, NULL) == 1);
    for (i = 0; i < sizeof(message); i++)
        CHECK(EVP_DigestSignUpdate(ctx, message + i, 1) == 1);
    CHECK(EVP_DigestSignFinal(ctx, parts, &part_len) == 1);
    same_bytes(parts, part_len, whole, len);
    EVP_MD_CTX_free(ctx);
    pair_close(&pair);
}

/* Two contexts with one key, in turn; and one that is copied half way. */
static void contexts_do_not_disturb_each_other(void)
{
    struct pair pair;
    uint8_t want[SIG_MAX], sig[3][SIG_MAX], id[AID_MAX];
    EVP_MD_CTX *ctx[3];
    size_t want_len, len[3], id_len, i, half = sizeof(message) / 2;

    pair_open(&pair, "RSA");
    want_len = sign(&pair, pair.plain, "SHA256", NULL, want, id, &id_len);
    for (i = 0; i < 3; i++) {
        len[i] = SIG_MAX;
        ctx[i] = EVP_MD_CTX_new();
    }
    for (i = 0; i < 2; i++)
        CHECK(EVP_DigestSignInit_ex(ctx[i], NULL, "SHA256", pair.f.ctx, NULL,
                                    pair.inside, NULL) == 1);
    for (i = 0; i < 2; i++)
        CHECK(EVP_DigestSignUpdate(ctx[i], message, half) == 1);
    CHECK(EVP_MD_CTX_copy_ex(ctx[2], ctx[0]) == 1);
    CHECK(EVP_DigestSignUpdate(ctx[1], "other", 5) == 1);
    CHECK(EVP_DigestSignUpdate(ctx[0], message + half,
                               sizeof(message) - half) == 1);
    CHECK(EVP_DigestSignFinal(ctx[0], sig[0], &len[0]) == 1);
    CHECK(EVP_DigestSignFinal(ctx[1], sig[1], &len[1]) == 1);
    EVP_MD_CTX_free(ctx[0]);
    CHECK(EVP_DigestSignUpdate(ctx[2], message + half,
                               sizeof(message) - half) == 1);
    CHECK(EVP_DigestSignFinal(ctx[2], sig[2], &len[2]) == 1);
    same_bytes(sig[0], len[0], want, want_len);
    same_bytes(sig[2], len[2], want, want_len);
    CHECK(memcmp(sig[1], want, want_len) != 0);
    EVP_MD_CTX_free(ctx[1]);
    EVP_MD_CTX_free(ctx[2]);
    pair_close(&pair);
}

static void plain_context_can_be_copied(void)
{
    struct pair pair;
    EVP_PKEY_CTX *ctx, *dup;
    uint8_t a[SIG_MAX], b[SIG_MAX];
    size_t a_len = SIG_MAX, b_len = SIG_MAX;

    pair_open(&pair, "RSA");
    ctx = EVP_PKEY_CTX_new_from_pkey(pair.f.ctx, pair.inside, NULL);
    CHECK(EVP_PKEY_sign_init(ctx) == 1);
    CHECK(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1);
    dup = EVP_PKEY_CTX_dup(ctx);
    REQUIRE(dup != NULL);
    CHECK(EVP_PKEY_sign(ctx, a, &a_len, message, 32) == 1);
    EVP_PKEY_CTX_free(ctx);
    CHECK(EVP_PKEY_sign(dup, b, &b_len, message, 32) == 1);
    same_bytes(a, a_len, b, b_len);
    EVP_PKEY_CTX_free(dup);
    pair_close(&pair);
}

static void context_can_be_begun_again(void)
{
    struct pair pair;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t want[SIG_MAX], sig[SIG_MAX], id[AID_MAX];
    size_t want_len, len, id_len;

    pair_open(&pair, "RSA");
    want_len = sign(&pair, pair.plain, "SHA512", NULL, want, id, &id_len);
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", pair.f.ctx, NULL,
                                pair.inside, NULL) == 1);
    CHECK(EVP_DigestSignUpdate(ctx, "lost", 4) == 1);
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, "SHA512", pair.f.ctx, NULL,
                                pair.inside, NULL) == 1);
    CHECK(EVP_DigestSignUpdate(ctx, message, sizeof(message)) == 1);
    len = sizeof(sig);
    CHECK(EVP_DigestSignFinal(ctx, sig, &len) == 1);
    same_bytes(sig, len, want, want_len);
    /* Without a key and a digest: those of before. */
    if (EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, NULL, NULL) == 1) {
        CHECK(EVP_DigestSignUpdate(ctx, message, sizeof(message)) == 1);
        len = sizeof(sig);
        CHECK(EVP_DigestSignFinal(ctx, sig, &len) == 1);
        CHECK(verifies(&pair, pair.plain, "SHA512", NULL, sig, len) ||
              verifies(&pair, pair.plain, "SHA256", NULL, sig, len));
    }
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    pair_close(&pair);
}

static void length_can_be_asked_and_too_little_room_is_refused(void)
{
    static const char *const kinds[] = {"RSA", "RSA-PSS", "P-256", "P-521",
                                        "ED25519"};
    struct pair pair;
    char text[TEXT_MAX];
    size_t i;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        uint8_t sig[SIG_MAX];
        size_t len = 0, small;

        pair_open(&pair, kinds[i]);
        CHECK(EVP_DigestSignInit_ex(ctx, NULL, NULL, pair.f.ctx, NULL,
                                    pair.inside, NULL) == 1);
        CHECK(EVP_DigestSign(ctx, NULL, &len, message, sizeof(message)) == 1);
        CHECK_INT(len, EVP_PKEY_get_size(pair.plain));
        small = len - 1;
        CHECK(EVP_DigestSign(ctx, sig, &small, message, sizeof(message)) != 1);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
        CHECK_CONTAINS(text, "keystore://stay/k");
        EVP_MD_CTX_free(ctx);
        pair_close(&pair);
    }
}

static void eddsa_takes_no_digest_and_no_parts(void)
{
    struct pair pair;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    pair_open(&pair, "ED25519");
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", pair.f.ctx, NULL,
                                pair.inside, NULL) != 1);
    EVP_MD_CTX_reset(ctx);
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, NULL, pair.f.ctx, NULL, pair.inside,
                                NULL) == 1);
    CHECK(EVP_DigestSignUpdate(ctx, message, 1) != 1);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    pair_close(&pair);
}

/* EVP_PKEY_sign with PAD; digest SHA-256 unless PAD is none. */
static size_t sign_plainly(const struct pair *pair, EVP_PKEY *key, int pad,
                           size_t in_len, uint8_t *sig)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(pair->f.ctx, key, NULL);
    static const uint8_t block[256] = {0, 1, 2, 3};
    size_t len = SIG_MAX;
    bool ok = EVP_PKEY_sign_init(ctx) == 1 &&
              (pad == RSA_NO_PADDING ||
               EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1) &&
              (pad == 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, pad) == 1) &&
              EVP_PKEY_sign(ctx, sig, &len, block, in_len) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok ? len : 0;
}

static void input_of_a_wrong_length_is_refused(void)
{
    struct pair pair;
    uint8_t ours[SIG_MAX], theirs[SIG_MAX];
    char text[TEXT_MAX];
    size_t len;

    pair_open(&pair, "RSA");
    CHECK(sign_plainly(&pair, pair.inside, RSA_PKCS1_PADDING, 31, ours) == 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK_CONTAINS(text, "31 bytes");
    CHECK(sign_plainly(&pair, pair.inside, RSA_NO_PADDING, 255, ours) == 0);
    ERR_clear_error();
    len = sign_plainly(&pair, pair.inside, RSA_NO_PADDING, 256, ours);
    CHECK(len == sign_plainly(&pair, pair.plain, RSA_NO_PADDING, 256, theirs));
    same_bytes(ours, len, theirs, 256);
    pair_close(&pair);
    pair_open(&pair, "P-256");
    CHECK(sign_plainly(&pair, pair.inside, 0, 33, ours) == 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_INVALID);
    CHECK(sign_plainly(&pair, pair.inside, 0, 32, ours) > 0);
    pair_close(&pair);
}

static void x931_is_refused_with_a_reason(void)
{
    struct pair pair;
    uint8_t sig[SIG_MAX];
    char text[TEXT_MAX];

    pair_open(&pair, "RSA");
    CHECK(sign_plainly(&pair, pair.inside, RSA_X931_PADDING, 32, sig) == 0);
    CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_UNSUPPORTED);
    CHECK_CONTAINS(text, "keystore://stay/k");
    pair_close(&pair);
}

/* What a backend would not hear of must not be dropped in silence. */
static void unknown_ways_of_signing_are_refused(void)
{
    static const struct {
        const char *kind;
        const char *name;
        const char *word; /* NULL: the number 1 */
    } cases[] = {
        {"ED25519", "instance", "Ed25519ph"},
        {"ED25519", "context-string", "x"},
        {"P-256", "nonce-type", NULL},
    };
    struct pair pair;
    unsigned one = 1;
    char text[TEXT_MAX];
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        OSSL_PARAM params[] = {
            cases[i].word != NULL
                ? OSSL_PARAM_construct_utf8_string(cases[i].name,
                                                   (char *)cases[i].word, 0)
                : OSSL_PARAM_construct_uint(cases[i].name, &one),
            OSSL_PARAM_END};

        pair_open(&pair, cases[i].kind);
        CHECK(EVP_DigestSignInit_ex(ctx, NULL, NULL, pair.f.ctx, NULL,
                                    pair.inside, params) != 1);
        CHECK_RC(fixture_raised(text, sizeof(text)), KS_E_UNSUPPORTED);
        CHECK_CONTAINS(text, cases[i].name);
        EVP_MD_CTX_free(ctx);
        pair_close(&pair);
    }
}

static void digest_is_recovered_from_a_signature(void)
{
    struct pair pair;
    EVP_PKEY_CTX *ctx;
    uint8_t sig[SIG_MAX], digest[SIG_MAX];
    size_t len, digest_len = sizeof(digest);

    pair_open(&pair, "RSA");
    len = sign_plainly(&pair, pair.inside, RSA_PKCS1_PADDING, 32, sig);
    ctx = EVP_PKEY_CTX_new_from_pkey(pair.f.ctx, pair.inside, NULL);
    CHECK(EVP_PKEY_verify_recover_init(ctx) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1);
    CHECK(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1);
    CHECK(EVP_PKEY_verify_recover(ctx, digest, &digest_len, sig, len) == 1);
    CHECK_INT(digest_len, 32);
    CHECK(digest[3] == 3);
    EVP_PKEY_CTX_free(ctx);
    pair_close(&pair);
}

static void key_agreement_key_does_not_sign(void)
{
    struct pair pair;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    pair_open(&pair, "X25519");
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, NULL, pair.f.ctx, NULL, pair.inside,
                                NULL) != 1);
    CHECK(ERR_peek_error() != 0);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    pair_close(&pair);
}

/* Libcrypto's accidents: keys with no URI that our keymgmt holds. */
static void key_without_a_uri_signs_as_default_does(void)
{
    static const char *const kinds[] = {"RSA", "RSA-PSS", "EC", "ED25519"};
    struct pair pair = {.plain = NULL};
    uint8_t sig[SIG_MAX], id[AID_MAX];
    size_t i, len, id_len;

    fixture_open(&pair.f);
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        EVP_PKEY *key = kinds[i][1] == 'S'
                            ? EVP_PKEY_Q_keygen(pair.f.ctx, FIXTURE_OURS, "RSA",
                                                (size_t)2048)
                            : EVP_PKEY_Q_keygen(pair.f.ctx, FIXTURE_OURS,
                                                kinds[i], "P-256");

        CHECK_STR(fixture_provider_of(key), "keystore");
        len = sign(&pair, key, NULL, NULL, sig, id, &id_len);
        CHECK(len > 0 && id_len > 0);
        CHECK(verifies(&pair, key, NULL, NULL, sig, len));
        EVP_PKEY_free(key);
    }
    fixture_close(&pair.f);
}

struct signer {
    const struct pair *pair;
    unsigned failed;
};

static void *sign_often(void *arg)
{
    struct signer *signer = arg;
    uint8_t sig[SIG_MAX], id[AID_MAX];
    size_t i, len, id_len;

    for (i = 0; i < 50; i++) {
        len = sign(signer->pair, signer->pair->inside, "SHA256", NULL, sig, id,
                   &id_len);
        if (len == 0 || !verifies(signer->pair, signer->pair->plain, "SHA256",
                                  NULL, sig, len))
            signer->failed++;
    }
    return NULL;
}

static void many_threads_sign_with_one_key(void)
{
    struct pair pair;
    struct signer signers[4];
    pthread_t threads[4];
    size_t i;

    pair_open(&pair, "P-256");
    for (i = 0; i < 4; i++) {
        signers[i] = (struct signer){.pair = &pair};
        REQUIRE(pthread_create(&threads[i], NULL, sign_often, &signers[i]) ==
                0);
    }
    for (i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK_INT(signers[i].failed, 0);
    }
    pair_close(&pair);
}

static const struct test_case cases[] = {
    TEST_CASE(rsa_pkcs1_is_exactly_the_plain_keys),
    TEST_CASE(ecdsa_is_accepted_with_every_digest),
    TEST_CASE(eddsa_is_exactly_the_plain_keys),
    TEST_CASE(pss_takes_every_salt_and_mgf1_digest),
    TEST_CASE(pss_salt_has_the_length_that_was_asked_for),
    TEST_CASE(parameters_are_given_back_as_default_gives_them),
    TEST_CASE(rsa_pss_key_refuses_pkcs1),
    TEST_CASE(restrictions_of_a_pss_key_are_kept),
    TEST_CASE(parts_give_what_the_whole_gives),
    TEST_CASE(contexts_do_not_disturb_each_other),
    TEST_CASE(plain_context_can_be_copied),
    TEST_CASE(context_can_be_begun_again),
    TEST_CASE(length_can_be_asked_and_too_little_room_is_refused),
    TEST_CASE(eddsa_takes_no_digest_and_no_parts),
    TEST_CASE(input_of_a_wrong_length_is_refused),
    TEST_CASE(x931_is_refused_with_a_reason),
    TEST_CASE(unknown_ways_of_signing_are_refused),
    TEST_CASE(digest_is_recovered_from_a_signature),
    TEST_CASE(key_agreement_key_does_not_sign),
    TEST_CASE(key_without_a_uri_signs_as_default_does),
    TEST_CASE(many_threads_sign_with_one_key),
};
TEST_MAIN("provider.signature", cases)
