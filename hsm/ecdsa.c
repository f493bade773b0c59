/*
 * From r || s to DER. By hand: libcrypto's way takes three allocations, and
 * this is done for every signature.
 */
#include "ecdsa.h"

#include <string.h>

/* Leading zeros are left out of an INTEGER, unless the next bit would be
 * taken for a sign. */
static size_t skip_zeros(const uint8_t *half, size_t len)
{
    size_t zeros = 0;

    while (zeros + 1 < len && half[zeros] == 0)
        zeros++;
    return zeros;
}

static size_t integer_len(const uint8_t *half, size_t len)
{
    size_t zeros = skip_zeros(half, len);

    return len - zeros + (half[zeros] >> 7);
}

static uint8_t *put_integer(uint8_t *at, const uint8_t *half, size_t len)
{
    size_t zeros = skip_zeros(half, len);

    *at++ = 0x02;
    *at++ = (uint8_t)integer_len(half, len);
    if ((half[zeros] & 0x80) != 0)
        *at++ = 0;
    memcpy(at, half + zeros, len - zeros);
    return at + len - zeros;
}

ks_rc hsm_ecdsa_der(const uint8_t *raw, size_t raw_len, uint8_t *sig,
                    size_t *sig_len, struct ks_err *err)
{
    const size_t half = raw_len / 2;
    size_t body, head;
    uint8_t *at = sig;

    if (half == 0 || raw_len % 2 != 0 || half > HSM_ECDSA_HALF_MAX)
        return ks_fail(err, KS_E_CRYPTO,
                       "token gave an ECDSA signature of %zu bytes", raw_len);
    body = 4 + integer_len(raw, half) + integer_len(raw + half, half);
    head = body < 0x80 ? 2 : 3;
    if (head + body > *sig_len)
        return ks_fail(err, KS_E_INVALID,
                       "room for %zu bytes, the signature has %zu", *sig_len,
                       head + body);
    *at++ = 0x30;
    if (head == 3)
        *at++ = 0x81;
    *at++ = (uint8_t)body;
    at = put_integer(at, raw, half);
    at = put_integer(at, raw + half, half);
    *sig_len = (size_t)(at - sig);
    return KS_OK;
}
