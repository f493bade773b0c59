/*
 * A shared object as a file: its program headers say which parts of it will
 * be mapped (ELF, "Program Header").
 */
#include "plugin_file.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADERS_MAX 256

#if __ELF_NATIVE_CLASS == 64
#    define NATIVE_CLASS ELFCLASS64
#else
#    define NATIVE_CLASS ELFCLASS32
#endif

static bool read_at(int fd, void *data, size_t len, size_t at)
{
    return pread(fd, data, len, (off_t)at) == (ssize_t)len;
}

/* The size that the file must have for all that is mapped to be there; 0 if
 * the dynamic linker is to say what is wrong with it. */
static size_t needed_size(int fd)
{
    ElfW(Ehdr) file;
    size_t needed = 0;

    if (!read_at(fd, &file, sizeof(file), 0) ||
        memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 ||
        file.e_ident[EI_CLASS] != NATIVE_CLASS ||
        file.e_phentsize != sizeof(ElfW(Phdr)) || file.e_phnum > HEADERS_MAX)
        return 0;
    for (size_t i = 0; i < file.e_phnum; i++) {
        ElfW(Phdr) part;
        size_t end;

        if (!read_at(fd, &part, sizeof(part), file.e_phoff + i * sizeof(part)))
            return 0;
        if (part.p_type != PT_LOAD)
            continue;
        end = part.p_offset + part.p_filesz;
        if (end < part.p_offset)
            return (size_t)-1;
        if (end > needed)
            needed = end;
    }
    return needed;
}

ks_rc prov_plugin_file_check(const char *path, struct ks_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    ks_rc rc = KS_OK;

    if (fd < 0)
        return ks_fail_errno(err, KS_E_CONFIG, "%s", path);
    if (fstat(fd, &status) != 0)
        rc = ks_fail_errno(err, KS_E_IO, "%s", path);
    else if (needed_size(fd) > (size_t)status.st_size)
        rc = ks_fail(err, KS_E_CONFIG, "%s: cannot be loaded: is cut short",
                     path);
    (void)close(fd); /* it was only looked at */
    return rc;
}
