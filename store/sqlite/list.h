/*
 * Names in a database of keys: all of them, or those that fit a query. Read a
 * page at a time, so that a million take no memory to speak of, and told while
 * the database is not held, so that whoever is told may use it.
 */
#ifndef KS_SQLITE_LIST_H
#define KS_SQLITE_LIST_H

#include "ks_backend.h"
#include "seal/seal.h"
#include "sqlite/db.h"

/* Every name that is there from begin to end is told once. */
KS_MUST_CHECK ks_rc ks_sqlite_list(struct ks_sqlite_db *db, ks_list_fn *each,
                                   void *arg, struct ks_err *err);

/* As ks_backend's find. */
KS_MUST_CHECK ks_rc ks_sqlite_find(struct ks_sqlite_db *db,
                                   const struct ks_crypto *crypto,
                                   const struct ks_query *query,
                                   ks_list_fn *each, void *arg,
                                   struct ks_err *err);

#endif
