/*
 * URIs of keys as a person gives them: checked, and made for new keys.
 */
#include "args.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ask.h"
#include "ks_uri.h"
#include "out.h"

#define ID_MARK ";id=" /* in the name of a key on a token */

static void warn_of_pin_value(const struct cli *cli, const char *option,
                              const char *uri)
{
    if (strcasestr(uri, "pin-value=") != NULL ||
        strcasestr(uri, "pin-source=pass:") != NULL)
        cli_warn(cli,
                 "%s: a secret in a URI is shown to every user of this "
                 "machine; pin-source=file:PATH and --passin file:PATH do not",
                 option);
}

ks_rc args_uri_check(const struct cli *cli, const char *option, const char *uri,
                     struct ks_err *err)
{
    char safe[256];

    ks_uri_redact(uri, safe, sizeof(safe));
    if (!ca_key_uri_is_ours(uri) && OPENSSL_strncasecmp(uri, "file:", 5) != 0) {
        ks_hint(err, "a key is keystore://BACKEND/KEY, or on a token "
                     "pkcs11:token=LABEL;object=KEY; in a file, file:PATH");
        return ks_fail(err, KS_E_INVALID, "%s: %s: not a key URI", option,
                       safe);
    }
    warn_of_pin_value(cli, option, uri);
    return KS_OK;
}

/* WHY is an error of a URI; it is OPTION's. */
static ks_rc fail_of(const char *option, ks_rc rc, const struct ks_err *why,
                     struct ks_err *err)
{
    ks_hint(err, "%s",
            why->hint[0] != '\0' ? why->hint
                                 : "a key is keystore://BACKEND/KEY");
    return ks_fail(err, rc, "%s: %s", option,
                   why->text[0] != '\0' ? why->text : ks_rc_text(rc));
}

static ks_rc names_no_key(const char *option, const char *uri,
                          struct ks_err *err)
{
    char safe[256];

    ks_uri_redact(uri, safe, sizeof(safe));
    ks_hint(err, "a key is keystore://BACKEND/KEY, or on a token "
                 "pkcs11:token=LABEL;object=KEY");
    return ks_fail(err, KS_E_INVALID, "%s: %s: names no key", option, safe);
}

bool args_uri_is_listing(const char *uri)
{
    struct ks_uri parsed = {0};
    struct ks_err ignored = {0};
    bool listing = false;

    if (ca_key_uri_is_pkcs11(uri)) {
        for (const char *at = strchr(uri, ':') + 1; *at != '\0' && *at != '?';
             at += at[strcspn(at, ";?")] == ';' ? strcspn(at, ";?") + 1
                                                : strcspn(at, ";?")) {
            if (strncmp(at, "object=", 7) == 0 || strncmp(at, "id=", 3) == 0)
                return false;
        }
        return true;
    }
    if (ks_uri_parse(uri, &parsed, &ignored) == KS_OK)
        listing = parsed.key[0] == '\0';
    ks_uri_clear(&parsed);
    return listing;
}

ks_rc args_uri_canonical(const struct cli *cli, const char *option,
                         const char *uri, char **out, struct ks_err *err)
{
    struct ks_err why = {0};
    char *canonical = NULL;
    ks_rc rc;

    if (!ca_key_uri_is_ours(uri)) {
        struct ks_uri none = {0};

        rc = ks_uri_parse(uri, &none, &why); /* says what is wrong with it */
        ks_uri_clear(&none);
        return fail_of(option, rc == KS_OK ? KS_E_INVALID : rc, &why, err);
    }
    rc = ca_key_uri(uri, &canonical, &why);
    if (rc != KS_OK)
        return fail_of(option, rc, &why, err);
    if (args_uri_is_listing(canonical)) {
        OPENSSL_free(canonical);
        return names_no_key(option, uri, err);
    }
    warn_of_pin_value(cli, option, uri);
    *out = canonical;
    return KS_OK;
}

/* --- new keys ------------------------------------------------------------- */

/* "LABEL" or "LABEL;id=HEX", HEX in lower case. */
static ks_rc join_name(const char *label, const char *id, char *out,
                       size_t size, struct ks_err *err)
{
    size_t digits = id != NULL ? strlen(id) : 0;
    size_t len = strlen(label);
    int n;

    if (strstr(label, ID_MARK) != NULL && id != NULL)
        return ks_fail(err, KS_E_INVALID, "--key-id: the name has an id: %s",
                       label);
    if (id != NULL && (digits == 0 || digits % 2 != 0 ||
                       strspn(id, "0123456789abcdefABCDEF") != digits)) {
        ks_hint(err, "two digits for each byte: --key-id 0a1b2c");
        return ks_fail(err, KS_E_INVALID,
                       "--key-id: %.80s: not hexadecimal digits in pairs", id);
    }
    n = snprintf(out, size, "%s%s%s", label, id != NULL ? ID_MARK : "",
                 id != NULL ? id : "");
    if (n < 0 || (size_t)n >= size)
        return ks_fail(err, KS_E_INVALID,
                       "--key-label, --key-id: longer than %d bytes together",
                       KS_KEY_NAME_MAX);
    for (char *c = out + len; id != NULL && *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return KS_OK;
}

static bool on_token(struct cli *cli, const char *uri)
{
    struct ks_config *config = NULL;
    struct ks_err ignored = {0};
    struct ca_env env = {0};

    if (cli_config(cli, &config, &ignored) == KS_OK)
        env.config = config;
    return ca_key_on_token(&env, uri);
}

ks_rc args_uri_make(struct cli *cli, const char *backend, const char *label,
                    const char *id, char **out, struct ks_err *err)
{
    char name[KS_KEY_NAME_MAX + 1];
    char *uri = NULL;
    ks_rc rc = join_name(label, id, name, sizeof(name), err);

    if (rc == KS_OK)
        rc = ks_uri_format(backend, name, &uri);
    if (rc == KS_OK && id != NULL && !on_token(cli, uri)) {
        OPENSSL_free(uri);
        return ks_fail(err, KS_E_INVALID,
                       "--key-id: keys of backend %s have names only; ids are "
                       "those of tokens (type = pkcs11)",
                       backend);
    }
    if (rc == KS_OK)
        *out = uri;
    return rc;
}

static ks_rc refuse_new(const char *option, const char *uri,
                        const struct ks_uri *parsed, bool token,
                        struct ks_err *err)
{
    char safe[256];
    bool pin = parsed->pin_source != NULL || parsed->so_pin_source != NULL ||
               parsed->has_pin_value;

    ks_uri_redact(uri, safe, sizeof(safe));
    if (parsed->type != KS_URI_ANY)
        return ks_fail(err, KS_E_INVALID, "%s: %s: a new key takes no type",
                       option, safe);
    if (!pin || (token && !parsed->has_pin_value))
        return KS_OK;
    ks_hint(err, "%s says where its secret comes from",
            token ? "--user-pin SOURCE" : "--passout SOURCE");
    return ks_fail(err, KS_E_INVALID, "%s: %s: %s", option, safe,
                   token ? "a PIN in a URI is seen by everybody"
                         : "a new key has no pin yet");
}

/* URI with LABEL and ID in it, and the sources of PINs that it had. */
static ks_rc complete(struct cli *cli, const char *option, const char *uri,
                      const struct ks_uri *parsed, const char *label,
                      const char *id, char **out, struct ks_err *err)
{
    struct ca_pins pins = {parsed->pin_source, parsed->so_pin_source};
    char *bare = NULL;
    ks_rc rc;

    if (parsed->key[0] == '\0' && label == NULL)
        return names_no_key(option, uri, err);
    if (parsed->key[0] != '\0' && label != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "--key-label: %s names the key already", option);
    rc = args_uri_make(cli, parsed->backend,
                       label != NULL ? label : parsed->key, id, &bare, err);
    if (rc == KS_OK)
        rc = ca_key_uri_with(bare, &pins, out, err);
    OPENSSL_free(bare);
    return rc;
}

/* A pkcs11: URI says all by itself. */
static ks_rc new_pkcs11(const char *option, const char *uri, const char *label,
                        const char *id, char **out, struct ks_err *err)
{
    char safe[256];

    ks_uri_redact(uri, safe, sizeof(safe));
    if (label != NULL || id != NULL)
        return ks_fail(err, KS_E_INVALID,
                       "%s: %s names the key: its object= and id= do",
                       label != NULL ? "--key-label" : "--key-id", option);
    if (args_uri_is_listing(uri))
        return names_no_key(option, uri, err);
    if (strstr(uri, "pin-value=") != NULL) {
        ks_hint(err, "--user-pin SOURCE says where its PIN comes from");
        return ks_fail(err, KS_E_INVALID,
                       "%s: %s: a PIN in a URI is seen by everybody", option,
                       safe);
    }
    *out = OPENSSL_strdup(uri);
    return *out != NULL ? KS_OK
                        : ks_fail(err, KS_E_NOMEM, "%s: out of memory", option);
}

ks_rc args_uri_new(struct cli *cli, const char *option, const char *uri,
                   const char *label, const char *id, char **out,
                   struct ks_err *err)
{
    struct ks_uri parsed = {0};
    struct ks_err why = {0};
    ks_rc rc;

    if (ca_key_uri_is_pkcs11(uri))
        return new_pkcs11(option, uri, label, id, out, err);
    rc = ks_uri_parse(uri, &parsed, &why);
    if (rc != KS_OK)
        return fail_of(option, rc, &why, err);
    rc = refuse_new(option, uri, &parsed, on_token(cli, uri), err);
    if (rc == KS_OK)
        rc = complete(cli, option, uri, &parsed, label, id, out, err);
    ks_uri_clear(&parsed);
    return rc;
}
