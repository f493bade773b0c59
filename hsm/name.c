/*
 * Names of keys: a label, and a CKA_ID where the label is not enough.
 */
#include "name.h"

#include <string.h>

#include <openssl/crypto.h>

#define ID_MARK ";id="

/* The value of a hexadecimal digit; -1 if it is none. */
static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    char lower = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    const char *at = c == '\0' ? NULL : strchr(digits, lower);

    return at == NULL ? -1 : (int)(at - digits);
}

/* The last mark in TEXT: a label may hold the others. */
static const char *find_mark(const char *text)
{
    const char *found = NULL;

    for (const char *at = strstr(text, ID_MARK); at != NULL;
         at = strstr(at + 1, ID_MARK))
        found = at;
    return found;
}

static ks_rc parse_id(const char *hex, struct hsm_name *name,
                      struct ks_err *err)
{
    size_t len = strlen(hex);

    if (len == 0 || len % 2 != 0 || len / 2 > HSM_ID_MAX)
        return ks_fail(err, KS_E_INVALID,
                       "key name: what follows \"" ID_MARK "\" is not 1 to %d "
                       "bytes in hexadecimal digits",
                       HSM_ID_MAX);
    name->id = OPENSSL_malloc(len / 2);
    if (name->id == NULL)
        return KS_E_NOMEM;
    name->id_len = len / 2;
    for (size_t i = 0; i < len; i += 2) {
        int high = digit(hex[i]), low = digit(hex[i + 1]);

        if (high < 0 || low < 0)
            return ks_fail(err, KS_E_INVALID,
                           "key name: \"%c%c\" after \"" ID_MARK
                           "\" is not hexadecimal",
                           hex[i], hex[i + 1]);
        name->id[i / 2] = (uint8_t)(high * 16 + low);
    }
    return KS_OK;
}

ks_rc hsm_name_parse(const char *text, struct hsm_name *name,
                     struct ks_err *err)
{
    const char *mark = find_mark(text);
    struct hsm_name parsed = {0};
    ks_rc rc = KS_OK;

    if (text[0] == '\0')
        return ks_fail(err, KS_E_INVALID, "key name: is empty");
    parsed.label = mark == NULL ? OPENSSL_strdup(text)
                                : OPENSSL_strndup(text, (size_t)(mark - text));
    if (parsed.label == NULL)
        rc = KS_E_NOMEM;
    if (rc == KS_OK && mark != NULL)
        rc = parse_id(mark + strlen(ID_MARK), &parsed, err);
    if (rc == KS_OK)
        *name = parsed;
    else
        hsm_name_clear(&parsed);
    return rc;
}

void hsm_name_clear(struct hsm_name *name)
{
    if (name == NULL)
        return;
    OPENSSL_free(name->label);
    OPENSSL_free(name->id);
    *name = (struct hsm_name){0};
}

char *hsm_name_format(const char *label, const uint8_t *id, size_t id_len)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = strlen(label);
    char *text = OPENSSL_malloc(used + sizeof(ID_MARK) + 2 * id_len);

    if (text == NULL)
        return NULL;
    memcpy(text, label, used);
    if (id != NULL && id_len > 0) {
        memcpy(text + used, ID_MARK, strlen(ID_MARK));
        used += strlen(ID_MARK);
        for (size_t i = 0; i < id_len; i++) {
            text[used++] = digits[id[i] >> 4];
            text[used++] = digits[id[i] & 15];
        }
    }
    text[used] = '\0';
    return text;
}
