/*
 * caadm key move: a key, from one place to another.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "args.h"
#include "ask.h"
#include "cmd.h"
#include "env.h"
#include "out.h"

struct move_args {
    const char *passin;
    bool force;
    struct args_new key; /* where it goes; no type */
};

#define AT(member) offsetof(struct move_args, member)
static const struct opt opts[] = {
    {"passin", 0, OPT_TEXT, AT(passin), "SOURCE",
     "where its secret comes from, or the PIN of the token that it is on"},
    {"passout", 0, OPT_TEXT, AT(key.passout), "SOURCE",
     "where its secret in the new place comes from; default: as the backend "
     "says"},
    {"force", 0, OPT_FLAG, AT(force), NULL,
     "even if the keys of a backend are sealed to it"},
    ARGS_NEW_ROWS(struct move_args, key),
    {NULL, 0, OPT_FLAG, 0, NULL, NULL},
};

static ks_rc report(struct cli *cli, const struct ca_moved *moved,
                    struct ks_err *err)
{
    if (cli->globals.json)
        return cli_out_json(cli,
                            json_pack("{s:{s:o, s:o, s:I, s:I}}", "moved",
                                      "from", cli_json_text(moved->from), "to",
                                      cli_json_text(moved->to), "cas",
                                      (json_int_t)moved->n_cas, "certs",
                                      (json_int_t)moved->n_certs),
                            err);
    cli_note(cli, "moved %s to %s", moved->from, moved->to);
    if (moved->n_cas > 0)
        cli_note(cli, "%lld CA%s it there from now on", (long long)moved->n_cas,
                 moved->n_cas == 1 ? " uses" : "s use");
    return KS_OK;
}

static ks_rc run(struct cli *cli, const struct cmd_args *args,
                 struct ks_err *err)
{
    const struct move_args *move = args->opts;
    struct ca_move_spec spec = {.from = args->argv[0], .force = move->force};
    struct ca_moved moved = {0};
    struct ca_env env = {0};
    char *from = NULL, *to = NULL;
    ks_rc rc = args_uri_canonical(cli, "key", args->argv[0], &from, err);

    if (rc == KS_OK)
        rc = args_new(cli, &move->key, args->argv[1], &spec.to, &to, err);
    if (rc == KS_OK)
        rc = cli_env_keys(cli, KS_INVENTORY_WRITE, move->passin, &env, err);
    /* It is used twice: to seal, and to see that it opens. */
    if (rc == KS_OK)
        rc =
            cli_ask_read_once("--passout", "passphrase", &spec.to.passout, err);
    if (rc == KS_OK)
        rc = cli_check_interrupt(err);
    if (rc == KS_OK)
        rc = ca_key_move(&env, &spec, &moved, err);
    if (rc == KS_OK)
        rc = report(cli, &moved, err);
    ca_moved_clear(&moved);
    OPENSSL_free(from);
    OPENSSL_clear_free(to, to != NULL ? strlen(to) : 0);
    return rc;
}

const struct cmd cmd_key_move = {
    .noun = "key",
    .verb = "move",
    .summary = "Move a key to another backend, or to another name",
    .args = "URI NEW-URI",
    .min_args = 2,
    .max_args = 2,
    .opts = opts,
    .opts_size = sizeof(struct move_args),
    .run = run,
    .about = "The key is copied, the copy compared and opened once, then it is "
             "removed where it was. CAs and certificates go on with it. A "
             "token keeps its keys unless they were made extractable and not "
             "sensitive; what a token has got it keeps.",
    .example = "caadm key move keystore://default/www keystore://hsm/www",
};
