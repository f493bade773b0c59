/*
 * EMSA-PSS encoding (RFC 8017, 9.1.1) and MGF1 (B.2.1) over EVP: libcrypto's
 * own functions for it are deprecated.
 */
#include "pss.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define TRAILER 0xbc

/* The digests, fetched, and where the encoded message is put together. */
struct encoding {
    const struct hsm_pss *pss;
    EVP_MD *md;
    EVP_MD *mgf1;
    EVP_MD_CTX *ctx;
    uint8_t *em; /* masked DB, H, trailer */
    size_t em_len;
    size_t hash_len;
};

/* XORs LEN bytes of OUT with MGF1 of SEED. */
static int mask(const struct encoding *e, const uint8_t *seed, uint8_t *out,
                size_t len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    const size_t step = (size_t)EVP_MD_get_size(e->mgf1);
    uint32_t counter = 0;
    size_t done = 0, i;

    for (; done < len; done += step, counter++) {
        const uint8_t number[4] = {(uint8_t)(counter >> 24),
                                   (uint8_t)(counter >> 16),
                                   (uint8_t)(counter >> 8), (uint8_t)counter};

        if (EVP_DigestInit_ex2(e->ctx, e->mgf1, NULL) <= 0 ||
            EVP_DigestUpdate(e->ctx, seed, e->hash_len) <= 0 ||
            EVP_DigestUpdate(e->ctx, number, sizeof(number)) <= 0 ||
            EVP_DigestFinal_ex(e->ctx, digest, NULL) <= 0)
            return 0;
        for (i = 0; i < step && done + i < len; i++)
            out[done + i] ^= digest[i];
    }
    OPENSSL_cleanse(digest, sizeof(digest));
    return 1;
}

/* DB = PS || 01 || salt; H = Hash(eight zeros || HASH || salt). */
static int encode(const struct encoding *e, const uint8_t *hash)
{
    static const uint8_t zeros[8] = {0};
    const size_t db_len = e->em_len - e->hash_len - 1;
    uint8_t *salt = e->em + db_len - e->pss->salt_len;
    uint8_t *h = e->em + db_len;

    memset(e->em, 0, db_len);
    salt[-1] = 0x01;
    if (e->pss->salt_len != 0 &&
        RAND_bytes_ex(e->pss->libctx, salt, e->pss->salt_len, 0) <= 0)
        return 0;
    if (EVP_DigestInit_ex2(e->ctx, e->md, NULL) <= 0 ||
        EVP_DigestUpdate(e->ctx, zeros, sizeof(zeros)) <= 0 ||
        EVP_DigestUpdate(e->ctx, hash, e->hash_len) <= 0 ||
        EVP_DigestUpdate(e->ctx, salt, e->pss->salt_len) <= 0 ||
        EVP_DigestFinal_ex(e->ctx, h, NULL) <= 0 || !mask(e, h, e->em, db_len))
        return 0;
    h[e->hash_len] = TRAILER;
    return 1;
}

static ks_rc check_lengths(const struct encoding *e, size_t hash_len,
                           struct ks_err *err)
{
    if (hash_len != e->hash_len)
        return ks_fail(err, KS_E_INVALID,
                       "%zu bytes to sign, but a %s digest has %zu", hash_len,
                       e->pss->digest, e->hash_len);
    if (e->em_len < e->hash_len + 2 ||
        e->pss->salt_len > e->em_len - e->hash_len - 2)
        return ks_fail(err, KS_E_INVALID,
                       "a PSS salt of %zu bytes does not fit the key with %s",
                       e->pss->salt_len, e->pss->digest);
    return KS_OK;
}

static ks_rc fetch(struct encoding *e, struct ks_err *err)
{
    const struct hsm_pss *pss = e->pss;

    e->md = EVP_MD_fetch(pss->libctx, pss->digest, pss->propq);
    e->mgf1 = EVP_MD_fetch(pss->libctx, pss->mgf1_digest, pss->propq);
    if (e->md == NULL || e->mgf1 == NULL || EVP_MD_get_size(e->md) <= 0 ||
        EVP_MD_get_size(e->mgf1) <= 0)
        return ks_fail(err, KS_E_UNSUPPORTED, "no digest %s for PSS",
                       e->md == NULL ? pss->digest : pss->mgf1_digest);
    e->ctx = EVP_MD_CTX_new();
    if (e->ctx == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    e->hash_len = (size_t)EVP_MD_get_size(e->md);
    return KS_OK;
}

ks_rc hsm_pss_encode(const struct hsm_pss *pss, size_t bits,
                     const uint8_t *hash, size_t hash_len, uint8_t *out,
                     struct ks_err *err)
{
    const size_t em_bits = bits - 1;
    struct encoding e = {.pss = pss, .em_len = (em_bits + 7) / 8};
    ks_rc rc = fetch(&e, err);

    if (rc == KS_OK)
        rc = check_lengths(&e, hash_len, err);
    if (rc != KS_OK)
        goto out;
    /* A modulus of 8n+1 bits is one byte longer than what it signs. */
    e.em = out;
    if (em_bits % 8 == 0)
        *e.em++ = 0;
    if (!encode(&e, hash)) {
        rc = ks_fail(err, KS_E_CRYPTO, "PSS encoding failed in libcrypto");
        goto out;
    }
    if (em_bits % 8 != 0)
        e.em[0] &= (uint8_t)(0xff >> (8 - em_bits % 8));
out:
    EVP_MD_CTX_free(e.ctx);
    EVP_MD_free(e.md);
    EVP_MD_free(e.mgf1);
    return rc;
}
