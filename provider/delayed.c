/*
 * libp11 and p11-kit, loaded when the first key on a token is asked for.
 *
 * As libraries that the module needs they would cost every program that
 * activates the provider about half a millisecond, most of it relocations of
 * p11-kit: as much as all the rest of activation. So the functions of theirs
 * that hsm/ calls are defined here, and pass each call on. hsm/ does not know.
 * They are compiled against the libraries' own headers: a prototype that is
 * not theirs is an error. One that is missing here costs only time, and
 * test_activation tells.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#include <openssl/types.h>
/* libp11's header names them, <openssl/types.h> hides what is deprecated. */
typedef struct rsa_meth_st RSA_METHOD;
typedef struct ec_key_method_st EC_KEY_METHOD;
#include <libp11.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "p11.h"

struct library {
    const char *name;
    pthread_once_t once;
    void *handle;
    char why[256]; /* it could not be loaded */
};

/* The names are the DT_SONAMEs of what we are compiled against (CMakeLists.txt
 * reads them), so the headers and the library that is loaded agree. */
static struct library libp11 = {LIBP11_SONAME, PTHREAD_ONCE_INIT, NULL, ""};
static struct library p11_kit = {P11KIT_SONAME, PTHREAD_ONCE_INIT, NULL, ""};

/* Never closed: it has threads' data and handlers of its own. */
static void load(struct library *library)
{
    const char *why;

    library->handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL);
    if (library->handle != NULL)
        return;
    why = dlerror();
    (void)snprintf(library->why, sizeof(library->why), "%s",
                   why != NULL ? why : library->name);
    atomic_store(&hsm_missing_library, library->why);
}

static void load_libp11(void)
{
    load(&libp11);
}

static void load_p11_kit(void)
{
    load(&p11_kit);
}

/* NULL if there is no such library. */
static void *find(struct library *library, void (*once)(void), const char *name)
{
    (void)pthread_once(&library->once, once);
    return library->handle != NULL ? dlsym(library->handle, name) : NULL;
}

/* A function of LIBRARY: its type and name, its parameters, what is passed on,
 * and the result where there is no library. */
#define DELAYED(library, type, name, parameters, arguments, otherwise)         \
    type name parameters                                                       \
    {                                                                          \
        type(*const function) parameters =                                     \
            (type(*) parameters)find(&(library), load_##library, #name);       \
                                                                               \
        return function != NULL ? function arguments : (otherwise);            \
    }
#define DELAYED_VOID(library, name, parameters, arguments)                     \
    void name parameters                                                       \
    {                                                                          \
        void(*const function) parameters =                                     \
            (void(*) parameters)find(&(library), load_##library, #name);       \
                                                                               \
        if (function != NULL)                                                  \
            function arguments;                                                \
    }

/* clang-format off */
DELAYED(libp11, PKCS11_CTX *, PKCS11_CTX_new, (void), (), NULL)
DELAYED_VOID(libp11, PKCS11_CTX_free, (PKCS11_CTX *ctx), (ctx))
DELAYED(libp11, int, PKCS11_CTX_load, (PKCS11_CTX *ctx, const char *ident),
        (ctx, ident), -1)
DELAYED_VOID(libp11, PKCS11_CTX_unload, (PKCS11_CTX *ctx), (ctx))
DELAYED(libp11, int, ERR_get_CKR_code, (void), (), 0)
DELAYED(libp11, unsigned long, PKCS11_get_slotid_from_slot,
        (PKCS11_SLOT *slot), (slot), 0)
DELAYED(libp11, int, PKCS11_init_token,
        (PKCS11_TOKEN *token, const char *pin, const char *label),
        (token, pin, label), -1)
DELAYED_VOID(libp11, PKCS11_release_all_slots,
             (PKCS11_CTX *ctx, PKCS11_SLOT *slots, unsigned n),
             (ctx, slots, n))
DELAYED(libp11, int, PKCS11_update_slots,
        (PKCS11_CTX *ctx, PKCS11_SLOT **slots, unsigned *n), (ctx, slots, n),
        -1)

DELAYED(p11_kit, char *, p11_kit_config_option,
        (CK_FUNCTION_LIST *module, const char *option), (module, option), NULL)
DELAYED(p11_kit, char *, p11_kit_module_get_filename,
        (CK_FUNCTION_LIST *module), (module), NULL)
DELAYED(p11_kit, char *, p11_kit_module_get_name, (CK_FUNCTION_LIST *module),
        (module), NULL)
DELAYED(p11_kit, CK_FUNCTION_LIST **, p11_kit_modules_load,
        (const char *reserved, int flags), (reserved, flags), NULL)
DELAYED_VOID(p11_kit, p11_kit_modules_release, (CK_FUNCTION_LIST **modules),
             (modules))

DELAYED(p11_kit, P11KitUri *, p11_kit_uri_new, (void), (), NULL)
DELAYED_VOID(p11_kit, p11_kit_uri_free, (P11KitUri *uri), (uri))
DELAYED(p11_kit, int, p11_kit_uri_parse,
        (const char *text, P11KitUriType type, P11KitUri *uri),
        (text, type, uri), P11_KIT_URI_UNEXPECTED)
DELAYED(p11_kit, int, p11_kit_uri_format,
        (P11KitUri *uri, P11KitUriType type, char **text), (uri, type, text),
        P11_KIT_URI_UNEXPECTED)
DELAYED(p11_kit, const char *, p11_kit_uri_message, (int code), (code), NULL)
DELAYED(p11_kit, int, p11_kit_uri_any_unrecognized, (P11KitUri *uri), (uri), 1)
DELAYED(p11_kit, CK_ATTRIBUTE *, p11_kit_uri_get_attribute,
        (P11KitUri *uri, CK_ATTRIBUTE_TYPE type), (uri, type), NULL)
DELAYED(p11_kit, int, p11_kit_uri_set_attribute,
        (P11KitUri *uri, CK_ATTRIBUTE *attribute), (uri, attribute),
        P11_KIT_URI_UNEXPECTED)
DELAYED(p11_kit, const char *, p11_kit_uri_get_module_name,
        (const P11KitUri *uri), (uri), NULL)
DELAYED(p11_kit, const char *, p11_kit_uri_get_module_path,
        (const P11KitUri *uri), (uri), NULL)
DELAYED_VOID(p11_kit, p11_kit_uri_set_module_path,
             (P11KitUri *uri, const char *path), (uri, path))
DELAYED(p11_kit, CK_SLOT_ID, p11_kit_uri_get_slot_id, (P11KitUri *uri), (uri),
        (CK_SLOT_ID)-1)
DELAYED(p11_kit, CK_TOKEN_INFO *, p11_kit_uri_get_token_info, (P11KitUri *uri),
        (uri), NULL)
DELAYED(p11_kit, int, p11_kit_uri_match_module_info,
        (const P11KitUri *uri, const CK_INFO *info), (uri, info), 0)
DELAYED(p11_kit, int, p11_kit_uri_match_slot_info,
        (const P11KitUri *uri, const CK_SLOT_INFO *info), (uri, info), 0)
DELAYED(p11_kit, int, p11_kit_uri_match_token_info,
        (const P11KitUri *uri, const CK_TOKEN_INFO *info), (uri, info), 0)
/* clang-format on */
