/*
 * pkcs11: URIs (RFC 7512): p11-kit decodes, compares and writes them.
 */
#include "uri.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "p11.h"
#include "uri_text.h"

/* TEXT and ERR are for faults, here and below. */
static ks_rc take_label(const char *text, struct hsm_uri *uri,
                        struct ks_err *err)
{
    const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri->p11, CKA_LABEL);
    size_t len = label != NULL ? label->ulValueLen : 0;
    struct ks_err why = {0};

    uri->name.label = OPENSSL_strndup(len > 0 ? label->pValue : "", len);
    if (uri->name.label == NULL)
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    if (strlen(uri->name.label) != len)
        return hsm_uri_refuse(text, err, "object has a NUL byte");
    if (len > 0 && ks_key_name_check(uri->name.label, &why) != KS_OK)
        return hsm_uri_refuse(text, err, "object: %s", why.text);
    return KS_OK;
}

static ks_rc take_id(struct hsm_uri *uri, struct ks_err *err)
{
    const CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri->p11, CKA_ID);

    if (id == NULL)
        return KS_OK;
    uri->name.id = OPENSSL_memdup(id->pValue, id->ulValueLen);
    uri->name.id_len = id->ulValueLen;
    return uri->name.id != NULL ? KS_OK
                                : ks_fail(err, KS_E_NOMEM, "out of memory");
}

static ks_rc take_module(struct hsm_uri *uri, struct ks_err *err)
{
    const char *path = p11_kit_uri_get_module_path(uri->p11);
    const char *name = p11_kit_uri_get_module_name(uri->p11);

    if (path != NULL)
        uri->module_path = OPENSSL_strdup(path);
    if (name != NULL)
        uri->module_name = OPENSSL_strdup(name);
    if ((path != NULL && uri->module_path == NULL) ||
        (name != NULL && uri->module_name == NULL))
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    return KS_OK;
}

static ks_rc decode(const char *text, const char *clean, struct hsm_uri *uri,
                    struct ks_err *err)
{
    int result;
    ks_rc rc;

    uri->p11 = p11_kit_uri_new();
    if (uri->p11 == NULL)
        return hsm_library_fail(err, KS_E_NOMEM, "out of memory");
    result = p11_kit_uri_parse(clean, P11_KIT_URI_FOR_ANY, uri->p11);
    if (result == P11_KIT_URI_BAD_ENCODING)
        return hsm_uri_refuse(text, err, "bad percent encoding");
    if (result != P11_KIT_URI_OK)
        return hsm_uri_refuse(text, err, "%s", p11_kit_uri_message(result));
    if (p11_kit_uri_any_unrecognized(uri->p11))
        return hsm_uri_refuse(text, err, "an attribute's value means nothing");
    rc = take_label(text, uri, err);
    if (rc == KS_OK)
        rc = take_id(uri, err);
    if (rc == KS_OK)
        rc = take_module(uri, err);
    uri->has_object =
        rc == KS_OK && (uri->name.label[0] != '\0' || uri->name.id != NULL);
    return rc;
}

/* OUT gets type and PINs. Both are { 0 } on failure. */
static ks_rc parse_text(const char *text, struct hsm_uri *uri,
                        struct ks_uri *out, struct ks_err *err)
{
    char *clean = NULL;
    ks_rc rc;

    memset(uri, 0, sizeof(*uri));
    memset(out, 0, sizeof(*out));
    rc = hsm_uri_scan(text, out, &clean, err);
    if (rc == KS_OK)
        rc = decode(text, clean, uri, err);
    OPENSSL_free(clean);
    uri->type = out->type;
    if (rc != KS_OK) {
        hsm_uri_clear(uri);
        ks_uri_clear(out);
    }
    return rc;
}

ks_rc hsm_uri_parse(const char *text, struct hsm_uri *uri, struct ks_err *err)
{
    struct ks_uri dropped;
    ks_rc rc = parse_text(text, uri, &dropped, err);

    ks_uri_clear(&dropped);
    return rc;
}

void hsm_uri_clear(struct hsm_uri *uri)
{
    if (uri == NULL)
        return;
    if (uri->p11 != NULL)
        p11_kit_uri_free(uri->p11);
    hsm_name_clear(&uri->name);
    OPENSSL_free(uri->module_path);
    OPENSSL_free(uri->module_name);
    memset(uri, 0, sizeof(*uri));
}

/* p11-kit's text, in our kind of memory; NULL when out of memory. */
static char *format(P11KitUri *p11)
{
    char *text = NULL, *copy = NULL;

    if (p11_kit_uri_format(p11, P11_KIT_URI_FOR_ANY, &text) == P11_KIT_URI_OK)
        copy = OPENSSL_strdup(text);
    free(text);
    return copy;
}

static bool set_type(P11KitUri *p11, enum ks_uri_type type)
{
    static const CK_OBJECT_CLASS classes[] = {[KS_URI_PRIVATE] =
                                                  CKO_PRIVATE_KEY,
                                              [KS_URI_PUBLIC] = CKO_PUBLIC_KEY,
                                              [KS_URI_CERT] = CKO_CERTIFICATE};
    CK_OBJECT_CLASS class = classes[type];
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof(class)};

    return type == KS_URI_ANY ||
           p11_kit_uri_set_attribute(p11, &attribute) == P11_KIT_URI_OK;
}

ks_rc hsm_uri_for_provider(const char *text, struct ks_uri *out, bool *listing,
                           struct ks_err *err)
{
    struct hsm_uri uri;
    ks_rc rc = parse_text(text, &uri, out, err);

    if (rc != KS_OK)
        return rc;
    *listing = !uri.has_object;
    /* What is listed is told by the type too. */
    if (uri.has_object || set_type(uri.p11, uri.type))
        out->key = format(uri.p11);
    if (uri.name.label[0] != '\0') {
        out->alias = uri.name.label;
        uri.name.label = NULL; /* given to OUT */
    }
    out->module = uri.module_path;
    uri.module_path = NULL; /* given to OUT */
    hsm_uri_clear(&uri);
    if (out->key == NULL) {
        ks_uri_clear(out);
        return ks_fail(err, KS_E_NOMEM, "out of memory");
    }
    return KS_OK;
}

bool hsm_uri_matches_module(const struct hsm_uri *uri, const CK_INFO *info)
{
    return p11_kit_uri_match_module_info(uri->p11, info) != 0;
}

bool hsm_uri_matches_slot(const void *arg, const struct hsm_slot *slot)
{
    const struct hsm_uri *uri = arg;
    CK_SLOT_ID id = p11_kit_uri_get_slot_id(uri->p11);

    return slot->has_token && (id == (CK_SLOT_ID)-1 || id == slot->id) &&
           p11_kit_uri_match_slot_info(uri->p11, &slot->slot) != 0 &&
           p11_kit_uri_match_token_info(uri->p11, &slot->token) != 0;
}

static void set_token(P11KitUri *p11, const CK_TOKEN_INFO *token)
{
    CK_TOKEN_INFO *to = p11_kit_uri_get_token_info(p11);

    memcpy(to->label, token->label, sizeof(to->label));
    memcpy(to->manufacturerID, token->manufacturerID,
           sizeof(to->manufacturerID));
    memcpy(to->model, token->model, sizeof(to->model));
    memcpy(to->serialNumber, token->serialNumber, sizeof(to->serialNumber));
}

static bool set_name(P11KitUri *p11, const struct hsm_name *name)
{
    CK_ATTRIBUTE label = {CKA_LABEL, name->label,
                          name->label != NULL ? strlen(name->label) : 0};
    CK_ATTRIBUTE id = {CKA_ID, name->id, name->id_len};

    return (label.ulValueLen == 0 ||
            p11_kit_uri_set_attribute(p11, &label) == P11_KIT_URI_OK) &&
           (id.pValue == NULL ||
            p11_kit_uri_set_attribute(p11, &id) == P11_KIT_URI_OK);
}

char *hsm_uri_format(const CK_TOKEN_INFO *token, const struct hsm_name *name,
                     enum ks_uri_type type, const char *module_path)
{
    P11KitUri *p11 = p11_kit_uri_new();
    char *text = NULL;

    if (p11 == NULL)
        return NULL;
    set_token(p11, token);
    if (module_path != NULL)
        p11_kit_uri_set_module_path(p11, module_path);
    if (set_name(p11, name) && set_type(p11, type))
        text = format(p11);
    p11_kit_uri_free(p11);
    return text;
}
