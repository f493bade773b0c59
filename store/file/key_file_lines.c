/*
 * The lines before the first PEM block of a key file: one row a line.
 */
#include "file/key_file_lines.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "certs.h"
#include "ks_uri.h"
#include "record.h"

#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define NAME_KEEP "-._~/@:+,=" /* as in URIs, so that both look the same */
#define NAME_TEXT_MAX (3 * KS_KEY_NAME_MAX)
#define LINE_MAX_LEN (KS_URI_MAX + 32)
#define COMMA ", " /* between recipients */

bool ks_key_file_digest(const struct ks_crypto *crypto,
                        const struct ks_buf *der,
                        char out[static KS_DIGEST_TEXT_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[EVP_MAX_MD_SIZE];

    if (!EVP_Q_digest(crypto->libctx, "SHA256", crypto->propq, der->data,
                      der->len, hash, NULL))
        return false;
    for (size_t i = 0; i < KS_DIGEST_TEXT_LEN / 2; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[KS_DIGEST_TEXT_LEN] = '\0';
    return true;
}

static bool set_name(struct ks_key_lines *lines, const char *value)
{
    char name[NAME_TEXT_MAX + 1];
    size_t len = 0, text_len = strlen(value);

    if (lines->name != NULL || text_len > NAME_TEXT_MAX ||
        !ks_percent_decode(value, text_len, name, &len) ||
        strlen(name) != len || ks_key_name_check(name, NULL) != KS_OK)
        return false;
    lines->name = OPENSSL_strdup(name);
    return true;
}

static bool set_created(struct ks_key_lines *lines, const char *value)
{
    struct tm tm = {0};
    const char *end = strptime(value, TIME_FORMAT, &tm);

    if (end == NULL || *end != '\0')
        return false;
    lines->created = timegm(&tm);
    return lines->created > 0;
}

/* A word: letters, digits, '-'. */
static bool set_origin(struct ks_key_lines *lines, const char *value)
{
    const size_t len = strlen(value);

    if (len == 0 || len >= sizeof(lines->origin) ||
        strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return false;
    memcpy(lines->origin, value, len + 1);
    return true;
}

static bool is_uri(const char *value)
{
    for (; *value != '\0'; value++)
        if ((unsigned char)*value <= ' ' || (unsigned char)*value >= 0x7f)
            return false;
    return true;
}

/* One line a URI. */
static bool add_recipient(struct ks_key_lines *lines, const char *value)
{
    const size_t len = strlen(value);
    const size_t had =
        lines->recipients != NULL ? strlen(lines->recipients) : 0;
    char *longer;

    if (len == 0 || len > KS_URI_MAX || !is_uri(value))
        return true; /* a hint, which nobody trusts: no key is lost for it */
    longer = OPENSSL_realloc(lines->recipients, had + sizeof(COMMA) + len);
    if (longer == NULL)
        return false;
    longer[had] = '\0';
    if (had > 0)
        strcat(longer, COMMA);
    strcat(longer, value);
    lines->recipients = longer;
    return true;
}

static bool set_digest(char *digest, const char *value)
{
    if (strlen(value) != KS_DIGEST_TEXT_LEN ||
        strspn(value, "0123456789abcdef") != KS_DIGEST_TEXT_LEN)
        return false;
    memcpy(digest, value, KS_DIGEST_TEXT_LEN + 1);
    return true;
}

static bool set_sealed_digest(struct ks_key_lines *lines, const char *value)
{
    return set_digest(lines->sealed_digest, value);
}

static bool set_public_digest(struct ks_key_lines *lines, const char *value)
{
    return set_digest(lines->public_digest, value);
}

static bool set_certs_digest(struct ks_key_lines *lines, const char *value)
{
    return set_digest(lines->certs_digest, value);
}

static const struct {
    const char *prefix;
    bool (*set)(struct ks_key_lines *lines, const char *value);
} rows[] = {
    {"Key: ", set_name},
    {"Created: ", set_created},
    {"Origin: ", set_origin},
    {"Sealed-To: ", add_recipient},
    {"Sealed-SHA256: ", set_sealed_digest},
    {"Public-SHA256: ", set_public_digest},
    {"Certificates-SHA256: ", set_certs_digest},
};

/* LINE has a NUL at its end. Other lines are anybody's. */
static ks_rc take_line(struct ks_key_lines *lines, const char *line,
                       struct ks_err *err)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].prefix);

        if (strncmp(line, rows[i].prefix, len) != 0)
            continue;
        if (rows[i].set(lines, line + len))
            return KS_OK;
        return ks_fail(err, KS_E_DAMAGED, "bad \"%.*s\" line", (int)len - 1,
                       rows[i].prefix);
    }
    return KS_OK;
}

static ks_rc take_lines(const uint8_t *data, size_t len,
                        struct ks_key_lines *lines, struct ks_err *err)
{
    static const char begin[] = "-----BEGIN ";
    char line[LINE_MAX_LEN];
    size_t at = 0;

    while (at < len) {
        const uint8_t *start = data + at;
        const uint8_t *newline = memchr(start, '\n', len - at);
        size_t line_len =
            newline != NULL ? (size_t)(newline - start) : len - at;
        ks_rc rc;

        at += line_len + 1;
        if (line_len >= sizeof(begin) - 1 &&
            memcmp(start, begin, sizeof(begin) - 1) == 0)
            break;
        if (line_len > 0 && start[line_len - 1] == '\r')
            line_len--;
        if (line_len >= sizeof(line))
            continue; /* longer than any of ours */
        memcpy(line, start, line_len);
        line[line_len] = '\0';
        rc = take_line(lines, line, err);
        if (rc != KS_OK)
            return rc;
    }
    return KS_OK;
}

void ks_key_lines_clear(struct ks_key_lines *lines)
{
    OPENSSL_free(lines->name);
    OPENSSL_free(lines->recipients);
    memset(lines, 0, sizeof(*lines));
}

ks_rc ks_key_lines_parse(const uint8_t *data, size_t len,
                         struct ks_key_lines *lines, struct ks_err *err)
{
    struct ks_key_lines read = {0};
    ks_rc rc = take_lines(data, len, &read, err);

    if (rc == KS_OK)
        *lines = read;
    else
        ks_key_lines_clear(&read);
    return rc;
}

static bool write_name(const char *name, BIO *bio)
{
    char text[NAME_TEXT_MAX + 4];
    size_t used = 0;

    if (name == NULL)
        return true;
    return ks_percent_encode(name, NAME_KEEP, text, sizeof(text), &used) &&
           BIO_printf(bio, "Key: %s\n", text) > 0;
}

static bool write_info(const struct ks_key_info *info, BIO *bio)
{
    char text[32];
    struct tm tm;

    if (info->created > 0 &&
        (gmtime_r(&info->created, &tm) == NULL ||
         strftime(text, sizeof(text), TIME_FORMAT, &tm) == 0 ||
         BIO_printf(bio, "Created: %s\n", text) <= 0))
        return false;
    return info->origin[0] == '\0' ||
           BIO_printf(bio, "Origin: %s\n", info->origin) > 0;
}

static bool write_recipients(const char *recipients, BIO *bio)
{
    while (recipients != NULL && *recipients != '\0') {
        const char *end = strstr(recipients, COMMA);
        const size_t len =
            end != NULL ? (size_t)(end - recipients) : strlen(recipients);

        if (BIO_printf(bio, "Sealed-To: %.*s\n", (int)len, recipients) <= 0)
            return false;
        recipients = end != NULL ? end + strlen(COMMA) : NULL;
    }
    return true;
}

static bool write_digest(const struct ks_crypto *crypto, const char *what,
                         const struct ks_buf *der, BIO *bio)
{
    char digest[KS_DIGEST_TEXT_LEN + 1];

    return ks_key_file_digest(crypto, der, digest) &&
           BIO_printf(bio, "%s-SHA256: %s\n", what, digest) > 0;
}

static bool write_digests(const struct ks_crypto *crypto,
                          const struct ks_record *record, BIO *bio)
{
    const struct ks_buf sealed = ks_record_sealed(record);
    struct ks_buf certs = {0};
    bool ok = (record->form == KS_FORM_PLAIN ||
               write_digest(crypto, "Sealed", &sealed, bio)) &&
              write_digest(crypto, "Public", &record->info.spki, bio);

    if (ok && record->info.cert.len > 0)
        ok = ks_certs_join(&record->info, &certs) == KS_OK &&
             write_digest(crypto, "Certificates", &certs, bio);
    ks_buf_clear(&certs);
    return ok;
}

bool ks_key_lines_write(const struct ks_crypto *crypto, const char *name,
                        const struct ks_record *record, BIO *bio)
{
    return write_name(name, bio) && write_info(&record->info, bio) &&
           write_recipients(record->recipients, bio) &&
           write_digests(crypto, record, bio);
}
