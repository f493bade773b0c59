/*
 * Errors of the provider. They are filed under its own name, so that a
 * person reads "keystore:...", by way of the core's upcalls; reason codes are
 * those of ks_err.h (reason = -rc).
 */
#ifndef PROV_ERR_H
#define PROV_ERR_H

#include <openssl/core.h>

#include "ctx.h"
#include "ks_err.h"

/* Raises RC with a text and returns 0, the "failed" of a dispatch function. */
#define prov_raise(ctx, rc, ...)                                               \
    prov_raise_at((ctx), (rc), __FILE__, __LINE__, __func__, __VA_ARGS__)
int prov_raise_at(const struct prov_ctx *ctx, ks_rc rc, const char *file,
                  int line, const char *func, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Raises RC with ERR's text (and hint); returns 0. */
#define prov_fail(ctx, rc, err)                                                \
    prov_fail_at((ctx), (rc), (err), __FILE__, __LINE__, __func__)
int prov_fail_at(const struct prov_ctx *ctx, ks_rc rc, const struct ks_err *err,
                 const char *file, int line, const char *func);

/* OSSL_FUNC_provider_get_reason_strings. */
const OSSL_ITEM *prov_reason_strings(void *provctx);

#endif
