/*
 * Contents are remembered in memory, whole, before their first change since a
 * sync; changes of directories as a log. Descriptors of ours stay open: one
 * that is closed would drop the locks of SQLite on that file (fcntl(2)).
 */
#include "disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "raw.h"

#define N_FILES 64
#define N_CHANGES 256
#define SECTOR 512

struct contents {
    char *data;
    size_t len;
    mode_t mode;
};

struct file {
    dev_t dev;
    ino_t ino;
    int fd;
    bool changed;
    struct contents synced;
};

enum kind {
    MADE,
    UNLINKED,
    RENAMED
};

struct change {
    enum kind kind;
    struct disk_name name, from;
    bool was_there;
    struct contents old; /* of what NAME led to */
};

struct dir {
    dev_t dev;
    ino_t ino;
    int fd;
    unsigned kept; /* changes that are let through */
};

static struct file files[N_FILES];
static size_t n_files;
static struct change changes[N_CHANGES];
static size_t n_changes;
static struct dir dirs[N_FILES];
static unsigned n_dirs;

static void stop(const char *what)
{
    (void)dprintf(STDERR_FILENO, "torn: %s\n", what);
    abort();
}

static struct contents read_contents(int fd)
{
    struct contents contents = {0};
    struct stat st;

    if (fstat(fd, &st) != 0)
        stop("cannot look at a file");
    contents.mode = st.st_mode & 07777;
    contents.len = (size_t)st.st_size;
    contents.data = calloc(1, contents.len + 1);
    if (contents.data == NULL ||
        pread(fd, contents.data, contents.len, 0) != st.st_size)
        stop("cannot read a file");
    return contents;
}

static struct file *find_file(const struct stat *st)
{
    for (size_t i = 0; i < n_files; i++)
        if (files[i].dev == st->st_dev && files[i].ino == st->st_ino)
            return &files[i];
    return NULL;
}

void disk_before_write(int fd)
{
    struct file *file;
    struct stat st;
    char path[40];

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    file = find_file(&st);
    if (file == NULL) {
        if (n_files == N_FILES)
            stop("too many files");
        file = &files[n_files++];
        *file = (struct file){.dev = st.st_dev, .ino = st.st_ino};
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        file->fd = raw_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
        if (file->fd < 0)
            stop("cannot open a file once more");
    }
    if (file->changed)
        return;
    free(file->synced.data);
    file->synced = read_contents(file->fd);
    file->changed = true;
}

/* N_FILES if it is a new one, for which dirs[n_dirs] is then ready. */
static unsigned find_dir(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        stop("cannot look at a directory");
    for (unsigned i = 0; i < n_dirs; i++)
        if (dirs[i].dev == st.st_dev && dirs[i].ino == st.st_ino)
            return i;
    if (n_dirs == N_FILES)
        stop("too many directories");
    dirs[n_dirs] = (struct dir){.dev = st.st_dev, .ino = st.st_ino, .fd = fd};
    return N_FILES;
}

/* The names of DIR are on the disk: there is nothing to undo any more. */
static void forget_changes(unsigned dir)
{
    size_t kept = 0;

    if (dir == N_FILES)
        return; /* it never had any */
    for (size_t i = 0; i < n_changes; i++) {
        if (changes[i].name.in == dir)
            free(changes[i].old.data);
        else
            changes[kept++] = changes[i];
    }
    n_changes = kept;
}

void disk_synced(int fd)
{
    struct file *file;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return;
    if (S_ISDIR(st.st_mode)) {
        forget_changes(find_dir(fd));
        return;
    }
    file = find_file(&st);
    if (file != NULL)
        file->changed = false;
}

bool disk_path(const char *root, int fd, char path[static 4096])
{
    size_t root_len = strlen(root);
    char link[40];
    ssize_t len;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, 4095);
    if (len < 0)
        return false;
    path[len] = '\0';
    return strncmp(path, root, root_len) == 0 &&
           (path[root_len] == '/' || path[root_len] == '\0');
}

bool disk_name(const char *root, int dir, const char *path,
               struct disk_name *name)
{
    const char *slash = strrchr(path, '/');
    char parent[4096] = ".", where[4096];
    int fd;

    if (slash != NULL && (size_t)(slash - path) + 2 > sizeof(parent))
        return false;
    if (slash != NULL)
        (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path) + 1,
                       path);
    if (snprintf(name->last, sizeof(name->last), "%s",
                 slash != NULL ? slash + 1 : path) >= (int)sizeof(name->last))
        return false;
    fd = raw_openat(dir, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return false;
    name->in = find_dir(fd);
    if (name->in == N_FILES && disk_path(root, fd, where)) {
        name->in = n_dirs++;
        return true;
    }
    (void)syscall(SYS_close, fd);
    return name->in < N_FILES;
}

static int dir_of(const struct disk_name *name)
{
    return dirs[name->in].fd;
}

bool disk_has(const struct disk_name *name)
{
    struct stat st;

    return fstatat(dir_of(name), name->last, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct change *new_change(enum kind kind, const struct disk_name *name)
{
    struct change *change = &changes[n_changes];

    if (n_changes == N_CHANGES)
        stop("too many changes of directories");
    *change = (struct change){.kind = kind, .name = *name};
    n_changes++;
    return change;
}

/* What NAME leads to, as it is on the disk, before it goes. */
static void remember(struct change *change)
{
    int fd = raw_openat(dir_of(&change->name), change->name.last,
                        O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    struct file *file;
    struct stat st;

    if (fd < 0)
        return;
    if (fstat(fd, &st) != 0)
        stop("cannot look at a file");
    change->was_there = true;
    change->old = read_contents(fd);
    file = find_file(&st);
    if (file != NULL && file->changed) {
        free(change->old.data);
        change->old.len = file->synced.len;
        change->old.data = malloc(file->synced.len + 1);
        if (change->old.data == NULL)
            stop("out of memory");
        memcpy(change->old.data, file->synced.data, file->synced.len);
    }
}

void disk_before_unlink(const struct disk_name *name)
{
    remember(new_change(UNLINKED, name));
}

void disk_made(const struct disk_name *name)
{
    (void)new_change(MADE, name);
}

void disk_before_rename(const struct disk_name *from,
                        const struct disk_name *to)
{
    struct change *change = new_change(RENAMED, to);

    change->from = *from;
    remember(change);
}

void disk_failed(void)
{
    n_changes--;
    free(changes[n_changes].old.data);
}

static void put_back(const struct change *change)
{
    int fd;

    if (!change->was_there)
        return;
    fd = raw_openat(dir_of(&change->name), change->name.last,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, change->old.mode);
    if (fd < 0 || raw_pwrite(fd, change->old.data, change->old.len, 0) !=
                      (ssize_t)change->old.len)
        stop("cannot put a file back");
}

static void undo(const struct change *change)
{
    const struct disk_name *name = &change->name;

    switch (change->kind) {
    case MADE:
        if (raw_unlinkat(dir_of(name), name->last, 0) != 0 &&
            raw_unlinkat(dir_of(name), name->last, AT_REMOVEDIR) != 0)
            stop("cannot take a name back");
        break;
    case RENAMED:
        if (raw_renameat2(dir_of(name), name->last, dir_of(&change->from),
                          change->from.last, 0) != 0)
            stop("cannot rename back");
        put_back(change);
        break;
    case UNLINKED:
        put_back(change);
        break;
    }
}

/* Numbers that differ for neighbours and are the same in each run. */
static unsigned chance(unsigned seed, unsigned first, unsigned second)
{
    unsigned x = seed * 2654435761u + first * 40503u + second * 2246822519u;

    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return x >> 3;
}

static void lose_names(enum disk_mode mode, unsigned seed)
{
    unsigned count[N_FILES] = {0}, left[N_FILES];

    for (size_t i = 0; i < n_changes; i++)
        count[changes[i].name.in]++;
    for (unsigned i = 0; i < n_dirs; i++) {
        dirs[i].kept = mode == DISK_NAMES ? count[i] : 0;
        if (mode == DISK_MIXED)
            dirs[i].kept = chance(seed, i, 7) % (count[i] + 1);
        left[i] = count[i];
    }
    for (size_t i = n_changes; i-- > 0;)
        if (left[changes[i].name.in]-- > dirs[changes[i].name.in].kept)
            undo(&changes[i]);
}

/* Of a file that was changed: its old size or the new one, and sector by
 * sector either contents. A sector past the old end that was not written is
 * a hole. */
static void lose_contents(struct file *file, enum disk_mode mode, unsigned seed,
                          unsigned number)
{
    const struct contents *old = &file->synced;
    struct contents now = read_contents(file->fd);
    bool mixed = mode == DISK_MIXED;
    size_t len = old->len;

    if (mixed && chance(seed, number, 11) % 2 == 0)
        len = now.len;
    if (raw_ftruncate(file->fd, 0) != 0 ||
        raw_ftruncate(file->fd, (off_t)len) != 0)
        stop("cannot cut a file");
    for (size_t at = 0; at < len; at += SECTOR) {
        bool newer =
            mixed &&
            chance(seed, number, (unsigned)(at / SECTOR) + 13) % 2 == 0;
        const struct contents *from = newer ? &now : old;
        size_t n = from->len > at ? from->len - at : 0;

        n = n < SECTOR ? n : SECTOR;
        n = n < len - at ? n : len - at;
        if (raw_pwrite(file->fd, from->data + at, n, (off_t)at) != (ssize_t)n)
            stop("cannot write a sector");
    }
    free(now.data);
}

void disk_power_lost(enum disk_mode mode, unsigned seed)
{
    if (mode == DISK_KEPT)
        return;
    if (mode != DISK_NAMES) /* which keeps them all */
        lose_names(mode, seed);
    if (mode == DISK_DATA)
        return;
    for (size_t i = 0; i < n_files; i++)
        if (files[i].changed)
            lose_contents(&files[i], mode, seed, (unsigned)i);
}
