/*
 * A page is what follows the last name of the page before it, in the order of
 * the index of labels: nothing is skipped or told twice, whoever writes
 * meanwhile.
 */
#include "sqlite/list.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ks_uri.h"
#include "sqlite/mark.h"

#define PAGE_MAX 512 /* names */
#define PAGE_MIN 64  /* of the first page: some want to know just the first */

/* Names of up to KS_KEY_NAME_MAX bytes, one after the other. */
struct page {
    char *text; /* PAGE_MAX of them, each with its NUL */
    size_t used;
    size_t most; /* rows to read */
    size_t rows; /* that were read, good names or not */
    char last[KS_KEY_NAME_MAX];
    size_t last_len;
};

/* What is looked for: labels after the last one where COLUMN is VALUE. */
struct want {
    const char *sql;
    const uint8_t *blob; /* or, if NULL, NUMBER; neither for all keys */
    size_t blob_len;
    int64_t number;
    bool all;
};

/* Names that are no key's can be reached by no URI: they are passed over, as
 * a file of any other name is in a folder of keys. */
static void take(struct page *page, const char *label, size_t len)
{
    if (strlen(label) != len || ks_key_name_check(label, NULL) != KS_OK)
        return;
    memcpy(page->text + page->used, label, len + 1);
    page->used += len + 1;
}

static int bind(sqlite3_stmt *stmt, const struct want *want,
                const struct page *page)
{
    int bad = sqlite3_bind_text64(stmt, 1, page->last, page->last_len,
                                  SQLITE_STATIC, SQLITE_UTF8);

    bad |= sqlite3_bind_int64(stmt, 2, (int64_t)page->most);
    if (want->blob != NULL)
        bad |= sqlite3_bind_blob64(stmt, 3, want->blob, want->blob_len,
                                   SQLITE_STATIC);
    else if (!want->all)
        bad |= sqlite3_bind_int64(stmt, 3, want->number);
    return bad == SQLITE_OK ? SQLITE_OK : SQLITE_NOMEM;
}

/* Where the next page begins. A label that cannot be one, or is out of order,
 * is damage, and no place to go on from: it could lead round in a circle. */
static ks_rc end_page(const struct ks_sqlite_db *db, sqlite3_stmt *stmt,
                      const char *label, size_t len, struct page *page,
                      struct ks_err *err)
{
    size_t shorter = len < page->last_len ? len : page->last_len;
    int order = memcmp(label, page->last, shorter);

    if (sqlite3_column_type(stmt, 0) != SQLITE_TEXT ||
        len > sizeof(page->last) || order < 0 ||
        (order == 0 && len <= page->last_len))
        return ks_fail(err, KS_E_DAMAGED,
                       "%s: list: a label is too long, or out of order",
                       db->path);
    memcpy(page->last, label, len);
    page->last_len = len;
    return KS_OK;
}

static ks_rc read_rows(struct ks_sqlite_db *db, sqlite3_stmt *stmt,
                       struct page *page, struct ks_err *err)
{
    ks_rc rc = ks_sqlite_first(db, stmt, "list", err);

    while (rc == KS_OK) {
        const char *label = (const char *)sqlite3_column_text(stmt, 0);
        size_t len = (size_t)sqlite3_column_bytes(stmt, 0);

        if (label == NULL)
            return KS_E_NOMEM;
        page->rows++;
        take(page, label, len);
        if (page->rows == page->most)
            rc = end_page(db, stmt, label, len, page, err);
        if (rc == KS_OK)
            rc = ks_sqlite_next(db, stmt, "list", err);
    }
    return rc == KS_E_NOT_FOUND ? KS_OK : rc;
}

static ks_rc read_page(struct ks_sqlite_db *db, const struct want *want,
                       struct page *page, struct ks_err *err)
{
    sqlite3_stmt *stmt = NULL;
    ks_rc rc = ks_sqlite_enter(db, false, err);
    int code;

    page->used = 0;
    page->rows = 0;
    if (rc != KS_OK)
        return rc == KS_E_NOT_FOUND && (err == NULL || err->text[0] == '\0')
                   ? KS_OK /* no key was made yet */
                   : rc;
    rc = ks_sqlite_query(db, want->sql, &stmt, err);
    if (rc == KS_OK) {
        code = bind(stmt, want, page);
        rc = code == SQLITE_OK ? read_rows(db, stmt, page, err)
                               : ks_sqlite_fail(db, code, "list", err);
    }
    ks_sqlite_done(stmt);
    ks_sqlite_leave(db);
    return rc;
}

static ks_rc tell(struct ks_sqlite_db *db, const struct want *want,
                  ks_list_fn *each, void *arg, struct ks_err *err)
{
    struct page page = {
        .text = OPENSSL_malloc((size_t)PAGE_MAX * (KS_KEY_NAME_MAX + 1)),
        .most = PAGE_MIN};
    ks_rc rc = page.text != NULL ? KS_OK : KS_E_NOMEM;

    while (rc == KS_OK) {
        rc = read_page(db, want, &page, err);
        for (size_t at = 0; rc == KS_OK && at < page.used;
             at += strlen(page.text + at) + 1)
            rc = each(arg, page.text + at, err);
        if (page.rows < page.most)
            break;
        page.most = PAGE_MAX;
    }
    OPENSSL_free(page.text);
    return rc;
}

ks_rc ks_sqlite_list(struct ks_sqlite_db *db, ks_list_fn *each, void *arg,
                     struct ks_err *err)
{
    const struct want want = {
        .sql = "SELECT label FROM key WHERE label>?1 ORDER BY label LIMIT ?2",
        .all = true};

    return tell(db, &want, each, arg, err);
}

/* What a digest may be called, and where it is looked for. A plus keeps SQLite
 * from walking through all labels in their order. */
static const struct {
    const char *name;
    size_t len;
    const char *sql;
} digests[] = {
    {"SHA2-256", 32,
     "SELECT label FROM key WHERE (spki_sha256=?3 OR cert_sha256=?3)"
     " AND +label>?1 ORDER BY +label LIMIT ?2"},
    {"SHA1", 20,
     "SELECT label FROM key WHERE (spki_sha1=?3 OR cert_sha1=?3)"
     " AND +label>?1 ORDER BY +label LIMIT ?2"},
};

ks_rc ks_sqlite_find(struct ks_sqlite_db *db, const struct ks_crypto *crypto,
                     const struct ks_query *query, ks_list_fn *each, void *arg,
                     struct ks_err *err)
{
    struct want want = {.sql = "SELECT label FROM key WHERE subject_hash=?3"
                               " AND +label>?1 ORDER BY +label LIMIT ?2"};

    if (query->subject != NULL)
        return ks_sqlite_subject(crypto, query->subject, query->subject_len,
                                 &want.number)
                   ? tell(db, &want, each, arg, err)
                   : ks_fail(err, KS_E_INVALID, "the subject is not a Name");
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        if (query->digest == NULL ||
            OPENSSL_strcasecmp(query->digest, digests[i].name) != 0 ||
            query->fingerprint_len != digests[i].len)
            continue;
        want.sql = digests[i].sql;
        want.blob = query->fingerprint;
        want.blob_len = query->fingerprint_len;
        return tell(db, &want, each, arg, err);
    }
    return KS_E_UNSUPPORTED;
}
