/*
 * Doctor: who may read or write the files, and whether keys are sealed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "doctor.h"

#define HEAD 16384 /* bytes of a key file that are looked at */

/* True if the file holds a private key that anyone can read. */
static bool is_plain_key(int folder, const char *name)
{
    static const char plain[] = "-----BEGIN PRIVATE KEY-----";
    char head[HEAD];
    int fd =
        openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, head, sizeof(head));
    bool found =
        len > 0 && memmem(head, (size_t)len, plain, sizeof(plain) - 1) != NULL;

    if (fd >= 0)
        (void)close(fd);
    OPENSSL_cleanse(head, sizeof(head));
    return found;
}

static ks_rc check_entry_mode(struct doctor *doctor, const char *folder,
                              const char *name, mode_t mode, struct ks_err *err)
{
    char *path = ks_path_below(folder, name);
    ks_rc rc;

    if (path == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", name);
    doctor->open_told = true;
    rc = doctor_say(doctor, false, "keys", doctor_chmod(doctor, "go-rwx", path),
                    err, "%s can be read or changed by others (mode %04o)",
                    path, (unsigned)mode & 07777);
    OPENSSL_free(path);
    return rc;
}

static ks_rc check_entry(struct doctor *doctor, const char *folder, int fd,
                         const char *name, bool sealed, struct ks_err *err)
{
    struct stat st;

    if (name[0] == '.' || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return KS_OK;
    if (!S_ISREG(st.st_mode))
        return doctor_say(
            doctor, false, "keys",
            doctor_hint(doctor, "move %s to another folder", name), err,
            "%s/%s is no regular file", folder, name);
    if ((st.st_mode & 077) != 0)
        return check_entry_mode(doctor, folder, name, st.st_mode, err);
    if (sealed && is_plain_key(fd, name))
        return doctor_say(doctor, false, "keys",
                          "caadm key list shows its URI, and caadm key passwd "
                          "URI seals it",
                          err, "%s/%s is not sealed", folder, name);
    return KS_OK;
}

static ks_rc check_folder(struct doctor *doctor, const char *path, bool sealed,
                          struct ks_err *err)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    ks_rc rc = KS_OK;

    if (folder == NULL)
        return KS_OK; /* doctor_mode has told why */
    while (rc == KS_OK && (entry = readdir(folder)) != NULL)
        rc = check_entry(doctor, path, dirfd(folder), entry->d_name, sealed,
                         err);
    (void)closedir(folder);
    return rc;
}

static ks_rc check_backend(struct doctor *doctor,
                           const struct ks_section *section, struct ks_err *err)
{
    const char *type = ks_section_get(section, "type");
    const char *path = ks_section_get(section, "path");
    const char *sealing = ks_section_get(section, "sealing");
    char *whole;
    ks_rc rc;

    if (type == NULL || strcmp(type, "file") != 0 || path == NULL)
        return KS_OK;
    whole = ks_path_below(ks_config_dir(doctor->config), path);
    if (whole == NULL)
        return ks_fail(err, KS_E_NOMEM, "%s: out of memory", section->name);
    rc = doctor_mode(doctor, "keys", whole, 077, err);
    if (rc == KS_OK)
        rc = check_folder(doctor, whole,
                          sealing == NULL || strcmp(sealing, "none") != 0, err);
    OPENSSL_free(whole);
    return rc;
}

ks_rc doctor_files(struct doctor *doctor, struct ks_err *err)
{
    const struct ks_config *config = doctor->config;
    ks_rc rc;

    if (config == NULL)
        return KS_OK;
    /* The home may be shared to be read; never to be written. */
    rc = doctor_mode(doctor, "home", ks_config_dir(config), 022, err);
    if (rc == KS_OK)
        rc = doctor_mode(doctor, "configuration", ks_config_path(config), 022,
                         err);
    if (rc == KS_OK)
        rc = doctor_mode(doctor, "inventory", ks_config_database(config), 077,
                         err);
    for (size_t i = 0; rc == KS_OK && i < ks_config_count(config); i++) {
        const struct ks_section *section = ks_config_at(config, i);

        if (section->kind == KS_SECTION_BACKEND)
            rc = check_backend(doctor, section, err);
    }
    return rc;
}
