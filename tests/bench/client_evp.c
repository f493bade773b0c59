/*
 * Signing through EVP. "sign": one context for each thread, set up once, and
 * EVP_PKEY_sign over a digest. "digest": as a TLS server does it, a context
 * for each signature.
 */
#include "client_evp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

static const struct client_job *job;
static EVP_PKEY *pkey;

void client_evp_die(const char *what)
{
    ERR_print_errors_fp(stderr);
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

void client_open(const struct client_job *given)
{
    job = given;
    pkey = client_evp_load(job);
}

void client_close(void)
{
    EVP_PKEY_free(pkey);
    client_evp_unload();
}

static EVP_PKEY_CTX *sign_ctx_new(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
        (job->rsa && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1))
        client_evp_die("a context for signing");
    return ctx;
}

void *client_thread_new(void)
{
    /* A digesting thread needs nothing; any pointer will do. */
    return job->digest ? (void *)pkey : (void *)sign_ctx_new();
}

void client_thread_free(void *thread)
{
    if (!job->digest)
        EVP_PKEY_CTX_free(thread);
}

static void digest_sign(void)
{
    unsigned char sig[1024];
    size_t sig_len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx == NULL ||
        EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) != 1 ||
        EVP_DigestSign(ctx, sig, &sig_len, client_data, CLIENT_DATA_LEN) != 1)
        client_evp_die("EVP_DigestSign");
    EVP_MD_CTX_free(ctx);
}

void client_sign(void *thread)
{
    unsigned char sig[1024];
    size_t sig_len = sizeof(sig);

    if (job->digest)
        digest_sign();
    else if (EVP_PKEY_sign(thread, sig, &sig_len, client_data,
                           CLIENT_DATA_LEN) != 1)
        client_evp_die("EVP_PKEY_sign");
}
