/*
 * P-256 keys made per second in one process: in a backend, against bare key
 * generation, in turns.
 *
 *   bench_create URI [KEYS [SLICES]]
 *
 * "%u" in URI is replaced by the key's number. Makes KEYS keys in all, in
 * SLICES parts. Prints both medians and the median of the pairwise ratios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "timing.h"

#define SLICES_MAX 1000
#define URI_MAX 1000

/* URI NULL: bare. */
static void make(char *uri)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(
        NULL, "EC", uri != NULL ? "provider=keystore" : NULL);
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM params[3], *p = params;

    *p++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                            (char *)"P-256", 0);
    if (uri != NULL)
        *p++ = OSSL_PARAM_construct_utf8_string("keystore-uri", uri, 0);
    *p = OSSL_PARAM_construct_end();
    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_params(ctx, params) != 1 ||
        EVP_PKEY_generate(ctx, &pkey) != 1) {
        ERR_print_errors_fp(stderr);
        fprintf(stderr, "bench_create: %s: not made\n",
                uri != NULL ? uri : "a key");
        exit(1);
    }
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
}

/* N keys, numbered from FROM; keys per second. */
static double slice(const char *pattern, size_t from, size_t n)
{
    const char *at = pattern != NULL ? strstr(pattern, "%u") : NULL;
    char uri[URI_MAX];
    double start = bench_now();

    for (size_t i = from; i < from + n; i++) {
        if (pattern != NULL)
            (void)snprintf(uri, sizeof(uri), "%.*s%zu%s", (int)(at - pattern),
                           pattern, i, at + 2);
        make(pattern != NULL ? uri : NULL);
    }
    return (double)n / (bench_now() - start);
}

int main(int argc, char **argv)
{
    static double a[SLICES_MAX], b[SLICES_MAX], ratio[SLICES_MAX];
    size_t keys = argc > 2 ? strtoul(argv[2], NULL, 10) : 10000;
    size_t slices = argc > 3 ? strtoul(argv[3], NULL, 10) : 20;

    if (argc < 2 || strstr(argv[1], "%u") == NULL || slices == 0 ||
        slices > SLICES_MAX || keys < slices) {
        fprintf(stderr, "usage: bench_create URI%%u [KEYS [SLICES]]\n");
        return 2;
    }
    make(NULL);
    for (size_t i = 0; i < slices; i++) {
        size_t n = keys / slices;

        a[i] = slice(argv[1], i * n, n);
        b[i] = slice(NULL, 0, n);
        ratio[i] = a[i] / b[i];
    }
    printf("%.0f %.0f %.3f\n", bench_median(a, slices), bench_median(b, slices),
           bench_median(ratio, slices));
    return 0;
}
