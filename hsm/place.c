/*
 * Where tokens are looked for.
 */
#include "place.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

/* A path with a slash is below DIR unless it is absolute; a bare name is for
 * dlopen to find. NULL when out of memory. */
static char *module_path(const char *dir, const char *module)
{
    size_t size;
    char *path;

    if (module[0] == '/' || strchr(module, '/') == NULL || dir == NULL)
        return OPENSSL_strdup(module);
    size = strlen(dir) + strlen(module) + 2;
    path = OPENSSL_malloc(size);
    if (path != NULL)
        (void)snprintf(path, size, "%s/%s", dir, module);
    return path;
}

/* Copies TEXT, which may be NULL. */
static bool copy(char **out, const char *text)
{
    *out = text == NULL ? NULL : OPENSSL_strdup(text);
    return text == NULL || *out != NULL;
}

ks_rc hsm_place_read(const char *backend, const char *dir,
                     const struct ks_setting *settings, size_t n_settings,
                     struct hsm_place *place, struct ks_err *err)
{
    const char *module = ks_setting_get(settings, n_settings, "module");

    if (module == NULL) {
        ks_hint(err, "module = PATH names the PKCS#11 library of the HSM");
        return ks_fail(err, KS_E_CONFIG, "[backend %s] module: is missing",
                       backend);
    }
    if (ks_setting_get(settings, n_settings, "user_pin") != NULL &&
        ks_setting_get(settings, n_settings, "so_pin") != NULL) {
        ks_hint(err, "set either user_pin or so_pin; keys are made and used "
                     "with the user PIN");
        return ks_fail(err, KS_E_CONFIG,
                       "[backend %s] so_pin: user_pin is there too", backend);
    }
    place->module = module_path(dir, module);
    if (place->module == NULL || !copy(&place->backend, backend) ||
        !copy(&place->token, ks_setting_get(settings, n_settings, "token")) ||
        !copy(&place->serial, ks_setting_get(settings, n_settings, "serial")))
        return KS_E_NOMEM;
    return KS_OK;
}

ks_rc hsm_place_set(const char *module, struct hsm_place *place)
{
    return copy(&place->module, module) ? KS_OK : KS_E_NOMEM;
}

void hsm_place_clear(struct hsm_place *place)
{
    OPENSSL_free(place->backend);
    OPENSSL_free(place->module);
    OPENSSL_free(place->token);
    OPENSSL_free(place->serial);
    *place = (struct hsm_place){0};
}

/* Whether FIELD of CK_TOKEN_INFO, filled up with blanks (or, on some tokens,
 * zeros), is WANTED. */
static bool field_is(const CK_UTF8CHAR *field, size_t size, const char *wanted)
{
    size_t len = strlen(wanted);

    if (len > size || memcmp(field, wanted, len) != 0)
        return false;
    for (size_t i = len; i < size; i++)
        if (field[i] != ' ' && field[i] != '\0')
            return false;
    return true;
}

bool hsm_wanted_slot(const void *arg, const struct hsm_slot *slot)
{
    const struct hsm_wanted *wanted = arg;
    const struct hsm_place *place = wanted->place;

    if (place->token != NULL &&
        !field_is(slot->token.label, sizeof(slot->token.label), place->token))
        return false;
    if (place->serial != NULL &&
        !field_is(slot->token.serialNumber, sizeof(slot->token.serialNumber),
                  place->serial))
        return false;
    return wanted->uri == NULL || hsm_uri_matches_slot(wanted->uri, slot);
}

void hsm_place_show(const struct hsm_place *place, char *text, size_t size)
{
    char backend[KS_BACKEND_NAME_MAX + 16] = "";

    if (place->backend != NULL)
        (void)snprintf(backend, sizeof(backend),
                       "backend %s: ", place->backend);
    if (place->token != NULL)
        (void)snprintf(text, size, "%stoken \"%s\"%s%s", backend, place->token,
                       place->serial != NULL ? " with serial number " : "",
                       place->serial != NULL ? place->serial : "");
    else if (place->serial != NULL)
        (void)snprintf(text, size, "%stoken with serial number %s", backend,
                       place->serial);
    else
        (void)snprintf(text, size, "%stoken (no label is configured)", backend);
}
