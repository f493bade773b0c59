/*
 * The inventory and the CA library, made ready for a command.
 */
#ifndef CLI_ENV_H
#define CLI_ENV_H

#include "ca/ca.h"
#include "cli.h"
#include "ks_inventory.h"

/*
 * Opens the inventory in MODE and, to write, settles what dead processes
 * left; loads the provider when WITH_KEYS. PASSIN (may be NULL) is where a
 * loaded key's secret comes from. *env borrows from CLI.
 */
KS_MUST_CHECK ks_rc cli_env_open(struct cli *cli, enum ks_inventory_mode mode,
                                 bool with_keys, const char *passin,
                                 struct ca_env *env, struct ks_err *err);

/* As cli_env_open for commands that need keys and can do without an
 * inventory: *env has none if there is none. */
KS_MUST_CHECK ks_rc cli_env_keys(struct cli *cli, enum ks_inventory_mode mode,
                                 const char *passin, struct ca_env *env,
                                 struct ks_err *err);

/* A row of the audit log for an act that the CA library does not do. INV
 * may be NULL: there is nowhere to record it. */
KS_MUST_CHECK ks_rc cli_audit(struct ks_inventory *inv, const char *act,
                              const char *object, struct ks_err *err);

#endif
