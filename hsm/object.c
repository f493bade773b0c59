/*
 * Objects on a token: finding them, reading what they say of themselves.
 * Every search and every read is a round trip to the device, so both take as
 * much as they can at once.
 */
#include "object.h"

#include <string.h>

#include <openssl/crypto.h>

#define AT_ONCE 64            /* handles asked for with one call */
#define OBJECTS_MAX 1000000   /* of one search, that we believe */
#define VALUE_MAX (64 * 1024) /* bytes of an attribute that we believe */
#define VALUE_MOST 512        /* bytes that nearly all fit into */

/* Room for the template of a query. */
struct query_template {
    CK_BBOOL on_token;
    CK_OBJECT_CLASS class;
    CK_ATTRIBUTE rows[4];
    CK_ULONG n;
};

static void add(struct query_template *t, CK_ATTRIBUTE_TYPE type,
                const void *value, size_t len)
{
    t->rows[t->n++] = (CK_ATTRIBUTE){type, (void *)value, (CK_ULONG)len};
}

static void fill_template(const struct hsm_query *query,
                          struct query_template *t)
{
    t->n = 0;
    t->on_token = CK_TRUE;
    t->class = query->class;
    add(t, CKA_TOKEN, &t->on_token, sizeof(t->on_token));
    if (query->has_class)
        add(t, CKA_CLASS, &t->class, sizeof(t->class));
    if (query->label != NULL)
        add(t, CKA_LABEL, query->label, strlen(query->label));
    if (query->id != NULL)
        add(t, CKA_ID, query->id, query->id_len);
}

/* Gets handles as they come; false: out of memory. */
typedef bool take_fn(void *arg, const CK_OBJECT_HANDLE *handles, size_t n);

static CK_RV search(const struct hsm_session *session,
                    const struct hsm_query *query, take_fn *take, void *arg)
{
    CK_OBJECT_HANDLE handles[AT_ONCE];
    struct query_template t;
    size_t found = 0;
    CK_ULONG n;
    CK_RV rv, end;

    fill_template(query, &t);
    hsm_token_search_begin(session->token);
    rv = session->f->C_FindObjectsInit(session->handle, t.rows, t.n);
    hsm_token_search_end(session->token);
    if (rv != CKR_OK)
        return rv;
    do {
        n = 0;
        rv = session->f->C_FindObjects(session->handle, handles, AT_ONCE, &n);
        found += n;
        if (rv == CKR_OK && (n > AT_ONCE || found > OBJECTS_MAX))
            rv = CKR_GENERAL_ERROR; /* the module does not know its own size */
        if (rv == CKR_OK && n > 0 && !take(arg, handles, n))
            rv = CKR_HOST_MEMORY;
    } while (rv == CKR_OK && n > 0);
    end = session->f->C_FindObjectsFinal(session->handle);
    return rv != CKR_OK ? rv : end;
}

struct few {
    CK_OBJECT_HANDLE *handles;
    size_t room, n;
};

static bool take_few(void *arg, const CK_OBJECT_HANDLE *handles, size_t n)
{
    struct few *few = arg;

    for (size_t i = 0; i < n; i++, few->n++)
        if (few->n < few->room)
            few->handles[few->n] = handles[i];
    return true;
}

CK_RV hsm_find(const struct hsm_session *session, const struct hsm_query *query,
               CK_OBJECT_HANDLE *handles, size_t room, size_t *n)
{
    struct few few = {handles, room, 0};
    CK_RV rv = search(session, query, take_few, &few);

    *n = rv == CKR_OK ? few.n : 0;
    return rv;
}

struct all {
    CK_OBJECT_HANDLE *handles;
    size_t n, room;
};

static bool take_all(void *arg, const CK_OBJECT_HANDLE *handles, size_t n)
{
    struct all *all = arg;

    if (all->n + n > all->room) {
        size_t room = 2 * all->room + AT_ONCE;
        CK_OBJECT_HANDLE *more =
            OPENSSL_realloc(all->handles, room * sizeof(*more));

        if (more == NULL)
            return false;
        all->handles = more;
        all->room = room;
    }
    memcpy(all->handles + all->n, handles, n * sizeof(*handles));
    all->n += n;
    return true;
}

CK_RV hsm_find_all(const struct hsm_session *session,
                   const struct hsm_query *query, CK_OBJECT_HANDLE **handles,
                   size_t *n)
{
    struct all all = {0};
    CK_RV rv = search(session, query, take_all, &all);

    *handles = NULL;
    *n = 0;
    if (rv != CKR_OK) {
        OPENSSL_free(all.handles);
        return rv;
    }
    *handles = all.handles; /* given to the caller */
    *n = all.n;
    return CKR_OK;
}

/* Results that tell of an attribute and not of the object or the device. */
static bool is_about_attribute(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
           rv == CKR_BUFFER_TOO_SMALL;
}

/* By PKCS#11 3.0, 5.7.5, one attribute that is not there does not keep the
 * others from being read; there are modules that stop all the same. */
static CK_RV read_singly(const struct hsm_session *session,
                         CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
                         const CK_ULONG *room, size_t n)
{
    CK_RV rv = CKR_OK;

    for (size_t i = 0; rv == CKR_OK && i < n; i++) {
        attributes[i].ulValueLen = room[i];
        rv = session->f->C_GetAttributeValue(session->handle, object,
                                             &attributes[i], 1);
        if (is_about_attribute(rv)) {
            attributes[i].ulValueLen = 0;
            rv = CKR_OK;
        }
    }
    return rv;
}

CK_RV hsm_attributes(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                     CK_ATTRIBUTE *attributes, size_t n)
{
    CK_ULONG room[16];
    CK_RV rv;

    if (n > sizeof(room) / sizeof(room[0]))
        return CKR_ARGUMENTS_BAD;
    for (size_t i = 0; i < n; i++)
        room[i] = attributes[i].ulValueLen;
    rv = session->f->C_GetAttributeValue(session->handle, object, attributes,
                                         (CK_ULONG)n);
    if (is_about_attribute(rv))
        rv = read_singly(session, object, attributes, room, n);
    for (size_t i = 0; i < n; i++)
        if (rv != CKR_OK || attributes[i].ulValueLen > room[i])
            attributes[i].ulValueLen = 0; /* CK_UNAVAILABLE_INFORMATION */
    return rv;
}

/* A value that is longer than most. */
static CK_RV read_long(const struct hsm_session *session,
                       CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute,
                       struct ks_buf *value)
{
    CK_RV rv;

    attribute->pValue = NULL;
    attribute->ulValueLen = 0;
    rv = session->f->C_GetAttributeValue(session->handle, object, attribute, 1);
    if (rv != CKR_OK)
        return rv;
    if (attribute->ulValueLen == 0 || attribute->ulValueLen > VALUE_MAX)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    value->data = OPENSSL_malloc(attribute->ulValueLen);
    if (value->data == NULL)
        return CKR_HOST_MEMORY;
    value->len = attribute->ulValueLen;
    attribute->pValue = value->data;
    rv = session->f->C_GetAttributeValue(session->handle, object, attribute, 1);
    if (rv == CKR_OK && attribute->ulValueLen <= value->len)
        value->len = attribute->ulValueLen;
    else
        ks_buf_clear(value);
    return rv == CKR_OK && value->data == NULL ? CKR_GENERAL_ERROR : rv;
}

CK_RV hsm_attribute(const struct hsm_session *session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, struct ks_buf *value)
{
    uint8_t most[VALUE_MOST];
    CK_ATTRIBUTE attribute = {type, most, sizeof(most)};
    CK_RV rv =
        session->f->C_GetAttributeValue(session->handle, object, &attribute, 1);

    if (rv == CKR_BUFFER_TOO_SMALL)
        return read_long(session, object, &attribute, value);
    if (rv == CKR_ATTRIBUTE_SENSITIVE)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (rv != CKR_OK)
        return rv;
    if (attribute.ulValueLen == 0 || attribute.ulValueLen > sizeof(most))
        return CKR_ATTRIBUTE_TYPE_INVALID;
    return ks_buf_set(value, most, attribute.ulValueLen) == KS_OK
               ? CKR_OK
               : CKR_HOST_MEMORY;
}

/* A value of exactly LEN bytes. */
static CK_RV read_fixed(const struct hsm_session *session,
                        CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                        void *value, size_t len)
{
    CK_ATTRIBUTE attribute = {type, value, (CK_ULONG)len};
    CK_RV rv =
        session->f->C_GetAttributeValue(session->handle, object, &attribute, 1);

    if (is_about_attribute(rv) || (rv == CKR_OK && attribute.ulValueLen != len))
        return CKR_ATTRIBUTE_TYPE_INVALID;
    return rv;
}

CK_RV hsm_attribute_bool(const struct hsm_session *session,
                         CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                         bool *value)
{
    CK_BBOOL byte = CK_FALSE;
    CK_RV rv = read_fixed(session, object, type, &byte, sizeof(byte));

    if (rv == CKR_OK)
        *value = byte != CK_FALSE;
    return rv;
}

CK_RV hsm_attribute_ulong(const struct hsm_session *session,
                          CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                          CK_ULONG *value)
{
    CK_ULONG number = 0;
    CK_RV rv = read_fixed(session, object, type, &number, sizeof(number));

    if (rv == CKR_OK)
        *value = number;
    return rv;
}
