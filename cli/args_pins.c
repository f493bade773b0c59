/*
 * --user-pin and --so-pin. A token is logged into by its user or by its
 * security officer, never by both: each option stands in for its setting in
 * caadm.conf, the empty one takes the setting back, and one may be left.
 */
#include "args.h"

#include <string.h>

#include "ask.h"
#include "ks_uri.h"
#include "out.h"

#define USER_PIN "--user-pin"
#define SO_PIN "--so-pin"

const char *args_pins_given(const struct args_pins *args)
{
    if (args->user != NULL)
        return USER_PIN;
    return args->so != NULL ? SO_PIN : NULL;
}

static ks_rc check_source(const struct cli *cli, const char *option,
                          const char *source, struct ks_err *err)
{
    if (source == NULL || source[0] == '\0')
        return KS_OK;
    return cli_source_check(cli, option, source, err);
}

static ks_rc check_place(const struct ca_env *env, const char *option,
                         const char *uri, struct ks_err *err)
{
    const struct ks_section *section = ca_key_section(env, uri);
    const char *type = ks_section_get(section, "type");

    if (ca_key_on_token(env, uri) ||
        (section == NULL && ks_uri_is_keystore(uri)))
        return KS_OK; /* that there is no such backend is told by its use */
    ks_hint(err, "--passin and --passout are about passphrases");
    if (type == NULL)
        return ks_fail(err, KS_E_INVALID, "%s: the key is on no token", option);
    return ks_fail(err, KS_E_INVALID,
                   "%s: backend %s is of type %s, and keys on tokens only "
                   "have a PIN",
                   option, section->name, type);
}

/* What is left of one PIN: the option, else the setting; NULL: none. *WHERE
 * names it. */
static const char *left(const char *option, const char *given,
                        const struct ks_section *section, const char *setting,
                        const char **where)
{
    *where = given != NULL ? option : setting;
    if (given != NULL)
        return given[0] != '\0' ? given : NULL;
    return ks_section_get(section, setting);
}

static ks_rc check_both(const struct args_pins *args,
                        const struct ks_section *section, struct ks_err *err)
{
    const char *user_from = NULL, *so_from = NULL;
    const char *user =
        left(USER_PIN, args->user, section, "user_pin", &user_from);
    const char *so = left(SO_PIN, args->so, section, "so_pin", &so_from);

    if (user == NULL || so == NULL)
        return KS_OK;
    ks_hint(err, "--user-pin \"\" or --so-pin \"\" takes back what caadm.conf "
                 "says; an SO PIN initialises tokens, keys want the user's");
    return ks_fail(err, KS_E_INVALID,
                   "%s, %s: a token is opened by its user or by its security "
                   "officer: only one of them",
                   user_from, so_from);
}

ks_rc args_pins(struct cli *cli, const struct args_pins *args, const char *uri,
                struct ca_pins *out, struct ks_err *err)
{
    const char *option = args_pins_given(args);
    struct ks_config *config = NULL;
    struct ca_env env = {0};
    ks_rc rc;

    *out = (struct ca_pins){0};
    if (option == NULL)
        return KS_OK;
    rc = check_source(cli, USER_PIN, args->user, err);
    if (rc == KS_OK)
        rc = check_source(cli, SO_PIN, args->so, err);
    if (rc == KS_OK)
        rc = cli_config(cli, &config, err);
    env.config = config;
    if (rc == KS_OK)
        rc = check_place(&env, option, uri, err);
    if (rc == KS_OK && ca_key_uri_has_pin(uri))
        rc = ks_fail(err, KS_E_INVALID,
                     "%s: the key's URI names a source itself: only one of "
                     "them",
                     option);
    if (rc == KS_OK)
        rc = check_both(args, ca_key_section(&env, uri), err);
    out->user = args->user;
    out->so = args->so;
    if (rc == KS_OK)
        rc = cli_ask_read_once(SO_PIN, "PIN", &out->so, err);
    if (rc == KS_OK)
        rc = cli_ask_read_once(USER_PIN, "PIN", &out->user, err);
    return rc;
}

ks_rc args_usage(struct cli *cli, const char *usage, const char *uri,
                 struct ks_err *err)
{
    static const char *const words[] = {"sign", "decrypt", "derive"};
    struct ks_config *config = NULL;
    struct ca_env env = {0};
    ks_rc rc;

    if (usage == NULL)
        return KS_OK;
    for (const char *at = usage;; at += strcspn(at, ",") + 1) {
        size_t len = strcspn(at, ",");
        size_t i = 0;

        while (i < 3 &&
               (strlen(words[i]) != len || strncmp(words[i], at, len) != 0))
            i++;
        if (i == 3)
            return ks_fail(err, KS_E_INVALID,
                           "--usage: \"%.*s\": known are sign, decrypt and "
                           "derive, with commas between them",
                           (int)(len > 40 ? 40 : len), at);
        if (at[len] == '\0')
            break;
    }
    rc = cli_config(cli, &config, err);
    env.config = config;
    if (rc == KS_OK && !ca_key_on_token(&env, uri) &&
        (ca_key_section(&env, uri) != NULL || !ks_uri_is_keystore(uri)))
        rc = ks_fail(err, KS_E_INVALID,
                     "--usage: is for keys on tokens (type = pkcs11)");
    return rc;
}
