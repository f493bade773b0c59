/*
 * The keys of a directory: all names are gathered before the first is told,
 * so that whoever is told may load, save and remove.
 */
#include "file/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "file/dir.h"
#include "file/key_file_lines.h"
#include "file/name.h"

struct names {
    char **list;
    size_t n, room;
};

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        OPENSSL_free(names->list[i]);
    OPENSSL_free(names->list);
}

static ks_rc names_add(struct names *names, const char *name)
{
    if (names->n == names->room) {
        size_t room = names->room > 0 ? 2 * names->room : 64;
        char **list = OPENSSL_realloc(names->list, room * sizeof(*names->list));

        if (list == NULL)
            return KS_E_NOMEM;
        names->list = list;
        names->room = room;
    }
    names->list[names->n] = OPENSSL_strdup(name);
    if (names->list[names->n] == NULL)
        return KS_E_NOMEM;
    names->n++;
    return KS_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A file whose name is a hash: the key's name is in it. One that does not
 * say it, or lies, cannot be reached by any name: it is passed over. */
static ks_rc add_long(const struct ks_crypto *crypto,
                      const struct ks_file_dir *dir, const char *file_name,
                      struct names *names)
{
    struct ks_secret text = {0};
    struct ks_key_lines lines = {0};
    char again[KS_FILE_NAME_SIZE];
    ks_rc rc = KS_OK;

    if (ks_file_read(dir, file_name, &text, NULL) == KS_OK &&
        ks_key_lines_parse(text.data, text.len, &lines, NULL) == KS_OK &&
        lines.name != NULL &&
        ks_file_name(crypto, lines.name, again, NULL) == KS_OK &&
        strcmp(again, file_name) == 0)
        rc = names_add(names, lines.name);
    ks_key_lines_clear(&lines);
    ks_secret_clear(&text);
    return rc;
}

static ks_rc gather(const struct ks_crypto *crypto,
                    const struct ks_file_dir *dir, DIR *stream,
                    struct names *names, struct ks_err *err)
{
    char name[KS_KEY_NAME_MAX + 1];
    const struct dirent *entry;
    ks_rc rc = KS_OK;

    while (rc == KS_OK) {
        errno = 0;
        entry = readdir(stream);
        if (entry == NULL)
            break;
        switch (ks_file_name_read(entry->d_name, name)) {
        case KS_FILE_KEY:
            rc = names_add(names, name);
            break;
        case KS_FILE_LONG:
            rc = add_long(crypto, dir, entry->d_name, names);
            break;
        case KS_FILE_OTHER:
            break;
        }
    }
    if (rc == KS_OK && errno != 0)
        return ks_fail_errno(err, KS_E_IO, "%s", dir->path);
    return rc;
}

ks_rc ks_file_list(const struct ks_crypto *crypto,
                   const struct ks_file_dir *dir, ks_list_fn *each, void *arg,
                   struct ks_err *err)
{
    struct names names = {0};
    /* An own descriptor: closedir closes it, and its offset is its own. */
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    ks_rc rc;

    if (stream == NULL) {
        rc = ks_fail_errno(err, ks_rc_of_errno(errno), "%s", dir->path);
        ks_file_close(fd);
        return rc;
    }
    rc = gather(crypto, dir, stream, &names, err);
    (void)closedir(stream);
    if (rc == KS_OK && names.n > 0)
        qsort(names.list, names.n, sizeof(*names.list), compare);
    for (size_t i = 0; rc == KS_OK && i < names.n; i++)
        rc = each(arg, names.list[i], err);
    names_clear(&names);
    return rc;
}
