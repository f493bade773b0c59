/*
 * Host names: the preferred syntax of RFC 1034, 3.5 and RFC 1123, 2.1, as
 * RFC 5280, 4.2.1.6 asks; IDN to A-labels by RFC 5891 (libidn2).
 */
#include "dns.h"
#include "texts.h"

#include <stdlib.h>
#include <string.h>

#include <idn2.h>
#include <openssl/crypto.h>

#define HOST_MAX 253
#define LABEL_MAX 63

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

/* NULL: good. Else what is wrong with the label. */
static const char *label_fault(const char *label, size_t len)
{
    if (len == 0)
        return "an empty label (two dots, or a dot at an end)";
    if (len > LABEL_MAX)
        return "a label over 63 characters";
    if (label[0] == '-' || label[len - 1] == '-')
        return "a label with a hyphen at its end";
    for (size_t i = 0; i < len; i++) {
        if (label[i] == '_')
            return "an underscore, which no host name has";
        if (label[i] == '*')
            return "a wildcard that is not the whole first label";
        if (!is_alnum(label[i]) && label[i] != '-')
            return "a character that no host name has";
    }
    return NULL;
}

static const char *host_fault(const char *host, bool below_wildcard)
{
    const char *label = host;
    bool digits_only = true;
    size_t labels = 0;

    if (strlen(host) > HOST_MAX)
        return "over 253 characters";
    for (;;) {
        size_t len = strcspn(label, ".");
        const char *fault = label_fault(label, len);

        if (fault != NULL)
            return fault;
        labels++;
        digits_only = strspn(label, "0123456789") == len;
        if (label[len] == '\0')
            break;
        label += len + 1;
    }
    if (digits_only)
        return "its last label is a number";
    if (below_wildcard && labels < 2)
        return "a wildcard over a whole top-level domain";
    return NULL;
}

static ks_rc to_ascii(const char *text, char **out, struct ks_err *err)
{
    char *ascii = NULL;
    int code =
        idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

    if (code != IDN2_OK)
        return ks_fail(err, KS_E_INVALID, "dns:%.100s: %s", text,
                       code == IDN2_ENCODING_ERROR ? "not UTF-8"
                                                   : idn2_strerror(code));
    *out = OPENSSL_strdup(ascii);
    idn2_free(ascii);
    return *out != NULL ? KS_OK : ca_nomem(err);
}

ks_rc ca_dns_name(const char *text, bool wildcard, char **out,
                  struct ks_err *err)
{
    bool star = wildcard && strncmp(text, "*.", 2) == 0;
    const char *host = star ? text + 2 : text;
    char *ascii = NULL;
    const char *fault;
    ks_rc rc = KS_OK;
    size_t size;

    *out = NULL;
    if (!is_ascii(host))
        rc = to_ascii(host, &ascii, err);
    if (rc != KS_OK)
        return rc;
    host = ascii != NULL ? ascii : host;
    fault = host_fault(host, star);
    if (fault != NULL) {
        rc = ks_fail(err, KS_E_INVALID, "dns:%.100s: %s", text, fault);
        goto out;
    }
    size = strlen(host) + 3;
    *out = OPENSSL_malloc(size);
    if (*out == NULL) {
        rc = ca_nomem(err);
        goto out;
    }
    (void)OPENSSL_strlcpy(*out, star ? "*." : "", size);
    (void)OPENSSL_strlcat(*out, host, size);
out:
    OPENSSL_free(ascii);
    return rc;
}
