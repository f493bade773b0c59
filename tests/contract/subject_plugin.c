/* A plug-in that keeps records under test: an example of docs/, or another. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "contract.h"
#include "plugin.h"
#include "tmpdir.h"

static const struct ks_setting settings[] = {
    {"type", "/plugin.so"}, {"path", "keys"}, {"kdf", "scrypt:2:1:1"}};

/* Of the example, a byte of the private half: after it come the length of the
 * recipients, which are none, and the digest. */
static void damage(void *store, const char *name)
{
    unsigned char sum[32];
    size_t sum_len = sizeof(sum), len;
    char path[5 + 64 + 5] = "keys/", *bytes;

    (void)store;
    if (plugin_damage(name))
        return;
    if (EVP_Q_digest(NULL, "SHA2-256", NULL, name, strlen(name), sum,
                     &sum_len) != 1)
        abort();
    for (size_t i = 0; i < sizeof(sum); i++)
        (void)snprintf(path + 5 + 2 * i, 3, "%02x", sum[i]);
    memcpy(path + 5 + 64, ".key", 5);
    bytes = test_read(path, &len);
    if (bytes == NULL || len < 64)
        abort();
    bytes[len - 32 - 4 - 8] ^= 1;
    test_write(path, bytes, len, 0600);
    free(bytes);
}

static unsigned leftovers(void)
{
    DIR *dir = opendir(test_path("keys"));
    const struct dirent *entry;
    unsigned n = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        n += strcmp(entry->d_name, ".new") == 0;
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}

const struct contract_subject subject = {
    .backend = &plugin,
    .settle = plugin_settle,
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .damage = damage,
    .leftovers = leftovers,
};
