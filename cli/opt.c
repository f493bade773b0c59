/*
 * The command line, parsed by popt from option rows.
 */
#include "opt.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <popt.h>

#define MAX_OPTIONS 64

const struct opt opt_global_rows[] = {
    {"home", 0, OPT_TEXT, offsetof(struct opt_globals, home), "DIR",
     "the directory that caadm keeps everything in (else CAADM_HOME)"},
    {"config", 0, OPT_TEXT, offsetof(struct opt_globals, config), "FILE",
     "the configuration (else CAADM_CONFIG, else caadm.conf in the home)"},
    {"json", 0, OPT_FLAG, offsetof(struct opt_globals, json), NULL,
     "write JSON to standard output, errors too"},
    {"quiet", 'q', OPT_FLAG, offsetof(struct opt_globals, quiet), NULL,
     "say nothing but errors"},
    {"help", 'h', OPT_FLAG, offsetof(struct opt_globals, help), NULL,
     "say how to use the command"},
    {"version", 0, OPT_FLAG, offsetof(struct opt_globals, version), NULL,
     "print the version"},
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

/* One pass of popt over the words that are left. */
struct pass {
    struct opt_line *line;
    const struct opt *rows[MAX_OPTIONS]; /* by popt's val - 1 */
    void *base[MAX_OPTIONS];             /* the struct that each row fills */
    bool seen[MAX_OPTIONS];
    struct poptOption table[MAX_OPTIONS + 1];
    size_t count;
    const char *what; /* for errors: "cert issue" */
};

static ks_rc keep(struct opt_memory *memory, void *item, struct ks_err *err)
{
    void **more;

    if (item == NULL)
        return ks_fail(err, KS_E_NOMEM, "command line: out of memory");
    more = realloc(memory->items, (memory->count + 1) * sizeof(*more));
    if (more == NULL) {
        free(item);
        return ks_fail(err, KS_E_NOMEM, "command line: out of memory");
    }
    memory->items = more;
    memory->items[memory->count++] = item;
    return KS_OK;
}

void opt_memory_free(struct opt_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++)
        free(memory->items[i]);
    free(memory->items);
    *memory = (struct opt_memory){0};
}

void opt_line_clear(struct opt_line *line)
{
    opt_memory_free(&line->memory);
    *line = (struct opt_line){0};
}

bool opt_choice_has(const char *choices, const char *word)
{
    size_t len = strlen(word);

    if (choices == NULL || strchr(choices, '|') == NULL)
        return true;
    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strcspn(at, "|") == len && strncmp(at, word, len) == 0)
            return true;
    }
    return false;
}

static void add_rows(struct pass *pass, const struct opt *rows, void *base)
{
    for (; rows != NULL && rows->name != NULL && pass->count < MAX_OPTIONS;
         rows++) {
        size_t i = pass->count++;

        pass->rows[i] = rows;
        pass->base[i] = base;
        pass->table[i] = (struct poptOption){
            .longName = rows->name,
            .shortName = rows->letter,
            .argInfo = rows->kind == OPT_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
            .val = (int)i + 1,
        };
    }
}

static ks_rc set_uint(const struct opt *row, struct opt_uint *target,
                      const char *value, struct ks_err *err)
{
    char *end = NULL;
    unsigned long number;

    errno = 0;
    number = strtoul(value, &end, 10);
    if (errno != 0 || *end != '\0' || strspn(value, "0123456789") == 0 ||
        number > INT_MAX)
        return ks_fail(err, KS_E_INVALID,
                       "--%s: %s: not a whole number from 0 to %d", row->name,
                       value, INT_MAX);
    target->set = true;
    target->value = (unsigned)number;
    return KS_OK;
}

static ks_rc add_item(struct opt_memory *memory, struct opt_list *list,
                      const char *value, struct ks_err *err)
{
    const char **items = calloc(list->count + 2, sizeof(*items));
    ks_rc rc = keep(memory, items, err);

    if (rc != KS_OK)
        return rc;
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof(*items));
    items[list->count++] = value;
    list->items = items;
    return KS_OK;
}

/* Takes VALUE, which may be NULL for a flag. */
static ks_rc set_option(struct pass *pass, size_t i, char *value,
                        struct ks_err *err)
{
    const struct opt *row = pass->rows[i];
    char *target = (char *)pass->base[i] + row->offset;
    ks_rc rc;

    if (row->kind == OPT_FLAG) {
        free(value);
        *(bool *)(void *)target = true;
        return KS_OK;
    }
    rc = keep(&pass->line->memory, value, err);
    if (rc != KS_OK)
        return rc;
    if (strncmp(value, "--", 2) == 0)
        return ks_fail(err, KS_E_INVALID, "--%s: needs a value, not %s",
                       row->name, value);
    if (!opt_choice_has(row->arg, value))
        return ks_fail(err, KS_E_INVALID, "--%s: %s: not one of %s", row->name,
                       value, row->arg);
    if (row->kind == OPT_LIST)
        return add_item(&pass->line->memory, (struct opt_list *)(void *)target,
                        value, err);
    if (pass->seen[i])
        return ks_fail(err, KS_E_INVALID, "--%s: given twice", row->name);
    pass->seen[i] = true;
    if (row->kind == OPT_UINT)
        return set_uint(row, (struct opt_uint *)(void *)target, value, err);
    *(const char **)(void *)target = value;
    return KS_OK;
}

static ks_rc bad_option(const struct pass *pass, poptContext popt, int result,
                        struct ks_err *err)
{
    const char *option = poptBadOption(popt, POPT_BADOPTION_NOALIAS);
    const char *why = result == POPT_ERROR_BADOPT  ? "unknown option"
                      : result == POPT_ERROR_NOARG ? "needs a value"
                                                   : poptStrerror(result);

    if (pass->what[0] == '\0')
        ks_hint(err, "options of a command go after its verb; see caadm help");
    else
        ks_hint(err, "see caadm %s --help", pass->what);
    return ks_fail(err, KS_E_INVALID, "%.*s: %s", (int)strcspn(option, "="),
                   option, why);
}

/* Copies what popt left over; it ends with NULL. */
static ks_rc keep_rest(struct pass *pass, poptContext popt, const char ***rest,
                       size_t *count, struct ks_err *err)
{
    const char **args = poptGetArgs(popt);
    size_t n = 0;
    const char **copy;
    ks_rc rc;

    while (args != NULL && args[n] != NULL)
        n++;
    copy = calloc(n + 1, sizeof(*copy));
    rc = keep(&pass->line->memory, copy, err);
    for (size_t i = 0; rc == KS_OK && i < n; i++) {
        char *word = strdup(args[i]);

        rc = keep(&pass->line->memory, word, err);
        copy[i] = rc == KS_OK ? word : NULL;
    }
    if (rc != KS_OK)
        return rc;
    *rest = copy;
    *count = n;
    return KS_OK;
}

/* Reads options of WORDS (no program name among them) up to the first word
 * that is none, or all of them if TO_END; *WORDS becomes what is left. */
static ks_rc run_pass(struct pass *pass, bool to_end, const char ***words,
                      size_t *count, struct ks_err *err)
{
    unsigned flags =
        POPT_CONTEXT_KEEP_FIRST | (to_end ? 0u : POPT_CONTEXT_POSIXMEHARDER);
    poptContext popt = NULL;
    ks_rc rc = KS_E_NOMEM;
    int result;

    if (*count > INT_MAX)
        return ks_fail(err, KS_E_INVALID, "command line: too many words");
    pass->table[pass->count] = (struct poptOption)POPT_TABLEEND;
    popt = poptGetContext("caadm", (int)*count, *words, pass->table, flags);
    if (popt == NULL) {
        (void)ks_fail(err, KS_E_NOMEM, "command line: out of memory");
        goto out;
    }
    while ((result = poptGetNextOpt(popt)) > 0) {
        rc = set_option(pass, (size_t)result - 1, poptGetOptArg(popt), err);
        if (rc != KS_OK)
            goto out;
    }
    if (result < -1) {
        rc = bad_option(pass, popt, result, err);
        goto out;
    }
    rc = keep_rest(pass, popt, words, count, err);
out:
    poptFreeContext(popt);
    return rc;
}

static ks_rc take_word(struct opt_line *line, const char ***words,
                       size_t *count, const char **word, struct ks_err *err)
{
    struct pass pass = {.line = line, .what = ""};
    ks_rc rc;

    *word = NULL;
    if (*count == 0)
        return KS_OK;
    add_rows(&pass, opt_global_rows, &line->globals);
    rc = run_pass(&pass, false, words, count, err);
    if (rc == KS_OK && *count > 0) {
        *word = (*words)[0];
        (*words)++;
        (*count)--;
    }
    return rc;
}

static ks_rc find_command(struct opt_line *line, const char ***words,
                          size_t *count, struct ks_err *err)
{
    ks_rc rc = take_word(line, words, count, &line->noun, err);

    if (rc != KS_OK || line->noun == NULL || strcmp(line->noun, "help") == 0)
        return rc;
    if (!cmd_noun_exists(line->noun)) {
        ks_hint(err, "caadm help lists the commands");
        return ks_fail(err, KS_E_INVALID, "%s: no such command", line->noun);
    }
    line->cmd = cmd_find(line->noun, NULL);
    if (line->cmd != NULL)
        return KS_OK;
    rc = take_word(line, words, count, &line->verb, err);
    if (rc != KS_OK || line->verb == NULL)
        return rc;
    line->cmd = cmd_find(line->noun, line->verb);
    if (line->cmd == NULL) {
        ks_hint(err, "caadm help %s lists its verbs", line->noun);
        return ks_fail(err, KS_E_INVALID, "%s: %s: no such verb", line->noun,
                       line->verb);
    }
    return KS_OK;
}

static ks_rc check_count(const struct opt_line *line, struct ks_err *err)
{
    const struct cmd *cmd = line->cmd;
    size_t n = line->args.argc;

    if (line->globals.help || cmd == NULL)
        return KS_OK;
    if (n < cmd->min_args)
        (void)ks_fail(err, KS_E_INVALID, "missing argument: %s", cmd->args);
    else if (n > cmd->max_args)
        (void)ks_fail(err, KS_E_INVALID, "%s: unexpected argument",
                      line->args.argv[cmd->max_args]);
    else
        return KS_OK;
    ks_hint(err, "see caadm %s%s%s --help", cmd->noun,
            cmd->verb[0] != '\0' ? " " : "", cmd->verb);
    return KS_E_INVALID;
}

ks_rc opt_parse(int argc, char *const argv[], struct opt_line *line,
                struct ks_err *err)
{
    const char **words = NULL;
    size_t count = argc > 0 ? (size_t)argc - 1 : 0;
    struct pass pass = {.line = line};
    char what[64] = "help";
    ks_rc rc = keep(&line->memory, calloc(count + 1, sizeof(*words)), err);

    if (rc != KS_OK)
        return rc;
    words = line->memory.items[line->memory.count - 1];
    for (size_t i = 0; i < count; i++)
        words[i] = argv[i + 1];
    rc = find_command(line, &words, &count, err);
    if (rc != KS_OK)
        return rc;
    add_rows(&pass, opt_global_rows, &line->globals);
    if (line->cmd != NULL) {
        snprintf(what, sizeof(what), "%s%s%s", line->cmd->noun,
                 line->cmd->verb[0] != '\0' ? " " : "", line->cmd->verb);
        rc = keep(&line->memory, calloc(1, line->cmd->opts_size + 1), err);
        if (rc != KS_OK)
            return rc;
        line->args.opts = line->memory.items[line->memory.count - 1];
        add_rows(&pass, line->cmd->opts, line->args.opts);
    }
    pass.what = what;
    rc = run_pass(&pass, true, &words, &count, err);
    line->args.argv = words;
    line->args.argc = count;
    return rc != KS_OK ? rc : check_count(line, err);
}
