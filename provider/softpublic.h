/*
 * Public keys of the common forms, without a decoder.
 */
#ifndef PROV_SOFTPUBLIC_H
#define PROV_SOFTPUBLIC_H

#include <openssl/types.h>

#include "ctx.h"
#include "ks_buf.h"

/* The key in the child library context that SPKI (DER) holds; NULL if it is
 * of a form that a decoder has to look at, or no key at all. Leaves errors on
 * the queue. Caller frees. */
EVP_PKEY *prov_soft_public(const struct prov_ctx *ctx,
                           const struct ks_buf *spki);

#endif
