/*
 * Distinguished names as text: RFC 4514's notation, but in the order in which
 * they stand in the certificate. String types follow RFC 5280, 4.1.2.4:
 * UTF8String, but PrintableString for country and serial number and
 * IA5String for domain components and mail addresses; libcrypto's string
 * table knows them, and the length limits.
 */
#include "ca.h"
#include "texts.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#define VALUE_MAX 1024 /* bytes of one attribute value */
#define TYPE_MAX 128
#define OID_TEXT_MAX 79 /* what X509_NAME_print_ex can show */
#define NAME_MAX_RDNS 64

/* What people write, where OBJ_txt2obj knows no such name. */
static const struct {
    const char *name;
    int nid;
} aliases[] = {
    {"email", NID_pkcs9_emailAddress},
    {"e", NID_pkcs9_emailAddress},
    {"street", NID_streetAddress},
    {"sn", NID_surname},
    {"cn", NID_commonName},
    {"c", NID_countryName},
    {"st", NID_stateOrProvinceName},
    {"s", NID_stateOrProvinceName},
    {"l", NID_localityName},
    {"o", NID_organizationName},
    {"ou", NID_organizationalUnitName},
    {"dc", NID_domainComponent},
    {"uid", NID_userId},
    {"serialnumber", NID_serialNumber},
    {"emailaddress", NID_pkcs9_emailAddress},
    {"commonname", NID_commonName},
};

static const int repeatable[] = {
    NID_domainComponent,
    NID_organizationalUnitName,
    NID_streetAddress,
};

static ASN1_OBJECT *find_type(const char *text)
{
    ASN1_OBJECT *object;

    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (OPENSSL_strcasecmp(aliases[i].name, text) == 0)
            return OBJ_nid2obj(aliases[i].nid);
    }
    (void)ERR_set_mark();
    object = OBJ_txt2obj(text, 0);
    (void)ERR_pop_to_mark();
    return object;
}

static bool may_repeat(const ASN1_OBJECT *object)
{
    int nid = OBJ_obj2nid(object);

    for (size_t i = 0; i < sizeof(repeatable) / sizeof(repeatable[0]); i++) {
        if (repeatable[i] == nid)
            return true;
    }
    return false;
}

/* Up to the "=": the attribute's type. */
static ks_rc take_type(const char **p, ASN1_OBJECT **out, struct ks_err *err)
{
    char text[TYPE_MAX];
    size_t len = strcspn(*p, "=,+");
    size_t from = strspn(*p, " ");
    ks_rc rc = KS_OK;

    if ((*p)[len] != '=' || len <= from || len - from >= sizeof(text)) {
        ks_hint(err, "write it as \"CN=Example Root CA,O=Example\"");
        return ks_fail(err, KS_E_INVALID, "%.60s: no \"TYPE=\" here", *p);
    }
    while (len > from && (*p)[len - 1] == ' ')
        len--;
    memcpy(text, *p + from, len - from);
    text[len - from] = '\0';
    *out = find_type(text);
    if (*out == NULL) {
        ks_hint(err, "known: CN, C, ST, L, O, OU, DC, UID, serialNumber, "
                     "emailAddress, ..., or a dotted OID");
        rc = ks_fail(err, KS_E_INVALID, "%s: unknown attribute", text);
    } else if (OBJ_obj2txt(NULL, 0, *out, 1) > OID_TEXT_MAX) {
        rc = ks_fail(err, KS_E_INVALID, "%.40s...: the OID is too long", text);
    }
    *p = strchr(*p + len, '=') + 1;
    return rc;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* After a backslash: a special character, or two hex digits. */
static bool take_escape(const char **p, char *out)
{
    int high = hex_value(**p);

    if (high >= 0 && hex_value((*p)[1]) >= 0) {
        *out = (char)(high * 16 + hex_value((*p)[1]));
        *p += 2;
        return true;
    }
    if (**p == '\0' || strchr(" \"#+,;<=>\\", **p) == NULL)
        return false;
    *out = *(*p)++;
    return true;
}

/* Up to an unescaped "," or "+", without the spaces around it. */
static ks_rc take_value(const char **p, char *out, size_t *out_len,
                        struct ks_err *err)
{
    size_t n = 0, kept = 0; /* kept: up to the last byte that is no space */

    while (**p == ' ')
        (*p)++;
    /* alone it is a character: libcrypto writes it so */
    if (**p == '#' && (*p)[1] != '\0' && strchr(",+", (*p)[1]) == NULL)
        return ks_fail(err, KS_E_INVALID,
                       "%.40s: a value in \"#\" notation is not supported; "
                       "write \"\\#\" for the character",
                       *p);
    while (**p != '\0' && **p != ',' && **p != '+') {
        char c = *(*p)++;
        bool escaped = c == '\\';

        if (escaped && !take_escape(p, &c))
            return ks_fail(err, KS_E_INVALID, "bad escape \"\\%.4s\"", *p);
        if (!escaped && strchr("\";<>", c) != NULL) {
            ks_hint(err, "write \\%c for it", c);
            return ks_fail(err, KS_E_INVALID, "unescaped %c", c);
        }
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return ks_fail(err, KS_E_INVALID, "control character in a value");
        if (n == VALUE_MAX)
            return ks_fail(err, KS_E_INVALID, "a value over %d bytes",
                           VALUE_MAX);
        out[n++] = c;
        if (c != ' ' || escaped)
            kept = n;
    }
    *out_len = kept;
    return KS_OK;
}

static ks_rc check_country(const char *value, size_t len, struct ks_err *err)
{
    if (len == 2 && value[0] >= 'A' && value[0] <= 'Z' && value[1] >= 'A' &&
        value[1] <= 'Z')
        return KS_OK;
    return ks_fail(err, KS_E_INVALID,
                   "C=%.*s: not two capital letters (ISO 3166)",
                   (int)(len > 20 ? 20 : len), value);
}

static ks_rc add_entry(X509_NAME *name, const ASN1_OBJECT *type,
                       const char *value, size_t len, bool same_rdn,
                       struct ks_err *err)
{
    char text[TYPE_MAX];
    int nid = OBJ_obj2nid(type);

    if (nid == NID_undef)
        (void)OBJ_obj2txt(text, sizeof(text), type, 1);
    else
        (void)OPENSSL_strlcpy(text, OBJ_nid2sn(nid), sizeof(text));
    if (len == 0)
        return ks_fail(err, KS_E_INVALID, "%s: empty value", text);
    if (!may_repeat(type) && X509_NAME_get_index_by_OBJ(name, type, -1) >= 0)
        return ks_fail(err, KS_E_INVALID, "%s: given twice", text);
    if (nid == NID_countryName) {
        ks_rc rc = check_country(value, len, err);

        if (rc != KS_OK)
            return rc;
    }
    if (X509_NAME_add_entry_by_OBJ(name, type, MBSTRING_UTF8,
                                   (const unsigned char *)value, (int)len, -1,
                                   same_rdn ? -1 : 0) == 1)
        return KS_OK;
    {
        const char *why = ERR_reason_error_string(ERR_peek_last_error());

        return ks_fail(err, KS_E_INVALID, "%s=%.*s: %s", text,
                       (int)(len > 70 ? 70 : len), value,
                       why != NULL ? why : "bad value");
    }
}

static ks_rc parse(const char *text, X509_NAME *name, struct ks_err *err)
{
    const char *p = text;
    bool same_rdn = false;

    for (int i = 0;; i++) {
        char value[VALUE_MAX];
        size_t len = 0;
        ASN1_OBJECT *type = NULL;
        ks_rc rc = take_type(&p, &type, err);

        if (rc == KS_OK)
            rc = take_value(&p, value, &len, err);
        if (rc == KS_OK)
            rc = add_entry(name, type, value, len, same_rdn, err);
        ASN1_OBJECT_free(type);
        if (rc != KS_OK || *p == '\0')
            return rc;
        if (i == NAME_MAX_RDNS)
            return ks_fail(err, KS_E_INVALID, "over %d attributes",
                           NAME_MAX_RDNS);
        same_rdn = *p++ == '+';
    }
}

ks_rc ca_name_parse(const char *text, X509_NAME **out, struct ks_err *err)
{
    X509_NAME *name = X509_NAME_new();
    struct ks_err why = {0};
    ks_rc rc;

    *out = NULL;
    if (name == NULL)
        return ca_nomem(err);
    (void)ERR_set_mark();
    if (text[0] == '/') {
        ks_hint(&why, "write \"CN=x,O=y\", not \"/O=y/CN=x\"");
        rc = ks_fail(&why, KS_E_INVALID, "the old slash notation");
    } else {
        rc = parse(text, name, &why);
    }
    (void)ERR_pop_to_mark();
    if (rc == KS_OK) {
        *out = name;
        return KS_OK;
    }
    X509_NAME_free(name);
    if (why.hint[0] != '\0')
        ks_hint(err, "%s", why.hint);
    return ks_fail(err, rc, "subject \"%.100s\": %s", text, why.text);
}

char *ca_name_text(const X509_NAME *name)
{
    static const unsigned long flags =
        XN_FLAG_SEP_COMMA_PLUS | XN_FLAG_FN_SN | ASN1_STRFLGS_ESC_2253 |
        ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT;
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, flags) >= 0)
        text = ca_bio_text(bio);
    BIO_free(bio);
    return text;
}
