/*
 * The way from a sealed key to the keys that it is sealed to, whatever backend
 * they are in; and to those in PEM files: an escrow key that is kept offline
 * but for its public half.
 */
#ifndef PROV_KEYRING_H
#define PROV_KEYRING_H

#include "ctx.h"
#include "seal/sealing.h"

/* Borrows CTX. What a key that it opened came from stays open until the key is
 * closed. */
struct ks_keyring prov_keyring(const struct prov_ctx *ctx);

#endif
