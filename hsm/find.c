/*
 * From a name to the objects of one key.
 */
#include "find.h"

#include <string.h>

#include <openssl/crypto.h>

#define SAME_NAME_MAX 64 /* objects of one name that are looked at */

/* What was read of an object. */
struct part {
    CK_OBJECT_HANDLE handle;
    CK_OBJECT_CLASS class;
    uint8_t id[HSM_ID_MAX];
    size_t id_len;
};

static bool is_key(const struct part *part)
{
    return part->class == CKO_PRIVATE_KEY || part->class == CKO_PUBLIC_KEY;
}

static bool same_id(const struct part *a, const struct part *b)
{
    return a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
}

static CK_RV read_part(const struct hsm_session *session,
                       CK_OBJECT_HANDLE handle, struct part *part)
{
    CK_ATTRIBUTE rows[] = {{CKA_CLASS, &part->class, sizeof(part->class)},
                           {CKA_ID, part->id, sizeof(part->id)}};
    CK_RV rv = hsm_attributes(session, handle, rows, 2);

    part->handle = handle;
    if (rows[0].ulValueLen != sizeof(part->class))
        part->class = CKO_VENDOR_DEFINED;
    part->id_len = rows[1].ulValueLen;
    return rv;
}

/* Reads what HANDLES are, leaving out what is no part of a key. */
static CK_RV read_parts(const struct hsm_session *session,
                        const CK_OBJECT_HANDLE *handles, size_t n,
                        struct part *parts, size_t *n_parts)
{
    CK_RV rv = CKR_OK;

    for (size_t i = 0; rv == CKR_OK && i < n; i++) {
        struct part *part = &parts[*n_parts];

        rv = read_part(session, handles[i], part);
        if (rv == CKR_OK && (is_key(part) || part->class == CKO_CERTIFICATE))
            ++*n_parts;
    }
    return rv;
}

/* Whether PARTS[I] is the first of those that have its id and are, as KEYS
 * says, halves of keys or certificates. */
static bool is_first(const struct part *parts, size_t i, bool keys)
{
    if (is_key(&parts[i]) != keys)
        return false;
    for (size_t j = 0; j < i; j++)
        if (is_key(&parts[j]) == keys && same_id(&parts[j], &parts[i]))
            return false;
    return true;
}

/* How many keys have the id of PARTS[I]. Certificates stand for keys where no
 * half of one is seen; all those of one id for one. */
static size_t count_same(const struct part *parts, size_t n, size_t i,
                         bool keys)
{
    size_t n_private = 0, n_public = 0;

    if (!keys)
        return 1;
    for (size_t j = i; j < n; j++) {
        if (!same_id(&parts[j], &parts[i]))
            continue;
        n_private += parts[j].class == CKO_PRIVATE_KEY;
        n_public += parts[j].class == CKO_PUBLIC_KEY;
    }
    return n_private > n_public ? n_private : n_public;
}

static void add_name(struct hsm_found *found, const struct hsm_name *name,
                     const struct part *part)
{
    char *text = hsm_name_format(name->label, part->id, part->id_len);
    size_t used = strlen(found->names);

    if (text != NULL && used + strlen(text) + 5 < sizeof(found->names)) {
        if (used > 0)
            (void)strcat(found->names, ", ");
        (void)strcat(found->names, text);
    }
    OPENSSL_free(text);
}

static void count_keys(const struct part *parts, size_t n,
                       const struct hsm_name *name, struct hsm_found *found)
{
    bool keys = false;

    for (size_t i = 0; i < n; i++)
        keys = keys || is_key(&parts[i]);
    for (size_t i = 0; i < n; i++) {
        if (!is_first(parts, i, keys))
            continue;
        found->n_keys += count_same(parts, n, i, keys);
        add_name(found, name, &parts[i]);
        memcpy(found->id, parts[i].id, parts[i].id_len);
        found->id_len = parts[i].id_len;
    }
}

static void take_handles(const struct part *parts, size_t n,
                         struct hsm_found *found)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].id_len != found->id_len ||
            memcmp(parts[i].id, found->id, found->id_len) != 0)
            continue;
        if (parts[i].class == CKO_PRIVATE_KEY)
            found->private = parts[i].handle;
        else if (parts[i].class == CKO_PUBLIC_KEY)
            found->public = parts[i].handle;
        else if (found->cert == CK_INVALID_HANDLE)
            found->cert = parts[i].handle;
    }
}

/* A part that has another label than the one that was asked for. */
static CK_RV find_by_id(const struct hsm_session *session,
                        CK_OBJECT_CLASS class, struct hsm_found *found,
                        CK_OBJECT_HANDLE *handle)
{
    const struct hsm_query query = {.has_class = true,
                                    .class = class,
                                    .id = found->id,
                                    .id_len = found->id_len};
    CK_OBJECT_HANDLE first = CK_INVALID_HANDLE;
    size_t n = 0;
    CK_RV rv = hsm_find(session, &query, &first, 1, &n);

    if (rv == CKR_OK && n > 1 && class != CKO_CERTIFICATE)
        found->n_keys = n;
    if (rv == CKR_OK && n > 0)
        *handle = first;
    return rv;
}

static CK_RV find_wanted(const struct hsm_session *session, unsigned want,
                         struct hsm_found *found)
{
    const struct {
        unsigned part;
        CK_OBJECT_CLASS class;
        CK_OBJECT_HANDLE *handle;
    } rows[] = {{HSM_PRIVATE, CKO_PRIVATE_KEY, &found->private},
                {HSM_PUBLIC, CKO_PUBLIC_KEY, &found->public},
                {HSM_CERT, CKO_CERTIFICATE, &found->cert}};
    CK_RV rv = CKR_OK;

    if (found->n_keys != 1 || found->id_len == 0)
        return CKR_OK;
    for (size_t i = 0; rv == CKR_OK && i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((want & rows[i].part) != 0 && *rows[i].handle == CK_INVALID_HANDLE)
            rv = find_by_id(session, rows[i].class, found, rows[i].handle);
    return rv;
}

CK_RV hsm_find_key(const struct hsm_session *session,
                   const struct hsm_name *name, unsigned want,
                   struct hsm_found *found)
{
    const struct hsm_query query = {
        .label = name->label[0] != '\0' ? name->label : NULL,
        .id = name->id,
        .id_len = name->id_len};
    CK_OBJECT_HANDLE handles[SAME_NAME_MAX];
    struct part *parts;
    size_t n = 0, n_all, n_parts = 0;
    CK_RV rv;

    memset(found, 0, sizeof(*found));
    rv = hsm_find(session, &query, handles, SAME_NAME_MAX, &n);
    if (rv != CKR_OK || n == 0)
        return rv;
    n_all = n;
    if (n > SAME_NAME_MAX)
        n = SAME_NAME_MAX;
    parts = OPENSSL_zalloc(n * sizeof(*parts));
    if (parts == NULL)
        return CKR_HOST_MEMORY;
    rv = read_parts(session, handles, n, parts, &n_parts);
    if (rv == CKR_OK) {
        count_keys(parts, n_parts, name, found);
        if (n_all > n) /* who knows what the others are */
            found->n_keys = n_all;
        take_handles(parts, n_parts, found);
        rv = find_wanted(session, want, found);
    }
    OPENSSL_free(parts);
    return rv;
}

struct search {
    const struct hsm_name *name;
    unsigned want;
    struct hsm_found *found;
};

static CK_RV find_task(const struct hsm_session *session, void *arg)
{
    struct search *search = arg;

    return hsm_find_key(session, search->name, search->want, search->found);
}

CK_RV hsm_find_key_on(struct hsm_token *token, const struct hsm_name *name,
                      unsigned want, struct hsm_found *found)
{
    struct search search = {name, want, found};

    return hsm_run(token, HSM_READ, find_task, &search);
}

ks_rc hsm_found_check(const struct hsm_found *found,
                      const struct hsm_token *token, const char *whose,
                      struct ks_err *err)
{
    if (found->n_keys == 1)
        return KS_OK;
    if (found->n_keys == 0)
        return KS_E_NOT_FOUND;
    ks_hint(err, "name one of them: %s", found->names);
    return ks_fail(err, KS_E_INVALID,
                   "%s: token \"%s\" has %zu keys of that name", whose,
                   hsm_token_label(token), found->n_keys);
}
