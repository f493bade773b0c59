/*
 * A folder for each test case, gone when the case is over.
 */
#include "tmpdir.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATHS_MAX 64 /* a case names at most so many */
#define OPEN_MAX_DIRS 16

static char dir[256];
static pid_t owner; /* a forked child must not remove it */
static char *paths[PATHS_MAX];
static size_t n_paths;

static void stop(const char *what)
{
    perror(what);
    abort();
}

const char *test_dir(void)
{
    const char *base = getenv("TMPDIR");

    if (dir[0] != '\0')
        return dir;
    (void)snprintf(dir, sizeof(dir), "%s/caadm-test-XXXXXX",
                   base != NULL ? base : "/tmp");
    if (mkdtemp(dir) == NULL)
        stop(dir);
    owner = getpid();
    return dir;
}

const char *test_path(const char *name)
{
    char *path = NULL;

    if (n_paths == PATHS_MAX) /* the oldest are not in use any more */
        free(paths[--n_paths]);
    if (asprintf(&path, "%s/%s", test_dir(), name) < 0)
        stop("asprintf");
    paths[n_paths++] = path;
    return path;
}

void test_write(const char *name, const void *data, size_t len, mode_t mode)
{
    const char *path = test_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || fchmod(fd, mode) != 0 ||
        write(fd, data, len) != (ssize_t)len || close(fd) != 0)
        stop(path);
}

char *test_read(const char *name, size_t *len)
{
    FILE *file = fopen(test_path(name), "rbe");
    struct stat status;
    char *data = NULL;

    *len = 0;
    if (file == NULL)
        return NULL;
    if (fstat(fileno(file), &status) == 0)
        data = calloc(1, (size_t)status.st_size + 1);
    if (data != NULL)
        *len = fread(data, 1, (size_t)status.st_size, file);
    (void)fclose(file);
    return data;
}

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

void test_dir_remove(void)
{
    while (n_paths > 0)
        free(paths[--n_paths]);
    if (dir[0] != '\0' && owner == getpid())
        (void)nftw(dir, remove_one, OPEN_MAX_DIRS, FTW_DEPTH | FTW_PHYS);
    dir[0] = '\0';
}
