/*
 * What libcrypto's error queue says about a key, as a result and a text; and
 * what the command line can add to that.
 */
#include "key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evperr.h>
#include <openssl/proverr.h>
#include <openssl/storeerr.h>

#include "ks_secret.h"

/* Results of our provider: its reason codes are the negated ks_rc. */
static ks_rc of_keystore(unsigned long code)
{
    int reason = ERR_GET_REASON(code);

    if (ERR_GET_LIB(code) < ERR_LIB_USER)
        return KS_OK;
#define REASON_IS(name, number, text)                                          \
    if (reason == -(number))                                                   \
        return name;
    KS_RC_LIST(REASON_IS)
#undef REASON_IS
    return KS_OK;
}

static const struct {
    int lib;
    int reason;
    ks_rc rc;
    const char *text;
} known[] = {
    {ERR_LIB_PROV, PROV_R_BAD_DECRYPT, KS_E_SECRET_WRONG, "wrong passphrase"},
    {ERR_LIB_EVP, EVP_R_BAD_DECRYPT, KS_E_SECRET_WRONG, "wrong passphrase"},
    {ERR_LIB_PROV, PROV_R_UNABLE_TO_GET_PASSPHRASE, KS_E_SECRET_MISSING,
     "no passphrase was given"},
    {ERR_LIB_OSSL_STORE, OSSL_STORE_R_PASSPHRASE_CALLBACK_ERROR,
     KS_E_SECRET_MISSING, "no passphrase was given"},
    {ERR_LIB_OSSL_STORE, OSSL_STORE_R_UI_PROCESS_INTERRUPTED_OR_CANCELLED,
     KS_E_SECRET_MISSING, "no passphrase was given"},
    {ERR_LIB_OSSL_STORE, OSSL_STORE_R_UNREGISTERED_SCHEME, KS_E_UNSUPPORTED,
     "no provider is loaded for this scheme"},
};

static ks_rc of_known(unsigned long code, const char **text)
{
    if (ERR_SYSTEM_ERROR(code)) {
        *text = strerror(ERR_GET_REASON(code));
        return ks_rc_of_errno(ERR_GET_REASON(code));
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].lib == ERR_GET_LIB(code) &&
            known[i].reason == ERR_GET_REASON(code)) {
            *text = known[i].text;
            return known[i].rc;
        }
    }
    return KS_OK;
}

/* Our provider's text, and the hint that its err.c puts behind it. */
static ks_rc take_ours(ks_rc rc, const char *data, struct ks_err *err)
{
    static const char lead[] = " (hint: ";
    const char *hint = data != NULL ? strstr(data, lead) : NULL;
    size_t len = data != NULL ? strlen(data) : 0;

    if (len == 0)
        return ks_fail(err, rc, "%s", ks_rc_text(rc));
    if (hint == NULL || data[len - 1] != ')')
        return ks_fail(err, rc, "%s", data);
    ks_hint(err, "%.*s", (int)(len - 1 - (size_t)(hint - data) - strlen(lead)),
            hint + strlen(lead));
    return ks_fail(err, rc, "%.*s", (int)(hint - data), data);
}

/* The oldest error is the nearest to the fault, but only if it is one that
 * we know: decoders leave many that mean nothing. */
ks_rc ca_crypto_fail(ks_rc fallback, const char *what, struct ks_err *err)
{
    const char *data = NULL, *text = NULL, *last = NULL;
    unsigned long code;
    int flags = 0;
    /* libcrypto's own come first even where ours tell more: it looks for a
     * built-in loader before it asks a provider's. */
    ks_rc rc = KS_OK, weak = KS_OK;
    const char *weak_text = NULL;

    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        rc = of_keystore(code);
        if (rc != KS_OK) {
            (void)take_ours(rc, (flags & ERR_TXT_STRING) != 0 ? data : NULL,
                            err);
            if (rc == KS_E_POLICY) /* a token's: ours is not at stake */
                rc = KS_E_CRYPTO;
            if (rc == KS_E_CONFIG || rc == KS_E_DENIED)
                ks_hint(err, "caadm doctor checks the whole setup");
            break;
        }
        rc = of_known(code, &text);
        /* a file's name is also tried as a scheme */
        if (rc != KS_OK && (weak == KS_OK || weak == KS_E_UNSUPPORTED)) {
            weak = rc;
            weak_text = text;
        }
        rc = KS_OK;
        last = ERR_reason_error_string(code);
    }
    ERR_clear_error();
    if (rc != KS_OK)
        return rc;
    if (weak != KS_OK)
        return ks_fail(err, weak, "%s: %s", what, weak_text);
    return ks_fail(err, fallback, "%s: %s", what,
                   last != NULL ? last : ks_rc_text(fallback));
}

ks_rc ca_key_refused(const struct ca_env *env, const char *uri, ks_rc rc)
{
    if (!ca_key_on_token(env, uri))
        return rc;
    return rc == KS_E_DENIED        ? KS_E_SECRET_WRONG
           : rc == KS_E_UNSUPPORTED ? KS_E_CRYPTO
                                    : rc;
}

void ca_key_name_token(const struct ca_env *env, const char *uri,
                       struct ks_err *err)
{
    const char *token = ks_section_get(ca_key_section(env, uri), "token");
    size_t len = err != NULL ? strlen(err->text) : 0;

    if (len > 0 && token != NULL && strstr(err->text, "token \"") == NULL)
        (void)snprintf(err->text + len, sizeof(err->text) - len,
                       " on token \"%s\"", token);
}

void ca_key_hint_missing(const struct ca_env *env, const char *uri,
                         const char *option, struct ks_err *err)
{
    bool token = ca_key_on_token(env, uri);
    const struct ks_section *section = ca_key_section(env, uri);
    const char *setting = token ? "user_pin" : "passphrase";

    if (err == NULL)
        return;
    err->hint[0] = '\0';
    if (ca_key_uri_has_pin(uri)) {
        ks_hint(err, "the key's URI says where its PIN comes from");
        return;
    }
    if (!token && ks_secret_is_random(ks_section_get(section, setting))) {
        ks_hint(
            err,
            "restore the inventory from a backup that has it; if the key "
            "is under a passphrase, %s file:PATH, env:NAME or fd:N gives it",
            option != NULL ? option : "--passin");
        return;
    }
    if (ks_section_get(section, setting) != NULL) {
        ks_hint(err,
                "%s of [backend %s] in caadm.conf names that source; %s "
                "file:PATH, env:NAME or fd:N gives another",
                setting, section->name, option != NULL ? option : "--user-pin");
        return;
    }
    ks_hint(err,
            "%s file:PATH, env:NAME or fd:N gives it, or a %s line in "
            "caadm.conf",
            option != NULL ? option : "--user-pin", setting);
}
