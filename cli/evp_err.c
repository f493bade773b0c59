/*
 * The error queue of libcrypto, as a result and a text. The provider files
 * its errors under its own name with the reason -rc (ks_err.h), so the
 * result that a backend gave comes through unchanged.
 */
#include <string.h>

#include <openssl/err.h>

#include "evp.h"

#define KNOWN_RC(name, number, text) name,
static const ks_rc known[] = {KS_RC_LIST(KNOWN_RC)};
#undef KNOWN_RC

static bool rc_of_reason(int reason, ks_rc *rc)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if ((int)known[i] == -reason) {
            *rc = known[i];
            return true;
        }
    return false;
}

/* The provider's own errors carry the whole text as their data. */
static bool take_ours(unsigned long code, const char *data, int flags,
                      ks_rc *rc, struct ks_err *err)
{
    const char *library = ERR_lib_error_string(code);

    if (library == NULL || strcmp(library, CLI_PROVIDER) != 0 ||
        !rc_of_reason(ERR_GET_REASON(code), rc))
        return false;
    if ((flags & ERR_TXT_STRING) != 0 && data != NULL && data[0] != '\0')
        (void)ks_fail(err, *rc, "%s", data);
    return true;
}

ks_rc cli_evp_fail(struct ks_err *err, ks_rc rc, const char *what)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long code;
    unsigned long first = 0;
    bool ours = false;

    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        if (!ours)
            ours = take_ours(code, data, flags, &rc, err);
        if (first == 0)
            first = code;
    }
    if (ours)
        return ks_fail(err, rc, "%s: %s", what, ks_rc_text(rc));
    if (first != 0 && ERR_reason_error_string(first) != NULL)
        return ks_fail(err, rc, "%s: %s", what, ERR_reason_error_string(first));
    return ks_fail(err, rc, "%s: %s", what, ks_rc_text(rc));
}
