/*
 * Shared objects that are backends, more or less: SHAPE says which one this
 * is. Their callbacks end the program: nobody may call them.
 */
#include <stdlib.h>

#include "ks_backend.h"

#define SHAPE_WHOLE 1
#define SHAPE_OTHER_ABI 2
#define SHAPE_NO_OPEN 3
#define SHAPE_NO_REPLACE 4
#define SHAPE_NO_KEYS 5
#define SHAPE_NO_OPEN_KEY 6
#define SHAPE_SCHEME 7
#define SHAPE_SHORT 8
#define SHAPE_TINY 9
#define SHAPE_FUNCTION 10
#define SHAPE_NO_SYMBOL 11
#define SHAPE_NO_TYPE 12
#define SHAPE_UNLINKED 13

static ks_rc never_open(const struct ks_backend_env *env, void **store,
                        struct ks_err *err)
{
    (void)env;
    (void)store;
    (void)err;
    abort();
}

static void never_close(void *store)
{
    (void)store;
#if SHAPE == SHAPE_UNLINKED
    ks_buf_clear(NULL); /* a function of the library */
#endif
    abort();
}

static ks_rc never_list(void *store, ks_list_fn *each, void *arg,
                        struct ks_err *err)
{
    (void)store;
    (void)each;
    (void)arg;
    (void)err;
    abort();
}

static ks_rc never_info(void *store, const char *name, struct ks_key_info *info,
                        struct ks_err *err)
{
    (void)store;
    (void)name;
    (void)info;
    (void)err;
    abort();
}

static ks_rc never_remove(void *store, const char *name,
                          const struct ks_ask *ask, struct ks_err *err)
{
    (void)store;
    (void)name;
    (void)ask;
    (void)err;
    abort();
}

static ks_rc never_get(void *store, const char *name, struct ks_record *record,
                       struct ks_err *err)
{
    (void)store;
    (void)name;
    (void)record;
    (void)err;
    abort();
}

static ks_rc never_put(void *store, const char *name,
                       const struct ks_record *record, struct ks_err *err)
{
    (void)store;
    (void)name;
    (void)record;
    (void)err;
    abort();
}

static ks_rc never_replace(void *store, const char *name,
                           const struct ks_record *old,
                           const struct ks_record *record, struct ks_err *err)
{
    (void)store;
    (void)name;
    (void)old;
    (void)record;
    (void)err;
    abort();
}

static ks_rc never_generate(void *store, const char *name,
                            const struct ks_keygen *spec,
                            const struct ks_ask *ask, struct ks_buf *spki,
                            struct ks_err *err)
{
    (void)store;
    (void)name;
    (void)spec;
    (void)ask;
    (void)spki;
    (void)err;
    abort();
}

/* What all of them have, and what material keys need besides. */
#define COMMON                                                                 \
    .type = "shape", .close = never_close, .list = never_list,                 \
    .info = never_info, .remove = never_remove
#define MATERIAL .get = never_get, .put = never_put, .replace = never_replace

#if SHAPE == SHAPE_SHORT
/* The right number, and no table behind it. */
KS_BACKEND_EXPORT const uint32_t ks_backend[2] = {KS_BACKEND_ABI, 0};
#elif SHAPE == SHAPE_TINY
KS_BACKEND_EXPORT const char ks_backend = KS_BACKEND_ABI;
#elif SHAPE == SHAPE_FUNCTION
KS_BACKEND_EXPORT int ks_backend(void);
int ks_backend(void)
{
    abort();
}
#elif SHAPE == SHAPE_NO_SYMBOL
KS_BACKEND_EXPORT const struct ks_backend ks_backends = {
    .abi = KS_BACKEND_ABI, COMMON, .open = never_open, MATERIAL};
#else
KS_BACKEND_EXPORT const struct ks_backend ks_backend = {
#    if SHAPE == SHAPE_OTHER_ABI
    /* Nothing behind the number may be believed. */
    .abi = KS_BACKEND_ABI + 1,
#    elif SHAPE == SHAPE_NO_OPEN
    .abi = KS_BACKEND_ABI, COMMON, MATERIAL
#    elif SHAPE == SHAPE_NO_REPLACE
    .abi = KS_BACKEND_ABI,
    COMMON,
    .open = never_open,
    .get = never_get,
    .put = never_put
#    elif SHAPE == SHAPE_NO_KEYS
    .abi = KS_BACKEND_ABI, COMMON, .open = never_open
#    elif SHAPE == SHAPE_NO_OPEN_KEY
    .abi = KS_BACKEND_ABI,
    COMMON,
    .open = never_open,
    MATERIAL,
    .generate = never_generate
#    elif SHAPE == SHAPE_SCHEME
    .abi = KS_BACKEND_ABI,
    COMMON,
    .open = never_open,
    MATERIAL,
    .scheme = "shape"
#    elif SHAPE == SHAPE_NO_TYPE
    .abi = KS_BACKEND_ABI,
    .open = never_open,
    .close = never_close,
    .list = never_list,
    .info = never_info,
    .remove = never_remove,
    MATERIAL
#    else
    .abi = KS_BACKEND_ABI, COMMON, .open = never_open, MATERIAL
#    endif
};
#endif

/* Keeps what this shape has no use for from being a warning. */
KS_BACKEND_EXPORT const void *const plugin_shape_parts[] = {
    (const void *)never_open,    (const void *)never_close,
    (const void *)never_list,    (const void *)never_info,
    (const void *)never_remove,  (const void *)never_get,
    (const void *)never_put,     (const void *)never_replace,
    (const void *)never_generate};
