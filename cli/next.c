/*
 * `caadm` alone: says where things stand and what comes next.
 */
#include "help.h"
#include "ks_inventory.h"
#include "out.h"

struct found {
    size_t count;
    char name[KS_CA_NAME_MAX + 1]; /* of the last one: a child of the others */
};

static ks_rc count_ca(void *arg, const struct ks_ca_row *row,
                      struct ks_err *err)
{
    struct found *found = arg;

    (void)err;
    found->count++;
    (void)snprintf(found->name, sizeof(found->name), "%s", row->name);
    return KS_OK;
}

static ks_rc next_ca(struct cli *cli, struct ks_config *config,
                     struct ks_err *err)
{
    struct found found = {0};
    ks_rc rc = ks_inventory_open(ks_config_database(config), KS_INVENTORY_READ,
                                 &cli->inventory, err);

    if (rc == KS_OK)
        rc = ks_ca_each(cli->inventory, count_ca, &found, err);
    if (rc != KS_OK)
        return rc;
    if (found.count == 0)
        return cli_out_line(
            cli, err,
            "No CA yet in %s. Make a root:\n"
            "  caadm ca create root --subject \"CN=Example Root CA,O=Example\" "
            "--key-type ec:P-384 --days 3650",
            ks_config_dir(config));
    return cli_out_line(
        cli, err,
        "%zu %s in %s. Issue a certificate:\n"
        "  caadm cert issue --ca %s --profile server --san www.example.com "
        "--new-key keystore://default/www --out www.pem",
        found.count, found.count == 1 ? "CA" : "CAs", ks_config_dir(config),
        found.name);
}

ks_rc help_next(struct cli *cli, struct ks_err *err)
{
    const char *path = NULL;
    struct ks_config *config = NULL;
    ks_rc rc = cli_config_path(cli, &path, err);

    if (rc == KS_OK) {
        struct ks_err why = {0};

        rc = cli_config(cli, &config, &why);
        if (rc != KS_OK && rc != KS_E_NOT_FOUND) {
            *err = why;
            return rc;
        }
    }
    if (rc == KS_E_NOT_FOUND)
        rc = cli_out_line(
            cli, err,
            "No configuration yet%s%s. Make one:\n"
            "  export CAADM_HOME=$PWD/pki\n"
            "  caadm init                              asks for each key's "
            "passphrase\n"
            "  caadm init --passphrase file:pw.txt     reads it from that "
            "file, each time",
            path != NULL ? ": " : "", path != NULL ? path : "");
    else if (rc == KS_OK)
        rc = next_ca(cli, config, err);
    if (rc != KS_OK)
        return rc;
    return cli_out_line(cli, err,
                        "\n  caadm help       lists the commands\n"
                        "  caadm doctor     says what is wrong with a setup");
}
