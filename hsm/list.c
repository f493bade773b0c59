/*
 * Listing: one search for all objects and one read of each, then sorting.
 * Objects with one CKA_ID are one key; where its halves have different labels
 * it is called by the private one's.
 */
#include "list.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ckr.h"
#include "ks_uri.h"
#include "object.h"
#include "session.h"

/* What lies on the token under one label and one id. */
struct row {
    char label[KS_KEY_NAME_MAX + 1];
    uint8_t id[HSM_ID_MAX];
    size_t id_len;
    bool has_private, has_public, has_cert;
    bool listed; /* it is a key, or a certificate by itself */
    bool shared; /* its label is another's too */
};

struct rows {
    struct row *at;
    size_t n;
};

/* --- reading -------------------------------------------------------------- */

/* Fills *row from what was read; false if it is no part of a key. */
static bool fill_row(CK_OBJECT_CLASS class, const CK_ATTRIBUTE *label,
                     const CK_ATTRIBUTE *id, struct row *row)
{
    row->has_private = class == CKO_PRIVATE_KEY;
    row->has_public = class == CKO_PUBLIC_KEY;
    row->has_cert = class == CKO_CERTIFICATE;
    row->label[label->ulValueLen] = '\0';
    /* A label that is no text cannot be a name; the id still can. */
    if (strlen(row->label) != label->ulValueLen ||
        (label->ulValueLen > 0 && ks_key_name_check(row->label, NULL) != KS_OK))
        row->label[0] = '\0';
    row->id_len = id->ulValueLen;
    return (row->has_private || row->has_public || row->has_cert) &&
           (row->label[0] != '\0' || row->id_len > 0);
}

static CK_RV read_row(const struct hsm_session *session,
                      CK_OBJECT_HANDLE object, struct rows *rows)
{
    struct row *row = &rows->at[rows->n];
    CK_OBJECT_CLASS class = 0;
    CK_ATTRIBUTE read[] = {{CKA_CLASS, &class, sizeof(class)},
                           {CKA_LABEL, row->label, sizeof(row->label) - 1},
                           {CKA_ID, row->id, sizeof(row->id)}};
    CK_RV rv = hsm_attributes(session, object, read, 3);

    if (rv == CKR_OBJECT_HANDLE_INVALID)
        return CKR_OK; /* removed at this moment */
    if (rv == CKR_OK && read[0].ulValueLen == sizeof(class) &&
        fill_row(class, &read[1], &read[2], row))
        rows->n++;
    return rv;
}

static CK_RV read_all(const struct hsm_session *session, void *arg)
{
    const struct hsm_query everything = {0};
    CK_OBJECT_HANDLE *handles = NULL;
    struct rows *rows = arg;
    size_t n = 0;
    CK_RV rv = hsm_find_all(session, &everything, &handles, &n);

    OPENSSL_free(rows->at); /* of the first try, if this is another */
    *rows = (struct rows){0};
    if (rv == CKR_OK && n > 0) {
        rows->at = OPENSSL_zalloc(n * sizeof(*rows->at));
        if (rows->at == NULL)
            rv = CKR_HOST_MEMORY;
    }
    for (size_t i = 0; rv == CKR_OK && i < n; i++)
        rv = read_row(session, handles[i], rows);
    OPENSSL_free(handles);
    return rv;
}

/* --- what is a key -------------------------------------------------------- */

static int compare_id(const struct row *a, const struct row *b)
{
    size_t least = a->id_len < b->id_len ? a->id_len : b->id_len;
    int order = memcmp(a->id, b->id, least);

    return order != 0 ? order
                      : (a->id_len > b->id_len) - (a->id_len < b->id_len);
}

static int by_id(const void *a, const void *b)
{
    int order = compare_id(a, b);

    return order != 0 ? order
                      : strcmp(((const struct row *)a)->label,
                               ((const struct row *)b)->label);
}

static int by_label(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->label,
                  ((const struct row *)b)->label);
}

/* Makes one row of those that have label and id in common; sorted by id. */
static void merge(struct rows *rows)
{
    size_t kept = 0;

    for (size_t i = 0; i < rows->n; i++) {
        struct row *row = &rows->at[i];
        struct row *last = kept > 0 ? &rows->at[kept - 1] : NULL;

        if (last != NULL && by_id(last, row) == 0) {
            last->has_private |= row->has_private;
            last->has_public |= row->has_public;
            last->has_cert |= row->has_cert;
        } else {
            rows->at[kept++] = *row;
        }
    }
    rows->n = kept;
}

/* Rows FIRST to END have one id. */
static void mark_group(struct row *first, const struct row *end,
                       enum ks_uri_type type)
{
    bool has_key = false, lacks_public = false;

    for (const struct row *row = first; row < end && first->id_len > 0; row++) {
        has_key |= row->has_private || row->has_public;
        lacks_public |= row->has_private && !row->has_public;
    }
    for (struct row *row = first; row < end; row++) {
        if (type == KS_URI_CERT)
            row->listed = row->has_cert;
        else if (row->has_private || row->has_public)
            row->listed = row->has_private || !lacks_public;
        else
            row->listed = !has_key && type == KS_URI_ANY;
    }
}

static void mark(struct rows *rows, enum ks_uri_type type)
{
    size_t i = 0;

    while (i < rows->n) {
        size_t end = i + 1;

        while (end < rows->n && compare_id(&rows->at[i], &rows->at[end]) == 0)
            end++;
        mark_group(&rows->at[i], rows->at + end, type);
        i = end;
    }
}

/* Drops what is not listed, sorts by label, and sees which are shared. */
static void settle(struct rows *rows)
{
    size_t kept = 0;

    for (size_t i = 0; i < rows->n; i++)
        if (rows->at[i].listed)
            rows->at[kept++] = rows->at[i];
    rows->n = kept;
    if (kept > 0)
        qsort(rows->at, kept, sizeof(*rows->at), by_label);
    for (size_t i = 1; i < kept; i++)
        if (by_label(&rows->at[i - 1], &rows->at[i]) == 0)
            rows->at[i - 1].shared = rows->at[i].shared = true;
}

/* --- telling -------------------------------------------------------------- */

/* The name of ROW; NULL when out of memory. */
static char *name_of(const struct row *row)
{
    bool plain = row->label[0] != '\0' && !row->shared &&
                 strstr(row->label, ";id=") == NULL;

    return hsm_name_format(row->label, plain ? NULL : row->id, row->id_len);
}

/* How a row is called in this store: its name, or a URI with TOKEN's. */
static char *text_of(const struct hsm_store *store, const CK_TOKEN_INFO *token,
                     const struct row *row)
{
    const struct hsm_name name = {(char *)row->label,
                                  row->id_len > 0 ? (uint8_t *)row->id : NULL,
                                  row->id_len};

    if (store->name != NULL)
        return name_of(row);
    return hsm_uri_format(token, &name, store->uri.type,
                          store->uri.module_path);
}

static ks_rc tell(const struct hsm_store *store, const CK_TOKEN_INFO *token,
                  const struct rows *rows, ks_list_fn *each, void *arg,
                  struct ks_err *err)
{
    ks_rc rc = KS_OK;

    for (size_t i = 0; rc == KS_OK && i < rows->n; i++) {
        char *text = text_of(store, token, &rows->at[i]);

        if (text == NULL)
            rc = ks_fail(err, KS_E_NOMEM, "out of memory");
        /* A long id may make a name that is none; a URI has room for it. */
        else if (store->name == NULL || ks_key_name_check(text, NULL) == KS_OK)
            rc = each(arg, text, err);
        OPENSSL_free(text);
    }
    return rc;
}

static ks_rc list_token(const struct hsm_store *store, struct hsm_token *token,
                        ks_list_fn *each, void *arg, struct ks_err *err)
{
    enum ks_uri_type type = store->name != NULL ? KS_URI_ANY : store->uri.type;
    CK_TOKEN_INFO info = {0};
    struct rows rows = {0};
    CK_RV rv = hsm_run(token, HSM_READ, read_all, &rows);
    ks_rc rc;

    if (rv == CKR_OK && store->name == NULL)
        rv = hsm_token_info(token, &info);
    if (rv != CKR_OK) {
        rc = hsm_ckr_fail(err, rv, "token \"%s\": list of keys",
                          hsm_token_label(token));
    } else {
        if (rows.n > 0)
            qsort(rows.at, rows.n, sizeof(*rows.at), by_id);
        merge(&rows);
        mark(&rows, type);
        settle(&rows);
        rc = tell(store, &info, &rows, each, arg, err);
    }
    OPENSSL_free(rows.at);
    return rc;
}

ks_rc hsm_list(struct hsm_store *store, ks_list_fn *each, void *arg,
               struct ks_err *err)
{
    struct hsm_hit hits[HSM_HITS_MAX];
    size_t n = 0;
    ks_rc rc = hsm_store_tokens(store, store->name == NULL ? &store->uri : NULL,
                                hits, &n, err);

    for (size_t i = 0; rc == KS_OK && i < n; i++)
        rc = list_token(store, hits[i].token, each, arg, err);
    for (size_t i = 0; i < n; i++)
        hsm_token_put(hits[i].token);
    return rc;
}
