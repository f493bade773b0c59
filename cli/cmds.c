/*
 * The table of commands.
 */
#include "cmd.h"

#include <string.h>

const struct cmd *const cmds[] = {
    &cmd_init,         &cmd_doctor,
    &cmd_ca_create,    &cmd_ca_list,
    &cmd_ca_show,      &cmd_cert_issue,
    &cmd_cert_list,    &cmd_cert_show,
    &cmd_key_create,   &cmd_key_import,
    &cmd_key_list,     &cmd_key_show,
    &cmd_key_export,   &cmd_key_delete,
    &cmd_key_move,     &cmd_key_passwd,
    &cmd_key_reseal,   &cmd_key_cert,
    &cmd_key_test,     &cmd_key_uri,
    &cmd_backend_list, &cmd_backend_check,
    &cmd_backend_init, &cmd_profile_list,
    &cmd_profile_show, NULL,
};

const struct cmd *cmd_find(const char *noun, const char *verb)
{
    for (size_t i = 0; cmds[i] != NULL; i++)
        if (strcmp(cmds[i]->noun, noun) == 0 &&
            strcmp(cmds[i]->verb, verb == NULL ? "" : verb) == 0)
            return cmds[i];
    return NULL;
}

bool cmd_noun_exists(const char *noun)
{
    for (size_t i = 0; cmds[i] != NULL; i++)
        if (strcmp(cmds[i]->noun, noun) == 0)
            return true;
    return false;
}
