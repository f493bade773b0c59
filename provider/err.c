/*
 * Errors of the provider, filed under its own name by the core's upcalls.
 */
#include "err.h"

#include <stdarg.h>
#include <string.h>

#define REASON_ITEM(name, number, text) {-(number), (char *)(text)},
static const OSSL_ITEM reasons[] = {KS_RC_LIST(REASON_ITEM){0, NULL}};
#undef REASON_ITEM

const OSSL_ITEM *prov_reason_strings(void *provctx)
{
    (void)provctx;
    return reasons;
}

/* The file's name alone: where the build lay is nobody's business. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static void raise_va(const struct prov_ctx *ctx, ks_rc rc, const char *file,
                     int line, const char *func, const char *format,
                     va_list args)
{
    const struct prov_core *core = &ctx->core;

    core->new_error(ctx->handle);
    core->set_error_debug(ctx->handle, base_name(file), line, func);
    core->vset_error(ctx->handle, (uint32_t) - (int)rc, format, args);
}

int prov_raise_at(const struct prov_ctx *ctx, ks_rc rc, const char *file,
                  int line, const char *func, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    raise_va(ctx, rc, file, line, func, format, args);
    va_end(args);
    return 0;
}

#define RC_NAME(name, number, text) name,
static const ks_rc results[] = {KS_RC_LIST(RC_NAME)};
#undef RC_NAME

/* A plug-in may return anything. */
static ks_rc known_result(ks_rc rc)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        if (results[i] == rc)
            return rc;
    return KS_E_INTERNAL;
}

int prov_fail_at(const struct prov_ctx *ctx, ks_rc rc, const struct ks_err *err,
                 const char *file, int line, const char *func)
{
    rc = known_result(rc);
    if (err->text[0] == '\0')
        return prov_raise_at(ctx, rc, file, line, func, "%s", ks_rc_text(rc));
    if (err->hint[0] == '\0')
        return prov_raise_at(ctx, rc, file, line, func, "%s", err->text);
    /* caadm takes the two apart again (cli/ca/key_error.c). */
    return prov_raise_at(ctx, rc, file, line, func, "%s (hint: %s)", err->text,
                         err->hint);
}
