/*
 * A record as a row: its columns, the sum that holds them together, and the
 * marks by which it is found.
 */
#ifndef KS_SQLITE_ROW_H
#define KS_SQLITE_ROW_H

#include "ks_backend.h"
#include "seal/seal.h"
#include "sqlite/db.h"

#define KS_SQLITE_SUM 32 /* SHA-256 */

/* The columns that ks_sqlite_row_read wants, in its order. */
#define KS_SQLITE_COLUMNS                                                      \
    "label, created, origin, spki, form, private, recipients, cert, chain, "   \
    "sum"
/* Those that ks_sqlite_row_bind fills, ?1 and so on in this order: the above
 * and the marks. */
#define KS_SQLITE_ALL_COLUMNS                                                  \
    KS_SQLITE_COLUMNS                                                          \
    ", spki_sha256, spki_sha1, cert_sha256, cert_sha1, subject_hash"

/*
 * SHA-256 of all that is kept of NAME, so that a change anywhere shows. It is
 * no seal: against a person who can write there, keys are sealed, and the
 * halves compared. KS_E_CRYPTO.
 */
KS_MUST_CHECK ks_rc ks_sqlite_row_sum(const struct ks_crypto *crypto,
                                      const char *name,
                                      const struct ks_record *record,
                                      uint8_t sum[static KS_SQLITE_SUM],
                                      struct ks_err *err);

/* Takes the row NAME out of STMT, which stands on it, and checks it against
 * its sum: KS_E_DAMAGED. Caller clears *record. */
KS_MUST_CHECK ks_rc ks_sqlite_row_read(const struct ks_crypto *crypto,
                                       sqlite3_stmt *stmt, const char *name,
                                       struct ks_record *record,
                                       struct ks_err *err);

/* A row about to be written. Borrows what it is made of. */
struct ks_sqlite_row {
    const char *name;
    const struct ks_record *record;
    uint8_t sum[KS_SQLITE_SUM];
    uint8_t spki_sha256[32], spki_sha1[20];
    uint8_t cert_sha256[32], cert_sha1[20];
    bool has_subject;
    int64_t subject_hash;
};
/* KS_E_INVALID (a record that no material key has), KS_E_CRYPTO. */
KS_MUST_CHECK ks_rc ks_sqlite_row_make(const struct ks_crypto *crypto,
                                       const char *name,
                                       const struct ks_record *record,
                                       struct ks_sqlite_row *row,
                                       struct ks_err *err);
/* Returns SQLite's result. ROW must live until STMT is done. */
int ks_sqlite_row_bind(sqlite3_stmt *stmt, const struct ks_sqlite_row *row);

#endif
