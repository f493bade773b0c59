/*
 * Completion of command lines.
 */
#include "complete.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "evp.h"
#include "help.h"
#include "ks_uri.h"

/* Without a configuration there is nothing to offer, and nobody to tell. */
static void ignore(ks_rc rc)
{
    (void)rc;
}

/* The words up to the one that is being typed. */
struct words {
    struct cli *cli;
    char *const *items;
    size_t count;        /* without the current one */
    const char *current; /* may be empty */
    const struct cmd *cmd;
    const char *noun;
    size_t args; /* of the command, so far */
};

bool complete_wanted(int argc, char *const argv[])
{
    return argc >= 2 && (strcmp(argv[1], "--complete") == 0 ||
                         strcmp(argv[1], "--list-commands") == 0);
}

static void offer(const struct words *words, const char *candidate)
{
    if (strncmp(candidate, words->current, strlen(words->current)) == 0)
        (void)puts(candidate);
}

static ks_rc offer_ca(void *arg, const struct ks_ca_row *row,
                      struct ks_err *err)
{
    (void)err;
    offer(arg, row->name);
    return KS_OK;
}

static void offer_cas(struct words *words)
{
    struct ks_err ignored = {0};
    struct ca_env env;

    if (cli_env_open(words->cli, KS_INVENTORY_READ, false, NULL, &env,
                     &ignored) == KS_OK)
        ignore(ks_ca_each(env.inv, offer_ca, words, &ignored));
}

static ks_rc offer_profile(void *arg, const struct ca_profile *profile,
                           struct ks_err *err)
{
    (void)err;
    offer(arg, profile->name);
    return KS_OK;
}

static void offer_profiles(struct words *words)
{
    struct ks_err ignored = {0};
    struct ks_config *config = NULL;
    struct ca_env env = {0};

    if (cli_config(words->cli, &config, &ignored) == KS_OK)
        env.config = config;
    ignore(ca_profile_each(&env, offer_profile, words, &ignored));
}

static void each_backend(struct words *words,
                         void (*each)(struct words *, const char *))
{
    struct ks_err ignored = {0};
    struct ks_config *config = NULL;

    if (cli_config(words->cli, &config, &ignored) != KS_OK)
        return;
    for (size_t i = 0; i < ks_config_count(config); i++) {
        const struct ks_section *section = ks_config_at(config, i);

        if (section->kind == KS_SECTION_BACKEND)
            each(words, section->name);
    }
}

static void offer_backend(struct words *words, const char *name)
{
    offer(words, name);
}

static void offer_backends(struct words *words)
{
    each_backend(words, offer_backend);
}

static ks_rc offer_uri(void *arg, const char *uri, struct ks_err *err)
{
    (void)err;
    offer(arg, uri);
    return KS_OK;
}

static void offer_keys_of(struct words *words, const char *name)
{
    struct ks_err ignored = {0};
    char *uri = NULL;

    if (ks_uri_format(name, NULL, &uri) == KS_OK) {
        offer(words, uri);
        ignore(cli_key_each(words->cli, uri, offer_uri, words, &ignored));
    }
    OPENSSL_free(uri);
}

static void offer_uris(struct words *words)
{
    each_backend(words, offer_keys_of);
}

static void offer_files(struct words *words)
{
    (void)words;
    (void)puts("@file");
}

static void offer_dirs(struct words *words)
{
    (void)words;
    (void)puts("@dir");
}

static const struct {
    const char *arg;
    void (*offer)(struct words *words);
} kinds[] = {
    {"CA", offer_cas},           {"PROFILE", offer_profiles},
    {"BACKEND", offer_backends}, {"URI", offer_uris},
    {"FILE", offer_files},       {"DIR", offer_dirs},
};

/* KIND is an option's or a synopsis' word: "CA", "[BACKEND|URI]", "a|b". */
static void offer_kind(struct words *words, const char *kind)
{
    char word[64];
    bool known = false;

    while (*kind != '\0') {
        size_t len;

        kind += strspn(kind, "[]|. ");
        len = strcspn(kind, "[]|. ");
        if (len == 0 || len >= sizeof(word))
            break;
        memcpy(word, kind, len);
        word[len] = '\0';
        kind += len;
        known = false;
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            if (strcmp(kinds[i].arg, word) == 0) {
                kinds[i].offer(words);
                known = true;
            }
        if (!known && word[0] >= 'a' && word[0] <= 'z')
            offer(words, word);
    }
}

static const struct opt *find_row(const struct opt *rows, const char *word)
{
    for (; rows != NULL && rows->name != NULL; rows++)
        if (strncmp(word, "--", 2) == 0 && strcmp(rows->name, word + 2) == 0)
            return rows;
    return NULL;
}

static const struct opt *row_of(const struct words *words, const char *word)
{
    const struct opt *row = find_row(opt_global_rows, word);

    if (row == NULL && words->cmd != NULL)
        row = find_row(words->cmd->opts, word);
    return row;
}

/* Finds noun, verb and the number of arguments; the result is the option
 * whose value is being typed, if one is. */
static const struct opt *read_words(struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        const char *word = words->items[i];
        const struct opt *row = row_of(words, word);

        if (row != NULL && row->kind != OPT_FLAG) {
            i++;
            if (i == words->count)
                return row;
            if (strcmp(row->name, "home") == 0)
                words->cli->globals.home = words->items[i];
            if (strcmp(row->name, "config") == 0)
                words->cli->globals.config = words->items[i];
        } else if (word[0] == '-') {
            continue;
        } else if (words->noun == NULL) {
            words->noun = word;
            words->cmd = cmd_find(word, NULL);
        } else if (words->cmd == NULL) {
            words->cmd = cmd_find(words->noun, word);
        } else {
            words->args++;
        }
    }
    return NULL;
}

static void offer_options(const struct words *words, const struct opt *rows)
{
    char name[64];

    for (; rows != NULL && rows->name != NULL; rows++) {
        snprintf(name, sizeof(name), "--%s", rows->name);
        offer(words, name);
    }
}

static void offer_nouns(const struct words *words)
{
    for (size_t i = 0; cmds[i] != NULL; i++)
        if (i == 0 || strcmp(cmds[i]->noun, cmds[i - 1]->noun) != 0)
            offer(words, cmds[i]->noun);
    offer(words, "help");
}

static void offer_verbs(const struct words *words)
{
    for (size_t i = 0; cmds[i] != NULL; i++)
        if (strcmp(cmds[i]->noun, words->noun) == 0)
            offer(words, cmds[i]->verb);
}

ks_rc complete(struct cli *cli, int argc, char *const argv[],
               struct ks_err *err)
{
    struct words words = {.cli = cli, .items = argv + 2, .current = ""};
    const struct opt *row;

    if (strcmp(argv[1], "--list-commands") == 0)
        return help_tables(cli, err);
    if (argc > 2) {
        words.count = (size_t)argc - 3;
        words.current = argv[argc - 1];
    }
    cli_ask_only_on_terminal(cli); /* its standard input is none to ask at */
    row = read_words(&words);
    if (row != NULL) {
        offer_kind(&words, row->arg);
    } else if (words.current[0] == '-') {
        offer_options(&words, opt_global_rows);
        if (words.cmd != NULL)
            offer_options(&words, words.cmd->opts);
    } else if (words.noun == NULL) {
        offer_nouns(&words);
    } else if (words.cmd == NULL) {
        offer_verbs(&words);
    } else if (words.args < words.cmd->max_args) {
        offer_kind(&words, words.cmd->args);
    }
    cli_clear(cli);
    return KS_OK;
}
