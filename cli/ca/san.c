/*
 * Subject alternative names, and the names of name constraints, from text:
 * typed by a prefix or by their looks. RFC 5280, 4.2.1.6 and 4.2.1.10.
 */
#include "san.h"
#include "dns.h"
#include "texts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#define SAN_MAX 2048
#define LOCAL_PART_MAX 64 /* RFC 5321, 4.5.3.1.1 */

typedef ks_rc parse_fn(const char *value, bool constraint, GENERAL_NAME *out,
                       struct ks_err *err);

static ks_rc set_ia5(GENERAL_NAME *out, int type, const char *text,
                     struct ks_err *err)
{
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();

    if (string == NULL || ASN1_STRING_set(string, text, -1) != 1) {
        ASN1_IA5STRING_free(string);
        return ca_nomem(err);
    }
    GENERAL_NAME_set0_value(out, type, string);
    return KS_OK;
}

static ks_rc parse_dns(const char *value, bool constraint, GENERAL_NAME *out,
                       struct ks_err *err)
{
    bool dot = constraint && value[0] == '.';
    char *name = NULL;
    ks_rc rc = ca_dns_name(value + (dot ? 1 : 0), !constraint, &name, err);

    if (rc == KS_OK)
        rc = set_ia5(out, GEN_DNS, name, err);
    OPENSSL_free(name);
    return rc;
}

/* The address' octets; 0 if TEXT is none. */
static size_t address(const char *text, uint8_t out[16])
{
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

/* "/24", or a mask for IPv4, after the address. */
static bool network_mask(const char *text, size_t len, uint8_t mask[16])
{
    char *end = NULL;
    long bits;

    if (len == 4 && strchr(text, '.') != NULL)
        return inet_pton(AF_INET, text, mask) == 1;
    if (text[0] < '0' || text[0] > '9')
        return false;
    bits = strtol(text, &end, 10);
    if (*end != '\0' || bits < 0 || bits > (long)len * 8)
        return false;
    for (size_t i = 0; i < len; i++) {
        long left = bits - (long)i * 8;

        mask[i] = (uint8_t)(left >= 8 ? 0xff : left <= 0 ? 0 : 0xff00 >> left);
    }
    return true;
}

static ks_rc parse_ip(const char *value, bool constraint, GENERAL_NAME *out,
                      struct ks_err *err)
{
    char host[INET6_ADDRSTRLEN + 1] = "";
    size_t host_len = strcspn(value, "/"), len = 0;
    uint8_t octets[32] = {0};
    ASN1_OCTET_STRING *string;

    if (host_len < sizeof(host)) {
        memcpy(host, value, host_len);
        len = address(host, octets);
    }
    if (len == 0 || (value[host_len] == '/') != constraint) {
        if (constraint)
            ks_hint(err, "write a network: \"ip:10.0.0.0/8\"");
        return ks_fail(err, KS_E_INVALID, "ip:%.60s: not an IP %s", value,
                       constraint ? "network" : "address");
    }
    if (constraint) {
        if (!network_mask(value + host_len + 1, len, octets + len))
            return ks_fail(err, KS_E_INVALID, "ip:%.60s: bad network mask",
                           value);
        for (size_t i = 0; i < len; i++) {
            if ((octets[i] & ~octets[len + i]) != 0)
                return ks_fail(err, KS_E_INVALID,
                               "ip:%.60s: bits set outside of its mask", value);
        }
        len *= 2;
    }
    string = ASN1_OCTET_STRING_new();
    if (string == NULL || ASN1_STRING_set(string, octets, (int)len) != 1) {
        ASN1_OCTET_STRING_free(string);
        return ca_nomem(err);
    }
    GENERAL_NAME_set0_value(out, GEN_IPADD, string);
    return KS_OK;
}

/* RFC 5321, 4.1.2: a dot-atom. Quoted local parts are legal and unused. */
static bool good_local_part(const char *text, size_t len)
{
    static const char extra[] = "!#$%&'*+-/=?^_`{|}~.";

    if (len == 0 || len > LOCAL_PART_MAX || text[0] == '.' ||
        text[len - 1] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                     (c >= 'A' && c <= 'Z');

        if (!alnum && (c == '\0' || strchr(extra, c) == NULL))
            return false;
        if (c == '.' && text[i + 1] == '.')
            return false;
    }
    return true;
}

static ks_rc parse_email(const char *value, bool constraint, GENERAL_NAME *out,
                         struct ks_err *err)
{
    const char *at = strrchr(value, '@');
    char *domain = NULL;
    char text[LOCAL_PART_MAX + 256 + 2];
    ks_rc rc;

    if (at == NULL && constraint) { /* all mailboxes of a host or domain */
        bool dot = value[0] == '.';

        rc = ca_dns_name(value + (dot ? 1 : 0), false, &domain, err);
        if (rc == KS_OK) {
            (void)snprintf(text, sizeof(text), "%s%s", dot ? "." : "", domain);
            rc = set_ia5(out, GEN_EMAIL, text, err);
        }
        OPENSSL_free(domain);
        return rc;
    }
    if (at == NULL || !good_local_part(value, (size_t)(at - value)))
        return ks_fail(err, KS_E_INVALID, "email:%.100s: not a mail address",
                       value);
    rc = ca_dns_name(at + 1, false, &domain, err);
    if (rc == KS_OK) {
        (void)snprintf(text, sizeof(text), "%.*s@%s", (int)(at - value), value,
                       domain);
        rc = set_ia5(out, GEN_EMAIL, text, err);
    }
    OPENSSL_free(domain);
    return rc;
}

/* RFC 3986: a scheme, a colon, and characters a URI can have. */
static bool good_uri(const char *text)
{
    static const char marks[] = "-._~:/?#[]@!$&'()*+,;=%";
    size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    bool letter = (text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z';

    if (!letter || text[scheme] != ':' || text[scheme + 1] == '\0')
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        bool alnum = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
                     (*p >= 'A' && *p <= 'Z');

        if (!alnum && strchr(marks, *p) == NULL)
            return false;
    }
    return true;
}

static ks_rc parse_uri(const char *value, bool constraint, GENERAL_NAME *out,
                       struct ks_err *err)
{
    char *domain = NULL;
    ks_rc rc;

    if (constraint) { /* RFC 5280, 4.2.1.10: the host part only */
        rc =
            ca_dns_name(value + (value[0] == '.' ? 1 : 0), false, &domain, err);
        OPENSSL_free(domain);
        return rc == KS_OK ? set_ia5(out, GEN_URI, value, err) : rc;
    }
    if (!good_uri(value))
        return ks_fail(err, KS_E_INVALID,
                       "uri:%.100s: not an absolute URI (percent-encode what "
                       "is not ASCII)",
                       value);
    return set_ia5(out, GEN_URI, value, err);
}

static ks_rc parse_dirname(const char *value, bool constraint,
                           GENERAL_NAME *out, struct ks_err *err)
{
    X509_NAME *name = NULL;
    ks_rc rc = ca_name_parse(value, &name, err);

    (void)constraint; /* the same notation */
    if (rc == KS_OK)
        GENERAL_NAME_set0_value(out, GEN_DIRNAME, name);
    return rc;
}

static ks_rc parse_rid(const char *value, bool constraint, GENERAL_NAME *out,
                       struct ks_err *err)
{
    ASN1_OBJECT *object = OBJ_txt2obj(value, 1);

    if (object == NULL || constraint) {
        ASN1_OBJECT_free(object);
        return ks_fail(err, KS_E_INVALID, "rid:%.60s: %s", value,
                       constraint ? "cannot be a name constraint"
                                  : "not a dotted OID");
    }
    GENERAL_NAME_set0_value(out, GEN_RID, object);
    return KS_OK;
}

/* Without a FORMAT, ASN1_generate_v3 takes a UTF8: text for Latin-1. */
static ASN1_TYPE *generate(const char *text)
{
    char utf8[SAN_MAX + 16];

    if (strncmp(text, "UTF8:", 5) != 0)
        return ASN1_generate_v3(text, NULL);
    (void)snprintf(utf8, sizeof(utf8), "FORMAT:UTF8,%s", text);
    return ASN1_generate_v3(utf8, NULL);
}

/* OID;TYPE:VALUE in ASN1_generate_v3's notation, simple types only. */
static ks_rc parse_other(const char *value, bool constraint, GENERAL_NAME *out,
                         struct ks_err *err)
{
    static const char *const types[] = {"UTF8:", "IA5:",    "PRINTABLE:",
                                        "BOOL:", "INT:",    "NULL",
                                        "UTC:",  "GENTIME:"};
    const char *semicolon = strchr(value, ';');
    char oid[128] = "";
    ASN1_OBJECT *object = NULL;
    ASN1_TYPE *content = NULL;

    if (!constraint && semicolon != NULL &&
        (size_t)(semicolon - value) < sizeof(oid)) {
        memcpy(oid, value, (size_t)(semicolon - value));
        object = OBJ_txt2obj(oid, 1);
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            if (strncmp(semicolon + 1, types[i], strlen(types[i])) == 0)
                content = generate(semicolon + 1);
        }
    }
    if (object == NULL || content == NULL ||
        GENERAL_NAME_set0_othername(out, object, content) != 1) {
        ASN1_OBJECT_free(object);
        ASN1_TYPE_free(content);
        ks_hint(err, "write \"other:1.3.6.1.4.1.311.20.2.3;UTF8:text\"");
        return ks_fail(err, KS_E_INVALID,
                       "other:%.60s: not OID;TYPE:VALUE of a simple type",
                       value);
    }
    return KS_OK;
}

static const struct {
    const char *prefix;
    parse_fn *parse;
} kinds[] = {
    {"dns:", parse_dns},         {"ip:", parse_ip},   {"email:", parse_email},
    {"uri:", parse_uri},         {"rid:", parse_rid}, {"other:", parse_other},
    {"dirname:", parse_dirname},
};

static parse_fn *by_prefix(const char *text, const char **value)
{
    char prefix[12];

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].prefix);

        (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)len, text);
        if (OPENSSL_strcasecmp(prefix, kinds[i].prefix) == 0) {
            *value = text + len;
            return kinds[i].parse;
        }
    }
    return NULL;
}

static parse_fn *by_looks(const char *text)
{
    uint8_t octets[16];
    char host[INET6_ADDRSTRLEN + 1];

    (void)snprintf(host, sizeof(host), "%.*s", (int)strcspn(text, "/"), text);
    if (address(host, octets) != 0)
        return parse_ip;
    if (strstr(text, "://") != NULL || strncmp(text, "urn:", 4) == 0)
        return parse_uri;
    if (strchr(text, '@') != NULL)
        return parse_email;
    return parse_dns;
}

static ks_rc parse(const char *text, bool constraint, GENERAL_NAME **out,
                   struct ks_err *err)
{
    const char *value = text;
    parse_fn *fn = by_prefix(text, &value);
    GENERAL_NAME *name = GENERAL_NAME_new();
    ks_rc rc;

    *out = NULL;
    if (name == NULL)
        return ca_nomem(err);
    if (fn == NULL)
        fn = by_looks(text);
    (void)ERR_set_mark();
    if (strlen(text) > SAN_MAX)
        rc = ks_fail(err, KS_E_INVALID, "%.40s...: a name over %d bytes", text,
                     SAN_MAX);
    else if (value[0] == '\0')
        rc = ks_fail(err, KS_E_INVALID, "\"%.20s\": an empty name", text);
    else
        rc = fn(value, constraint, name, err);
    (void)ERR_pop_to_mark();
    if (rc == KS_OK) {
        *out = name;
        name = NULL; /* given to the caller */
    }
    GENERAL_NAME_free(name);
    return rc;
}

ks_rc ca_san_parse(const char *text, GENERAL_NAME **out, struct ks_err *err)
{
    return parse(text, false, out, err);
}

ks_rc ca_constraint_parse(const char *text, GENERAL_NAME **out,
                          struct ks_err *err)
{
    return parse(text, true, out, err);
}
