/*
 * Making trouble through fault_module.c.
 */
#include "fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "softhsm.h"
#include "tmpdir.h"

static const char *log_path(void)
{
    return test_path("fault.log");
}

const char *fault_module(void)
{
    const char *log = getenv("FAULT_LOG");

    if (log != NULL && strcmp(log, log_path()) == 0)
        return FAULT_MODULE_PATH; /* this case has asked before */
    if (setenv("FAULT_FILE", test_path("fault.rules"), 1) != 0 ||
        setenv("FAULT_LOG", log_path(), 1) != 0 ||
        setenv("FAULT_MODULE", test_softhsm(), 1) != 0)
        abort();
    fault_rules("");
    fault_forget();
    return FAULT_MODULE_PATH;
}

void fault_rules(const char *rules)
{
    static unsigned turn; /* the same rules again are new ones */
    char text[4096];
    int len = snprintf(text, sizeof(text), "%s\n# %u\n", rules, turn++);

    test_write("fault.new", text, (size_t)len, 0600);
    if (rename(test_path("fault.new"), test_path("fault.rules")) != 0)
        abort();
}

unsigned fault_calls(const char *function)
{
    FILE *file = fopen(log_path(), "re");
    unsigned n = 0;
    char line[64];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        n += strcmp(line, function) == 0;
    }
    if (file != NULL)
        (void)fclose(file);
    return n;
}

void fault_forget(void)
{
    (void)unlink(log_path());
}
