/*
 * caadm.conf: what the scan lets pass must be read by iniparser as it is
 * written, so every value that comes out stands in the text.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "ks_config.h"

static void check_values(const struct ks_config *config, const uint8_t *data,
                         size_t size)
{
    for (size_t i = 0; i < ks_config_count(config); i++) {
        const struct ks_section *section = ks_config_at(config, i);

        if (ks_config_section(config, section->kind, section->name) != section)
            abort();
        for (size_t j = 0; j < section->n_settings; j++) {
            const char *value = section->settings[j].value;

            if (memmem(data, size, value, strlen(value)) == NULL)
                abort();
        }
    }
}

/* A file in memory, by the one name that iniparser can open it by. */
static void run(int fd, const uint8_t *data, size_t size)
{
    struct ks_config *config = NULL;
    struct ks_err err = {0};
    char path[64], unparsed[96];
    ks_rc rc;

    if (fchmod(fd, 0600) != 0 || write(fd, data, size) != (ssize_t)size)
        return;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    (void)snprintf(unparsed, sizeof(unparsed), "%s: cannot be parsed", path);
    rc = ks_config_open(path, &config, &err);
    if (rc == KS_OK)
        check_values(config, data, size);
    else if (err.text[0] == '\0' || strcmp(err.text, unparsed) == 0)
        abort(); /* the scan is to find all that iniparser refuses */
    ks_config_close(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("caadm.conf", MFD_CLOEXEC);

    if (fd < 0)
        return 0;
    run(fd, data, size);
    (void)close(fd);
    return 0;
}
