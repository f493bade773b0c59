/* The file backend under test. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "tmpdir.h"

static const struct ks_setting settings[] = {
    {"type", "file"}, {"path", "keys"}, {"kdf", "scrypt:2:1:1"}};

/* A letter in the middle of the sealed key. */
static void damage(void *store, const char *name)
{
    char path[300], *text, *sealed;
    size_t len;

    (void)store;
    (void)snprintf(path, sizeof(path), "keys/%s.pem", name);
    text = test_read(path, &len);
    sealed = text != NULL ? strstr(text, "PRIVATE KEY-----\n") : NULL;
    if (sealed == NULL)
        abort();
    sealed += strlen("PRIVATE KEY-----\n") + 70;
    *sealed = *sealed == 'A' ? 'B' : 'A';
    test_write(path, text, len, 0600);
    free(text);
}

static unsigned leftovers(void)
{
    DIR *dir = opendir(test_path("keys"));
    const struct dirent *entry;
    unsigned n = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        n += strncmp(entry->d_name, ".tmp-", 5) == 0;
    if (dir == NULL || closedir(dir) != 0)
        abort();
    return n;
}

const struct contract_subject subject = {
    .backend = &ks_file_backend,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .damage = damage,
    .leftovers = leftovers,
    .disk = "size=32k,mode=0700",
};
