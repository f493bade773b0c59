/*
 * What programs do with keys that have nothing to do with the provider.
 */
#include "ordinary.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tls.h"

/* A key from PEM text, as a program reads a file. */
static EVP_PKEY *through_pem(const struct fixture *f, EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *read = NULL;

    if (PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1)
        read = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, f->ctx, NULL);
    BIO_free(bio);
    return read;
}

void ordinary_tls(const struct fixture *f, EVP_PKEY *pkey, const char *label)
{
    static const struct {
        int version;
        const char *group;
    } ways[] = {
        {TLS1_2_VERSION, "P-256"},  {TLS1_2_VERSION, "P-384"},
        {TLS1_2_VERSION, "X25519"}, {TLS1_3_VERSION, "P-256"},
        {TLS1_3_VERSION, "P-521"},  {TLS1_3_VERSION, "X25519"},
        {TLS1_3_VERSION, "X448"},   {TLS1_2_VERSION, NULL},
        {TLS1_3_VERSION, NULL},
    };
    X509 *cert = tls_certificate(f->ctx, pkey);
    size_t i;

    if (!CHECK(cert != NULL))
        fprintf(stderr, "    certificate of %s\n", label);
    for (i = 0; cert != NULL && i < sizeof(ways) / sizeof(ways[0]); i++)
        if (!CHECK(tls_handshake(f->ctx, pkey, cert, ways[i].version,
                                 ways[i].group)))
            fprintf(stderr, "    %s, %x, %s\n", label, ways[i].version,
                    ways[i].group != NULL ? ways[i].group : "any");
    X509_free(cert);
}

/* Key encapsulation is not ours: libcrypto moves the key to default. */
static void check_encapsulation(const struct fixture *f, EVP_PKEY *pkey,
                                const char *operation)
{
    EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_pkey(f->ctx, pkey, NULL);
    unsigned char wrapped[512], secret[512], again[512];
    size_t wrapped_len = sizeof(wrapped), secret_len = sizeof(secret);
    size_t again_len = sizeof(again);

    CHECK_INT(EVP_PKEY_encapsulate_init(pctx, NULL), 1);
    CHECK_INT(EVP_PKEY_CTX_set_kem_op(pctx, operation), 1);
    CHECK_INT(
        EVP_PKEY_encapsulate(pctx, wrapped, &wrapped_len, secret, &secret_len),
        1);
    CHECK_INT(EVP_PKEY_decapsulate_init(pctx, NULL), 1);
    CHECK_INT(EVP_PKEY_CTX_set_kem_op(pctx, operation), 1);
    CHECK_INT(
        EVP_PKEY_decapsulate(pctx, again, &again_len, wrapped, wrapped_len), 1);
    CHECK_BYTES(again, again_len, secret, secret_len);
    EVP_PKEY_CTX_free(pctx);
}

void ordinary_keys(const struct fixture *f)
{
    size_t i;

    for (i = 0; fixture_kinds[i] != NULL; i++) {
        EVP_PKEY *pkey = fixture_make(f, fixture_kinds[i], NULL, NULL);
        EVP_PKEY *read = pkey != NULL ? through_pem(f, pkey) : NULL;
        EVP_PKEY_CTX *check;

        if (!CHECK(pkey != NULL && read != NULL)) {
            fprintf(stderr, "    %s\n", fixture_kinds[i]);
            ERR_print_errors_fp(stderr);
            EVP_PKEY_free(pkey);
            continue;
        }
        CHECK_INT(EVP_PKEY_eq(pkey, read), 1);
        CHECK(fixture_use(f, pkey, read));
        CHECK(fixture_use(f, read, pkey));
        check = EVP_PKEY_CTX_new_from_pkey(f->ctx, pkey, NULL);
        CHECK_INT(EVP_PKEY_check(check), 1);
        EVP_PKEY_CTX_free(check);
        if (strcmp(fixture_kinds[i], "RSA") == 0)
            check_encapsulation(f, pkey, "RSASVE");
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
        if (fixture_kinds[i][0] == 'X' || fixture_kinds[i][0] == 'P')
            check_encapsulation(f, pkey, "DHKEM");
#endif
        if (fixture_kinds[i][0] != 'X')
            ordinary_tls(f, read, fixture_kinds[i]);
        EVP_PKEY_free(pkey);
        EVP_PKEY_free(read);
    }
}
