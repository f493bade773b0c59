/*
 * libp11 and p11-kit: the functions that hsm/ calls.
 */
#include <openssl/types.h>
/* libp11's header names them, <openssl/types.h> hides what is deprecated. */
typedef struct rsa_meth_st RSA_METHOD;
typedef struct ec_key_method_st EC_KEY_METHOD;
#include <libp11.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "delayed.h"
#include "p11.h"

static struct library libp11 = LIBRARY(LIBP11_SONAME);
static struct library p11_kit = LIBRARY(P11KIT_SONAME);

static void load_libp11(void)
{
    delayed_load(&libp11);
    if (libp11.handle == NULL)
        atomic_store(&hsm_missing_library, libp11.why);
}

static void load_p11_kit(void)
{
    delayed_load(&p11_kit);
    if (p11_kit.handle == NULL)
        atomic_store(&hsm_missing_library, p11_kit.why);
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
