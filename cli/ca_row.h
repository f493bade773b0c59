/*
 * Rows of the inventory as JSON objects.
 */
#ifndef CLI_CA_ROW_H
#define CLI_CA_ROW_H

#include "ca/ca.h"
#include "out.h"

/* A CA; WHOLE: its certificate's details, too. */
KS_MUST_CHECK ks_rc ca_row_json(const struct ks_ca_row *row, bool whole,
                                json_t **out, struct ks_err *err);

/* "active", "retired", "revoked", "expired" */
const char *ca_row_status(const struct ks_ca_row *row, time_t not_after,
                          time_t now);

/* A certificate; NAMES: with its SANs; WHOLE: all details of it. */
KS_MUST_CHECK ks_rc cert_row_json(const struct ks_cert_row *row, bool names,
                                  bool whole, json_t **out, struct ks_err *err);

/* "valid", "not-yet-valid", "expired", "revoked", "abandoned", ... */
const char *cert_row_status(const struct ks_cert_row *row, time_t now);

#endif
