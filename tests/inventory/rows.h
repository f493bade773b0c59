/*
 * Rows for tests of the inventory. All in one header: it is for these
 * programs only.
 */
#ifndef TEST_ROWS_H
#define TEST_ROWS_H

#include "ks_inventory.h"

#include <string.h>

#include "test.h"
#include "tmpdir.h"

static const uint8_t rows_hash[KS_HASH_LEN] = {1, 2, 3};

static inline struct ks_inventory *rows_open(void)
{
    struct ks_inventory *inv = NULL;
    struct ks_err err = {0};

    CHECK_OK(ks_inventory_open(test_path("caadm.db"), KS_INVENTORY_CREATE, &inv,
                               &err),
             &err);
    return inv;
}

/* Reserves SERIAL (given as a number) for CA. */
static inline ks_rc rows_reserve(struct ks_inventory *inv, int64_t ca,
                                 uint64_t serial, int64_t subject_ca,
                                 int64_t *id)
{
    uint8_t octets[8];
    struct ks_err err = {0};
    struct ks_cert_reserve reserve = {.ca = ca,
                                      .serial_len = sizeof(octets),
                                      .serial = octets,
                                      .profile = "server",
                                      .profile_hash = rows_hash,
                                      .subject_ca = subject_ca};

    for (int i = 7; i >= 0; i--, serial >>= 8)
        octets[i] = (uint8_t)serial;
    return ks_cert_reserve(inv, &reserve, id, &err);
}

static inline ks_rc rows_tbs(struct ks_inventory *inv, int64_t id,
                             const char *dns)
{
    struct ks_err err = {0};
    struct ks_cert_name names[2] = {{KS_NAME_DNS, dns}, {KS_NAME_CN, dns}};
    struct ks_cert_tbs tbs = {.tbs = (const uint8_t *)"tbs",
                              .tbs_len = 3,
                              .subject = dns,
                              .not_before = 1000,
                              .not_after = 2000,
                              .spki_hash = rows_hash,
                              .names = names,
                              .n_names = 2};

    return ks_cert_put_tbs(inv, id, &tbs, &err);
}

static inline int64_t rows_issue(struct ks_inventory *inv, int64_t ca,
                                 uint64_t serial, const char *dns)
{
    struct ks_err err = {0};
    int64_t id = 0;

    CHECK_RC(rows_reserve(inv, ca, serial, 0, &id), KS_OK);
    CHECK_RC(rows_tbs(inv, id, dns), KS_OK);
    CHECK_OK(ks_cert_finish(inv, id, (const uint8_t *)"der", 3, &err), &err);
    return id;
}

/* An active CA; PARENT 0: a root. */
static inline int64_t rows_ca(struct ks_inventory *inv, const char *name,
                              int64_t parent, uint64_t serial)
{
    struct ks_ca_row row = {.name = (char *)(uintptr_t)name,
                            .key_uri = (char *)(uintptr_t) "keystore:///k",
                            .parent = parent};
    struct ks_err err = {0};
    int64_t ca = 0, cert = 0;

    CHECK_OK(ks_ca_add(inv, &row, &ca, &err), &err);
    CHECK_RC(rows_reserve(inv, parent != 0 ? parent : ca, serial, ca, &cert),
             KS_OK);
    CHECK_RC(rows_tbs(inv, cert, name), KS_OK);
    CHECK_OK(ks_cert_finish(inv, cert, (const uint8_t *)"ca der", 6, &err),
             &err);
    CHECK_OK(ks_ca_activate(inv, ca, cert, rows_hash, &err), &err);
    return ca;
}

#endif
