/*
 * A database of keys in the folder of a case, and a hand in it that is not
 * the backend's.
 */
#ifndef TEST_SQLITE_RIG_H
#define TEST_SQLITE_RIG_H

#include "ks_backend.h"
#include "test.h"
#include "tmpdir.h"

#define RIG_FILE "keys.db"

/* Opens [backend db], whose path is keys.db. Stops the program if it cannot. */
void *rig_open(void);
void rig_close(void *store);

/* A record that differs for each SEED. The backend does not look into its
 * parts, so they are no real ones. Borrowed until the next call of this
 * thread. */
const struct ks_record *rig_record(const char *seed);
ks_rc rig_put(void *store, const char *name, const char *seed);
/* KS_OK only if NAME has all that rig_put kept for SEED; KS_E_VERIFY if it has
 * something else. */
ks_rc rig_get(void *store, const char *name, const char *seed,
              struct ks_err *err);
/* How many names there are. */
unsigned rig_count(void *store);

/* Runs SQL on keys.db by a connection of its own. Stops the program if that
 * fails. */
void rig_sql(const char *sql);
/* The integer that SQL gives. */
long long rig_number(const char *sql);
/* Whether SQLite would go through all rows of a table or index for SQL. */
bool rig_scans(const char *sql);

#endif
