/*
 * Issuing, one or many at a time: every step of all is committed before the
 * next step of any begins, so a group costs three commits.
 */
#include "audit.h"
#include "authority.h"
#include "texts.h"

#include <stdio.h>
#include <string.h>

#define GROUP_MAX 256

/* One step of one draft, inside the group's transaction. */
typedef ks_rc step_fn(const struct ca_env *env, struct ca_authority *authority,
                      struct ca_draft *draft, struct ks_err *err);

static ks_rc reserve(const struct ca_env *env, struct ca_authority *authority,
                     struct ca_draft *draft, struct ks_err *err)
{
    return ca_draft_reserve(env, authority->row.id, 0, draft, err);
}

static ks_rc record_tbs(const struct ca_env *env,
                        struct ca_authority *authority, struct ca_draft *draft,
                        struct ks_err *err)
{
    (void)authority;
    return ca_draft_record_tbs(env, draft, err);
}

static ks_rc record_cert(const struct ca_env *env,
                         struct ca_authority *authority, struct ca_draft *draft,
                         struct ks_err *err)
{
    return ca_draft_record_cert(env, authority->row.name, draft, err);
}

static void fail_all(struct ca_issue_result *results, size_t n, ks_rc rc,
                     const struct ks_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (results[i].rc != KS_OK)
            continue;
        results[i].rc = rc;
        results[i].err = *err;
    }
}

static bool any_left(const struct ca_issue_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (results[i].rc == KS_OK)
            return true;
    return false;
}

/* All of them or none: what fails here is the storage. False then. */
static bool in_one_commit(const struct ca_env *env,
                          struct ca_authority *authority, step_fn *step,
                          struct ca_draft *drafts,
                          struct ca_issue_result *results, size_t n)
{
    struct ks_err err = {0};
    ks_rc rc;

    /* A locked inventory is waited for once, not at each step. */
    if (!any_left(results, n))
        return true;
    rc = ks_inventory_begin(env->inv, &err);
    for (size_t i = 0; rc == KS_OK && i < n; i++) {
        if (results[i].rc == KS_OK)
            rc = step(env, authority, &drafts[i], &err);
    }
    if (rc == KS_OK)
        rc = ks_inventory_commit(env->inv, &err);
    else
        ks_inventory_rollback(env->inv);
    if (rc == KS_OK)
        return true;
    fail_all(results, n, rc, &err);
    return false;
}

/* Numbers of rows that were rolled back are given to others: no row is ours
 * then. */
static void reserve_all(const struct ca_env *env,
                        struct ca_authority *authority, struct ca_draft *drafts,
                        struct ca_issue_result *results, size_t n)
{
    if (in_one_commit(env, authority, reserve, drafts, results, n))
        return;
    for (size_t i = 0; i < n; i++)
        drafts[i].row = 0;
}

/* If this fails the next start does it (settle.c). */
static void give_up(const struct ca_env *env,
                    const struct ca_authority *authority,
                    struct ca_draft *draft)
{
    char object[KS_SERIAL_HEX + KS_CA_NAME_MAX + 8], serial[KS_SERIAL_HEX];
    struct ks_err ignored = {0};

    if (draft->row == 0 || ks_inventory_begin(env->inv, &ignored) != KS_OK)
        return;
    ca_hex(draft->serial, draft->serial_len, serial);
    (void)snprintf(object, sizeof(object), "%s by %s", serial,
                   authority->row.name);
    if (ks_cert_abandon(env->inv, draft->row, &ignored) != KS_OK ||
        ca_audit(env, "cert.abandon", object, NULL, &ignored) != KS_OK ||
        ks_inventory_commit(env->inv, &ignored) != KS_OK)
        ks_inventory_rollback(env->inv);
    draft->row = 0;
}

void ca_issue_group(const struct ca_env *env, struct ca_authority *authority,
                    struct ca_draft *drafts, struct ca_issue_result *results,
                    size_t n)
{
    const struct ca_signer *signer = &authority->signer;

    reserve_all(env, authority, drafts, results, n);
    for (size_t i = 0; i < n; i++) {
        if (results[i].rc == KS_OK)
            results[i].rc =
                ca_draft_encode(signer, &drafts[i], &results[i].err);
    }
    (void)in_one_commit(env, authority, record_tbs, drafts, results, n);
    for (size_t i = 0; i < n; i++) {
        if (results[i].rc == KS_OK)
            results[i].rc = ca_signer_sign(signer, &drafts[i].tbs,
                                           &drafts[i].der, &results[i].err);
    }
    (void)in_one_commit(env, authority, record_cert, drafts, results, n);
    for (size_t i = 0; i < n; i++) {
        if (results[i].rc != KS_OK)
            give_up(env, authority, &drafts[i]);
    }
}

static bool is_storage(ks_rc rc)
{
    return rc == KS_E_IO || rc == KS_E_FULL || rc == KS_E_BUSY ||
           rc == KS_E_NOMEM;
}

static void issue_some(const struct ca_env *env, struct ca_authority *authority,
                       const struct ca_issue_spec *specs,
                       struct ca_draft *drafts, struct ca_issue_result *results,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        memset(&drafts[i], 0, sizeof(drafts[i]));
        if (specs[i].csr == NULL)
            results[i].rc = ks_fail(&results[i].err, KS_E_INTERNAL,
                                    "a batch is made from requests");
        else
            results[i].rc = ca_issue_build(env, authority, &specs[i], NULL,
                                           &drafts[i], &results[i].err);
    }
    ca_issue_group(env, authority, drafts, results, n);
    for (size_t i = 0; i < n; i++) {
        if (results[i].rc == KS_OK)
            results[i].rc = ca_draft_result(
                env, &drafts[i], false, &results[i].issued, &results[i].err);
        ca_draft_clear(&drafts[i]);
    }
}

ks_rc ca_issue_many(const struct ca_env *env, struct ca_authority *authority,
                    const struct ca_issue_spec *specs, size_t n,
                    struct ca_issue_result *results, struct ks_err *err)
{
    struct ca_draft *drafts;
    ks_rc rc = KS_OK;

    memset(results, 0, n * sizeof(*results));
    drafts = OPENSSL_zalloc(GROUP_MAX * sizeof(*drafts));
    if (drafts == NULL)
        return ca_nomem(err);
    for (size_t done = 0; done < n; done += GROUP_MAX) {
        size_t some = n - done < GROUP_MAX ? n - done : GROUP_MAX;

        if (is_storage(rc))
            fail_all(results + done, n - done, rc, err);
        else
            issue_some(env, authority, specs + done, drafts, results + done,
                       some);
        for (size_t i = done; rc == KS_OK && i < done + some; i++) {
            rc = results[i].rc;
            if (rc != KS_OK)
                (void)ks_fail(err, rc, "%s", results[i].err.text);
        }
    }
    OPENSSL_free(drafts);
    return rc;
}
