/*
 * System calls past our own functions of the same names.
 */
#ifndef TEST_TORN_RAW_H
#define TEST_TORN_RAW_H

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline int raw_openat(int dir, const char *path, int flags, mode_t mode)
{
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

static inline ssize_t raw_write(int fd, const void *data, size_t len)
{
    return syscall(SYS_write, fd, data, len);
}

static inline ssize_t raw_pwrite(int fd, const void *data, size_t len, off_t at)
{
    return syscall(SYS_pwrite64, fd, data, len, at);
}

static inline int raw_ftruncate(int fd, off_t len)
{
    return (int)syscall(SYS_ftruncate, fd, len);
}

static inline int raw_fsync(int fd)
{
    return (int)syscall(SYS_fsync, fd);
}

static inline int raw_unlinkat(int dir, const char *path, int flags)
{
    return (int)syscall(SYS_unlinkat, dir, path, flags);
}

static inline int raw_linkat(int dir, const char *path, int new_dir,
                             const char *new_path, int flags)
{
    return (int)syscall(SYS_linkat, dir, path, new_dir, new_path, flags);
}

static inline int raw_mkdirat(int dir, const char *path, mode_t mode)
{
    return (int)syscall(SYS_mkdirat, dir, path, mode);
}

static inline int raw_mknodat(int dir, const char *path, mode_t mode, dev_t dev)
{
    return (int)syscall(SYS_mknodat, dir, path, mode, dev);
}

static inline int raw_renameat2(int dir, const char *path, int new_dir,
                                const char *new_path, unsigned flags)
{
    return (int)syscall(SYS_renameat2, dir, path, new_dir, new_path, flags);
}

#endif
