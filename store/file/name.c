/*
 * Key names as file names.
 */
#include "file/name.h"

#include <string.h>

#include "base/text.h"

#define SUFFIX ".pem"
/* '%' and no two digits after it: what the encoding never makes. */
#define LONG_PREFIX "%sha256-"

/* A leading dot would hide the file, or be "." or "..". */
static bool encode(const char *name, char *out, size_t size)
{
    size_t used = 0;

    if (*name == '.') {
        memcpy(out, "%2E", 3);
        used = 3;
        name++;
    }
    return ks_percent_encode(name, "-_.", out, size - strlen(SUFFIX), &used);
}

ks_rc ks_file_name(const struct ks_crypto *crypto, const char *name,
                   char out[static KS_FILE_NAME_SIZE], struct ks_err *err)
{
    const struct ks_buf bytes = {(uint8_t *)name, strlen(name)};

    if (!encode(name, out, KS_FILE_NAME_SIZE)) {
        memcpy(out, LONG_PREFIX, sizeof(LONG_PREFIX));
        if (!ks_key_file_digest(crypto, &bytes, out + strlen(LONG_PREFIX)))
            return ks_fail(err, KS_E_CRYPTO, "no SHA-256 here");
    }
    memcpy(out + strlen(out), SUFFIX, sizeof(SUFFIX));
    return KS_OK;
}

static bool is_long(const char *file_name, size_t len)
{
    const char *digest = file_name + strlen(LONG_PREFIX);

    return len == strlen(LONG_PREFIX) + KS_DIGEST_TEXT_LEN &&
           memcmp(file_name, LONG_PREFIX, strlen(LONG_PREFIX)) == 0 &&
           strspn(digest, "0123456789abcdef") == KS_DIGEST_TEXT_LEN;
}

enum ks_file_kind ks_file_name_read(const char *file_name,
                                    char out[static KS_KEY_NAME_MAX + 1])
{
    size_t len = strlen(file_name), decoded;
    char name[KS_FILE_NAME_SIZE], again[KS_FILE_NAME_SIZE];

    if (len <= strlen(SUFFIX) || len >= KS_FILE_NAME_SIZE ||
        strcmp(file_name + len - strlen(SUFFIX), SUFFIX) != 0)
        return KS_FILE_OTHER;
    len -= strlen(SUFFIX);
    if (is_long(file_name, len))
        return KS_FILE_LONG;
    /* Only what we would write ourselves: so no key has two names. */
    if (!ks_percent_decode(file_name, len, name, &decoded) ||
        strlen(name) != decoded || ks_key_name_check(name, NULL) != KS_OK ||
        !encode(name, again, sizeof(again)) || strlen(again) != len ||
        memcmp(again, file_name, len) != 0)
        return KS_FILE_OTHER;
    memcpy(out, name, decoded + 1);
    return KS_FILE_KEY;
}
