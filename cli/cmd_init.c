/*
 * caadm init: a home with a configuration, a backend and an inventory.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "ask.h"
#include "cli.h"
#include "cmd.h"
#include "env.h"
#include "file.h"
#include "ks_inventory.h"
#include "ks_secret.h"
#include "out.h"

struct init_args {
    const char *passphrase;
};

static const struct opt opts[] = {
    {"passphrase", 0, OPT_TEXT, offsetof(struct init_args, passphrase),
     "SOURCE",
     "where the keys' passphrase comes from, each time: file:PATH, env:NAME, "
     "cred:NAME or prompt; or random: each key's is drawn and kept in the "
     "inventory; absent: ask"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

/* What was made, so that a failure can take it back. */
struct made {
    char *config; /* path; not owned */
    char *folder;
    char *keys;
    char *database;
    bool folder_new;
    bool keys_new;
    bool database_new;
};

static void made_clear(struct made *made)
{
    free(made->folder);
    OPENSSL_free(made->keys);
    OPENSSL_free(made->database);
    *made = (struct made){0};
}

static void made_undo(const struct made *made)
{
    if (made->database_new)
        (void)unlink(made->database);
    if (made->keys_new)
        (void)rmdir(made->keys);
    if (made->folder_new)
        (void)rmdir(made->folder); /* stays if another put something in */
}

/* What stands in caadm.conf must be worth its name tomorrow, too. */
static ks_rc check_source(const struct cli *cli, const char *source,
                          struct ks_err *err)
{
    static const char *const once[] = {"pass:", "fd:", "stdin"};
    struct ks_question question = {.what = "passphrase", .whose = "init"};
    struct ks_secret secret = {0};
    struct ks_err why = {0};
    ks_rc rc;

    if (source == NULL)
        return KS_OK;
    rc = cli_passphrase_check(cli, "--passphrase", source, err);
    if (rc != KS_OK)
        return rc;
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        if (strncmp(source, once[i], strlen(once[i])) == 0) {
            ks_hint(err, "file:PATH, env:NAME, cred:NAME or prompt can");
            return ks_fail(err, KS_E_INVALID,
                           "--passphrase: %s cannot stand in caadm.conf",
                           once[i]);
        }
    if (strncmp(source, "file:", 5) != 0)
        return KS_OK;
    rc = ks_secret_resolve(source, NULL, &question, &secret, &why);
    ks_secret_clear(&secret);
    return rc == KS_OK ? rc : ks_fail(err, rc, "--passphrase: %s", why.text);
}

/* A file: path as it will be found from everywhere. Caller frees *out. */
static ks_rc absolute_source(const char *source, char **out, struct ks_err *err)
{
    char *real = NULL;
    int len;

    if (strncmp(source, "file:", 5) != 0) {
        *out = strdup(source);
    } else {
        real = realpath(source + 5, NULL);
        if (real == NULL)
            return ks_fail_errno(err, ks_rc_of_errno(errno), "--passphrase: %s",
                                 source + 5);
        len = asprintf(out, "file:%s", real);
        if (len < 0)
            *out = NULL;
        free(real);
    }
    if (*out == NULL)
        return ks_fail(err, KS_E_NOMEM, "--passphrase: out of memory");
    for (const char *at = *out; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || strchr("\"\\\x7f", *at) != NULL) {
            free(*out);
            *out = NULL;
            return ks_fail(err, KS_E_INVALID,
                           "--passphrase: a quote, backslash or control "
                           "character cannot stand in caadm.conf");
        }
    return KS_OK;
}

/* Makes PATH and what is above it. *new is true if PATH was not there. */
static ks_rc make_folder(const char *path, bool *new, struct ks_err *err)
{
    char *copy = strdup(path);
    struct stat st;

    if (copy == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
    for (char *at = copy + 1; *at != '\0'; at++)
        if (*at == '/') {
            *at = '\0';
            (void)mkdir(copy, 0700); /* a failure shows at the last one */
            *at = '/';
        }
    free(copy);
    if (mkdir(path, 0700) == 0) {
        *new = true;
        return KS_OK;
    }
    if (errno != EEXIST)
        return ks_fail_errno(err, ks_rc_of_errno(errno), "%s", path);
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return ks_fail(err, KS_E_EXISTS, "%s: exists and is no directory",
                       path);
    return KS_OK;
}

static ks_rc plan(const char *config, struct made *made, struct ks_err *err)
{
    const char *slash = strrchr(config, '/');

    made->folder = slash == NULL ? strdup(".")
                   : slash == config
                       ? strdup("/")
                       : strndup(config, (size_t)(slash - config));
    if (made->folder != NULL) {
        made->keys = ks_path_below(made->folder, "keys");
        made->database = ks_path_below(made->folder, "caadm.db");
    }
    if (made->keys == NULL || made->database == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", config);
    return KS_OK;
}

static ks_rc make_inventory(struct made *made, struct ks_err *err)
{
    struct ks_inventory *inventory = NULL;
    ks_rc rc;

    made->database_new = access(made->database, F_OK) != 0;
    rc =
        ks_inventory_open(made->database, KS_INVENTORY_CREATE, &inventory, err);
    if (rc == KS_OK && made->database_new)
        rc = cli_audit(inventory, "init", "inventory", err);
    ks_inventory_close(inventory);
    return rc;
}

static char *config_text(const char *source)
{
    char *text = NULL;
    int len;

    len = asprintf(&text,
                   "; caadm.conf(5). Relative paths are relative to this "
                   "file.\n"
                   "[caadm]\n"
                   "database = caadm.db\n"
                   "\n"
                   "; Keys: keystore://default/NAME\n"
                   "[backend default]\n"
                   "type = file\n"
                   "path = keys\n"
                   "%s%s%s",
                   source != NULL ? "passphrase = \""
                                  : "; Without a passphrase line caadm asks.\n",
                   source != NULL ? source : "", source != NULL ? "\"\n" : "");
    return len < 0 ? NULL : text;
}

/* Last of all: a home with a caadm.conf is complete. */
static ks_rc write_config(struct cli *cli, const char *path, const char *source,
                          struct ks_err *err)
{
    struct cli_file file = {0};
    char *text = config_text(source);
    ks_rc rc;

    if (text == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", path);
    rc = cli_file_open(&file, cli, path, CLI_FILE_SECRET, false, err);
    if (rc == KS_OK)
        rc = cli_file_commit(&file, text, strlen(text), err);
    cli_file_abort(&file);
    free(text);
    return rc;
}

static ks_rc make_all(struct cli *cli, const char *config, const char *source,
                      struct made *made, struct ks_err *err)
{
    ks_rc rc = plan(config, made, err);

    if (rc == KS_OK)
        rc = make_folder(made->folder, &made->folder_new, err);
    if (rc == KS_OK)
        rc = make_folder(made->keys, &made->keys_new, err);
    if (rc == KS_OK)
        rc = make_inventory(made, err);
    if (rc == KS_OK)
        rc = cli_check_interrupt(err);
    if (rc == KS_OK)
        rc = write_config(cli, config, source, err);
    /* Where another init was faster, what is there is the other's. */
    if (rc != KS_OK && rc != KS_E_EXISTS)
        made_undo(made);
    return rc;
}

static ks_rc report(struct cli *cli, const char *config, const char *source,
                    const struct made *made, struct ks_err *err)
{
    struct stat st;
    char *whole;

    if (cli->globals.json)
        return cli_out_json(cli,
                            json_pack("{s:{s:o, s:o, s:o, s:o}}", "init",
                                      "home", cli_json_text(made->folder),
                                      "config", cli_json_text(config),
                                      "database", cli_json_text(made->database),
                                      "passphrase", cli_json_text(source)),
                            err);
    cli_note(cli, "made %s", config);
    cli_note(cli,
             "keys go to keystore://default/NAME, sealed; the "
             "passphrase %s",
             source == NULL ? "is asked for each time"
             : ks_secret_is_random(source)
                 ? "of each is drawn, and kept in the "
                   "inventory"
                 : "comes from the source in "
                   "caadm.conf");
    if (stat(made->folder, &st) == 0 && (st.st_mode & 077) != 0)
        cli_warn(cli, "%s is open to others; chmod 700 closes it",
                 made->folder);
    whole = realpath(made->folder, NULL);
    if (cli->globals.home != NULL && whole != NULL)
        cli_note(cli,
                 "next: export CAADM_HOME=\"%s\", so that every command finds "
                 "it",
                 whole);
    free(whole);
    cli_note(cli, "next: caadm ca create root --subject "
                  "\"CN=Example Root CA,O=Example\" --key-type ec:P-384 "
                  "--days 3650");
    return KS_OK;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct init_args *init = args->opts;
    struct made made = {0};
    char *source = NULL;
    const char *config = NULL;
    ks_rc rc = check_source(cli, init->passphrase, err);

    if (rc == KS_OK)
        rc = cli_config_path(cli, &config, err);
    if (rc != KS_OK)
        return rc;
    if (access(config, F_OK) == 0) {
        ks_hint(err, "caadm tells what comes next; nothing was changed");
        return ks_fail(err, KS_E_EXISTS, "%s: exists", config);
    }
    if (init->passphrase != NULL)
        rc = absolute_source(init->passphrase, &source, err);
    if (rc == KS_OK)
        rc = make_all(cli, config, source, &made, err);
    if (rc == KS_OK)
        rc = report(cli, config, source, &made, err);
    made_clear(&made);
    free(source);
    return rc;
}

const struct cmd cmd_init = {
    .noun = "init",
    .verb = "",
    .summary = "Make a home: configuration, key folder, inventory",
    .args = "",
    .opts = opts,
    .opts_size = sizeof(struct init_args),
    .run = run,
    .about = "Makes the directory of --home or CAADM_HOME (else "
             "~/.config/caadm), with caadm.conf, a backend \"default\" for "
             "keys in sealed files, and the inventory. What exists is never "
             "changed.",
    .example = "caadm init --home pki --passphrase file:pw.txt",
};
