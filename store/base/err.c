/*
 * Result codes and error texts. The first text that is written wins, because
 * the layer nearest the fault knows most about it.
 */
#include "ks_err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append_errno(struct ks_err *err, int errnum)
{
    char reason[128];
    size_t used = strlen(err->text);

    /* The GNU strerror_r returns the text, which may not be in the buffer. */
    (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s",
                   strerror_r(errnum, reason, sizeof(reason)));
}

ks_rc ks_fail(struct ks_err *err, ks_rc rc, const char *format, ...)
{
    va_list args;

    if (err == NULL || err->text[0] != '\0')
        return rc;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return rc;
}

ks_rc ks_fail_errno(struct ks_err *err, ks_rc rc, const char *format, ...)
{
    int errnum = errno;
    va_list args;

    if (err == NULL || err->text[0] != '\0')
        return rc;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    append_errno(err, errnum);
    errno = errnum;
    return rc;
}

void ks_hint(struct ks_err *err, const char *format, ...)
{
    va_list args;

    if (err == NULL || err->hint[0] != '\0')
        return;
    va_start(args, format);
    (void)vsnprintf(err->hint, sizeof(err->hint), format, args);
    va_end(args);
}

#define RC_TEXT(name, number, text) {name, text},
static const struct {
    ks_rc rc;
    const char *text;
} rc_texts[] = {{KS_OK, "done"}, KS_RC_LIST(RC_TEXT)};
#undef RC_TEXT

const char *ks_rc_text(ks_rc rc)
{
    for (size_t i = 0; i < sizeof(rc_texts) / sizeof(rc_texts[0]); i++)
        if (rc_texts[i].rc == rc)
            return rc_texts[i].text;
    return "unknown error";
}

static const struct {
    int errnum;
    ks_rc rc;
} errno_rcs[] = {
    {0, KS_OK},
    {ENOMEM, KS_E_NOMEM},
    {ENOENT, KS_E_NOT_FOUND},
    {ENOTDIR, KS_E_NOT_FOUND},
    {EEXIST, KS_E_EXISTS},
    {EACCES, KS_E_DENIED},
    {EPERM, KS_E_DENIED},
    {EROFS, KS_E_DENIED},
    {ELOOP, KS_E_DENIED},
    {ENOSPC, KS_E_FULL},
    {EDQUOT, KS_E_FULL},
    {EFBIG, KS_E_FULL},
    {EAGAIN, KS_E_BUSY},
    {EBUSY, KS_E_BUSY},
    {ETXTBSY, KS_E_BUSY},
    {ENAMETOOLONG, KS_E_INVALID},
    {EINTR, KS_E_INTERRUPTED},
};

ks_rc ks_rc_of_errno(int errnum)
{
    for (size_t i = 0; i < sizeof(errno_rcs) / sizeof(errno_rcs[0]); i++)
        if (errno_rcs[i].errnum == errnum)
            return errno_rcs[i].rc;
    return KS_E_IO;
}
