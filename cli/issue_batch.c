/*
 * `cert issue` with many requests: grouped commits, one file a certificate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "file.h"
#include "issue_args.h"
#include "issued.h"

#define GROUP 64 /* requests that share commits, and are held in memory */

struct batch {
    struct cli *cli;
    const struct ca_env *env;
    struct ca_authority *authority;
    const struct issue_args *args;
    const struct ca_issue_spec *common;
    json_t *done; /* with --json only */
    size_t issued;
    size_t failed;
    ks_rc first; /* failure */
    struct ks_err first_err;
};

/* One request on its way. */
struct item {
    const char *csr_path;
    char *out_path;
    struct ca_csr *csr;
    struct cli_file file;
    bool ready; /* is among those that are to be issued */
};

static void note_failure(struct batch *batch, const char *path, ks_rc rc,
                         const struct ks_err *err)
{
    char safe[1024];

    snprintf(safe, sizeof(safe), "%s%s%s",
             strstr(err->text, path) == NULL ? path : "",
             strstr(err->text, path) == NULL ? ": " : "",
             err->text[0] != '\0' ? err->text : ks_rc_text(rc));
    batch->failed++;
    if (batch->first == KS_OK) {
        batch->first = rc;
        (void)ks_fail(&batch->first_err, rc, "%s", safe);
    }
    cli_warn(batch->cli, "%s", safe);
    if (batch->done != NULL)
        (void)json_array_append_new(
            batch->done,
            json_pack("{s:o, s:{s:i, s:s, s:o}}", "csr", cli_json_text(path),
                      "error", "exit", (int)cli_exit_of(rc), "reason",
                      ks_rc_text(rc), "text", cli_json_text(safe)));
}

/* DIR/host.pem for a/b/host.csr. Caller frees; NULL when out of memory. */
static char *output_path(const struct issue_args *args, const char *csr)
{
    static const char *const suffixes[] = {
        [CA_PEM] = "pem", [CA_DER] = "der", [CA_TEXT] = "txt"};
    const char *slash = strrchr(csr, '/');
    const char *base = slash != NULL ? slash + 1 : csr;
    const char *dot = strrchr(base, '.');
    int len =
        dot != NULL && dot != base ? (int)(dot - base) : (int)strlen(base);
    char *path = NULL;

    if (asprintf(&path, "%s/%.*s.%s", args->out_dir, len, base,
                 suffixes[args_format(args->format)]) < 0)
        return NULL;
    return path;
}

static ks_rc prepare(struct batch *batch, struct item *item, struct ks_err *err)
{
    const struct issue_args *args = batch->args;
    ks_rc rc;

    item->out_path = output_path(args, item->csr_path);
    if (item->out_path == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    rc = args_csr(batch->env, item->csr_path, &item->csr, err);
    if (rc == KS_OK && !args->dry_run)
        rc = cli_file_open(&item->file, batch->cli, item->out_path,
                           CLI_FILE_PUBLIC, args->force, err);
    item->ready = rc == KS_OK;
    return rc;
}

static void item_clear(struct item *item)
{
    cli_file_abort(&item->file);
    ca_csr_free(item->csr);
    free(item->out_path);
    *item = (struct item){0};
}

/* Takes OBJECT. */
static ks_rc add_done(struct batch *batch, const struct item *item,
                      json_t *object, struct ks_err *err)
{
    if (json_object_set_new(object, "csr", cli_json_text(item->csr_path)) !=
            0 ||
        json_array_append(batch->done, object) != 0) {
        json_decref(object);
        return ks_fail(err, KS_E_NOMEM, "output: out of memory");
    }
    json_decref(object);
    return KS_OK;
}

static ks_rc finish(struct batch *batch, struct item *item,
                    const struct ca_issued *issued, struct ks_err *err)
{
    const struct ks_ca_row *ca = ca_authority_row(batch->authority);
    struct issued_output output = {
        .ca = ca->name,
        .ca_id = ca->id,
        .path = item->out_path,
        .format = batch->args->format,
        .dry_run = batch->args->dry_run,
        .file = &item->file,
    };
    ks_rc rc = KS_OK;

    if (!output.dry_run)
        rc = issued_write(batch->cli, batch->env, issued, &output, err);
    if (rc != KS_OK)
        return rc;
    batch->issued++;
    if (batch->done != NULL)
        return add_done(batch, item, issued_json(issued, &output, NULL, NULL),
                        err);
    if (issued->dropped.n > 0 || issued->notes.n > 0 || output.dry_run)
        issued_summary(batch->cli, issued, &output);
    return KS_OK;
}

/* Issues those of the group that are ready. A result other than KS_OK ends
 * the whole batch. */
static ks_rc issue_group(struct batch *batch, struct item *items, size_t n,
                         struct ks_err *err)
{
    struct ca_issue_spec specs[GROUP];
    struct ca_issue_result results[GROUP];
    struct item *owners[GROUP];
    size_t count = 0;
    struct ks_err whole = {0};
    ks_rc rc = KS_OK;

    memset(results, 0, sizeof(results));
    for (size_t i = 0; i < n; i++)
        if (items[i].ready) {
            specs[count] = *batch->common;
            specs[count].csr = items[i].csr;
            owners[count++] = &items[i];
        }
    for (size_t i = 0; batch->args->dry_run && i < count; i++)
        results[i].rc = ca_preview(batch->env, batch->authority, &specs[i],
                                   &results[i].issued, &results[i].err);
    /* Each one's own result says what became of it. */
    if (!batch->args->dry_run && count > 0)
        rc = ca_issue_many(batch->env, batch->authority, specs, count, results,
                           &whole);
    rc = KS_OK;
    for (size_t i = 0; i < count; i++) {
        struct ks_err why = results[i].err;
        ks_rc one = results[i].rc;

        if (one == KS_OK && rc == KS_OK)
            one = finish(batch, owners[i], &results[i].issued, &why);
        if (one != KS_OK)
            note_failure(batch, owners[i]->csr_path, one, &why);
        if (one == KS_E_FULL || one == KS_E_IO || one == KS_E_BUSY ||
            one == KS_E_DENIED) {
            rc = one;
            *err = why;
        }
        ca_issued_clear(&results[i].issued);
    }
    return rc;
}

static ks_rc run_group(struct batch *batch, size_t from, size_t n,
                       struct ks_err *err)
{
    struct item items[GROUP];
    ks_rc rc;

    memset(items, 0, sizeof(items));
    for (size_t i = 0; i < n; i++) {
        struct ks_err why = {0};
        ks_rc one;

        items[i].csr_path = batch->args->csr.items[from + i];
        one = prepare(batch, &items[i], &why);
        if (one != KS_OK)
            note_failure(batch, items[i].csr_path, one, &why);
    }
    rc = issue_group(batch, items, n, err);
    for (size_t i = 0; i < n; i++)
        item_clear(&items[i]);
    return rc;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Two requests must not mean one file. */
static ks_rc check_names(const struct issue_args *args, struct ks_err *err)
{
    size_t n = args->csr.count;
    char **paths = calloc(n, sizeof(*paths));
    ks_rc rc = KS_OK;

    for (size_t i = 0; rc == KS_OK && i < n; i++)
        if (paths == NULL ||
            (paths[i] = output_path(args, args->csr.items[i])) == NULL)
            rc = ks_fail(err, KS_E_NOMEM, "--out-dir: out of memory");
    if (rc == KS_OK)
        qsort(paths, n, sizeof(*paths), compare);
    for (size_t i = 1; rc == KS_OK && i < n; i++)
        if (strcmp(paths[i - 1], paths[i]) == 0)
            rc = ks_fail(err, KS_E_INVALID,
                         "--out-dir: two requests would be written to %s",
                         paths[i]);
    for (size_t i = 0; paths != NULL && i < n; i++)
        free(paths[i]);
    free(paths);
    return rc;
}

static ks_rc report(struct batch *batch, struct ks_err *err)
{
    ks_rc rc = KS_OK;

    cli_progress_end();
    cli_note(batch->cli, "%s %zu of %zu, %zu failed",
             batch->args->dry_run ? "would issue" : "issued", batch->issued,
             batch->args->csr.count, batch->failed);
    if (batch->done != NULL) {
        rc = cli_out_json(batch->cli,
                          json_pack("{s:O, s:i, s:i}", "issued", batch->done,
                                    "done", (int)batch->issued, "failed",
                                    (int)batch->failed),
                          err);
        if (rc != KS_OK)
            return rc;
    }
    if (batch->first != KS_OK) {
        *err = batch->first_err;
        return batch->first;
    }
    return rc;
}

ks_rc issue_batch(struct cli *cli, const struct ca_env *env,
                  struct ca_authority *authority, const struct issue_args *args,
                  const struct ca_issue_spec *common, struct ks_err *err)
{
    struct batch batch = {
        .cli = cli,
        .env = env,
        .authority = authority,
        .args = args,
        .common = common,
        .first = KS_OK,
    };
    ks_rc rc = check_names(args, err);

    if (rc == KS_OK && cli->globals.json && (batch.done = json_array()) == NULL)
        rc = ks_fail(err, KS_E_NOMEM, "output: out of memory");
    for (size_t from = 0; rc == KS_OK && from < args->csr.count;
         from += GROUP) {
        size_t left = args->csr.count - from;

        cli_progress(cli, "issuing", from, args->csr.count);
        rc = cli_check_interrupt(err);
        if (rc == KS_OK)
            rc = run_group(&batch, from, left < GROUP ? left : GROUP, err);
    }
    if (rc == KS_OK)
        rc = report(&batch, err);
    else if (batch.issued > 0)
        cli_note(cli, "issued %zu of %zu before the end", batch.issued,
                 args->csr.count);
    json_decref(batch.done);
    return rc;
}
