/*
 * Owned bytes: ordinary ones and secret ones. They are two types, so that
 * nothing which prints or stores bytes takes a secret by mistake.
 */
#ifndef KS_BUF_H
#define KS_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ks_err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ks_buf {
    uint8_t *data; /* OPENSSL_malloc */
    size_t len;
};

/* From OpenSSL's secure heap where the program has made one, from the plain
 * heap otherwise; always wiped. DATA has a NUL after its LEN bytes. */
struct ks_secret {
    uint8_t *data;
    size_t len;
    bool random; /* 256 bits that we drew: a costly KDF would add nothing */
};

/* Copies. DATA may be NULL when LEN is 0. */
KS_MUST_CHECK ks_rc ks_buf_set(struct ks_buf *buf, const void *data,
                               size_t len);
/* Frees, then { 0 }. Takes NULL, and a second call. */
void ks_buf_clear(struct ks_buf *buf);

/* Copies, wiping what the secret held before. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_secret_set(struct ks_secret *secret, const void *data,
                                  size_t len);
/* Room for LEN bytes, zeroed; fill through ->data. KS_E_NOMEM. */
KS_MUST_CHECK ks_rc ks_secret_alloc(struct ks_secret *secret, size_t len);
/* Wipes, frees, then { 0 }. Takes NULL, and a second call. */
void ks_secret_clear(struct ks_secret *secret);

#ifdef __cplusplus
}
#endif

#endif
