/* Prints the table of settings, a "section key" line each, for man.sh. */
#include <stdio.h>

#include "ks_config.h"

int main(void)
{
    const struct ks_setting_doc *doc = ks_setting_docs;

    for (; doc->key != NULL; doc++)
        printf("%s %s\n", doc->section, doc->key);
    return 0;
}
