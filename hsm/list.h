/*
 * What keys a token shows.
 */
#ifndef HSM_LIST_H
#define HSM_LIST_H

#include "ks_backend.h"
#include "store.h"

/* The list callback of the backend. */
KS_MUST_CHECK ks_rc hsm_list(struct hsm_store *store, ks_list_fn *each,
                             void *arg, struct ks_err *err);

#endif
