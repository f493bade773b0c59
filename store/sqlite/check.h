/*
 * What a database of keys is like.
 */
#ifndef KS_SQLITE_CHECK_H
#define KS_SQLITE_CHECK_H

#include "ks_backend.h"
#include "sqlite/db.h"

/* Tells "file", "schema", "journal" and "keys". KS_E_DAMAGED if SQLite finds
 * its file damaged. A file that is not there yet is no fault. */
KS_MUST_CHECK ks_rc ks_sqlite_check(struct ks_sqlite_db *db, ks_fact_fn *each,
                                    void *arg, struct ks_err *err);

#endif
