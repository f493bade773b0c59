/*
 * Signatures per second with two keys named by URI or file, in turns.
 *
 *   bench_sign KEY_A KEY_B [SLICES [MILLISECONDS]]
 *
 * Prints both medians and the median of the pairwise ratios A/B. One signature
 * is what a TLS 1.3 server does: a fresh digest context, one EVP_DigestSign
 * over 130 bytes (RFC 8446, 4.4.3).
 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "load.h"
#include "timing.h"

#define TRANSCRIPT_LEN 130
#define MAX_SLICES 1000

static void sign_once(EVP_PKEY *pkey)
{
    static const unsigned char transcript[TRANSCRIPT_LEN] = {0x20};
    unsigned char sig[1024];
    size_t sig_len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx == NULL ||
        EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, pkey, NULL) !=
            1 ||
        EVP_DigestSign(ctx, sig, &sig_len, transcript, sizeof(transcript)) !=
            1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    EVP_MD_CTX_free(ctx);
}

static double slice(EVP_PKEY *pkey, double seconds)
{
    double start = bench_now();
    double end = start + seconds;
    double at = start;
    unsigned long done = 0;

    while (at < end) {
        sign_once(pkey);
        done++;
        at = bench_now();
    }
    return (double)done / (at - start);
}

int main(int argc, char **argv)
{
    static double a[MAX_SLICES], b[MAX_SLICES], ratio[MAX_SLICES];
    size_t slices = argc > 3 ? strtoul(argv[3], NULL, 10) : 31;
    double seconds = (argc > 4 ? strtod(argv[4], NULL) : 100) / 1000;

    if (argc < 3 || slices == 0 || slices > MAX_SLICES) {
        fprintf(stderr, "usage: bench_sign KEY_A KEY_B [SLICES [MS]]\n");
        return 2;
    }
    EVP_PKEY *key_a = bench_load(argv[1], NULL);
    EVP_PKEY *key_b = bench_load(argv[2], NULL);

    for (size_t i = 0; i < slices; i++) {
        a[i] = slice(key_a, seconds);
        b[i] = slice(key_b, seconds);
        ratio[i] = a[i] / b[i];
    }
    printf("%.0f %.0f %.3f\n", bench_median(a, slices), bench_median(b, slices),
           bench_median(ratio, slices));
    EVP_PKEY_free(key_a);
    EVP_PKEY_free(key_b);
    return 0;
}
