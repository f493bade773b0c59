/*
 * scrypt's parameters: their text and their bounds.
 */
#include "ks_kdf.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* OpenSSL's own limit (SCRYPT_MAX_MEM, EVP_PBE_scrypt(3)); what is sealed
 * beyond it, stock OpenSSL does not open. */
#define MEMORY_MAX (UINT64_C(32) * 1024 * 1024)
/* 25 times the default's work: some ten seconds. */
#define WORK_MAX (UINT64_C(1) << 24)

/* Reads digits up to END or the text's end; false on anything else. */
static bool read_number(const char **text, char end, uint64_t *out)
{
    size_t len = strspn(*text, "0123456789");
    uint64_t number = 0;

    if (len == 0 || len > 9 || (*text)[len] != end)
        return false;
    for (size_t i = 0; i < len; i++)
        number = number * 10 + (uint64_t)((*text)[i] - '0');
    *text += len + (end != '\0');
    *out = number;
    return true;
}

ks_rc ks_kdf_check(const struct ks_kdf *kdf, struct ks_err *err)
{
    if (kdf->n < 2 || (kdf->n & (kdf->n - 1)) != 0)
        return ks_fail(err, KS_E_INVALID,
                       "scrypt N is not a power of two above 1");
    if (kdf->r == 0 || kdf->p == 0)
        return ks_fail(err, KS_E_INVALID, "scrypt r or p is zero");
    /* Bounded one by one first, so that the products cannot wrap. */
    if (kdf->n > MEMORY_MAX || kdf->r > MEMORY_MAX || kdf->p > MEMORY_MAX ||
        128 * kdf->r * kdf->p + 128 * kdf->r * (kdf->n + 2) > MEMORY_MAX)
        return ks_fail(err, KS_E_INVALID,
                       "scrypt needs more than 32 MiB (128 * N * r), which "
                       "stock OpenSSL refuses");
    if (kdf->n * kdf->r > WORK_MAX / kdf->p)
        return ks_fail(err, KS_E_INVALID,
                       "scrypt takes too long: N * r * p is over %llu",
                       (unsigned long long)WORK_MAX);
    return KS_OK;
}

ks_rc ks_kdf_parse(const char *text, struct ks_kdf *kdf, struct ks_err *err)
{
    static const char scheme[] = "scrypt:";
    struct ks_kdf read = {0};
    const char *at = text + sizeof(scheme) - 1;
    ks_rc rc;

    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0 ||
        !read_number(&at, ':', &read.n) || !read_number(&at, ':', &read.r) ||
        !read_number(&at, '\0', &read.p))
        return ks_fail(err, KS_E_INVALID,
                       "not of the form scrypt:N:r:p, such as %s",
                       KS_KDF_DEFAULT);
    rc = ks_kdf_check(&read, err);
    if (rc == KS_OK)
        *kdf = read;
    return rc;
}

void ks_kdf_format(const struct ks_kdf *kdf, char out[KS_KDF_TEXT_SIZE])
{
    (void)snprintf(out, KS_KDF_TEXT_SIZE,
                   "scrypt:%" PRIu64 ":%" PRIu64 ":%" PRIu64, kdf->n, kdf->r,
                   kdf->p);
}
