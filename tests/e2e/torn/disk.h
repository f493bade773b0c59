/*
 * What a disk would hold if the power went: of each file what it held when it
 * was last synced, of each directory the names of its last sync. Which of the
 * changes since then have reached the disk all the same is for the disk to
 * choose; here the mode does.
 */
#ifndef TEST_TORN_DISK_H
#define TEST_TORN_DISK_H

#include <stdbool.h>
#include <sys/types.h>

enum disk_mode {
    DISK_KEPT,  /* no power loss: a process that is killed, no more */
    DISK_LOST,  /* nothing that was not synced has come through */
    DISK_NAMES, /* names have, contents have not */
    DISK_DATA,  /* contents have, names have not */
    DISK_MIXED, /* some sectors have, and each directory's changes up to one */
};

/* Before the contents of FD change. */
void disk_before_write(int fd);
/* After FD, a file or a directory, was synced. */
void disk_synced(int fd);

/* True if FD is below ROOT; where that is. */
bool disk_path(const char *root, int fd, char path[static 4096]);

/* A name: PATH as seen from the directory DIR, taken apart. */
struct disk_name {
    unsigned in; /* the directory of the last part */
    char last[256];
};
/* False if it is not below ROOT, or its directory is not there. */
bool disk_name(const char *root, int dir, const char *path,
               struct disk_name *name);
bool disk_has(const struct disk_name *name);

/* Before NAME goes; what it leads to is remembered. */
void disk_before_unlink(const struct disk_name *name);
/* After NAME was made. */
void disk_made(const struct disk_name *name);
/* Before FROM becomes TO, which may be there. */
void disk_before_rename(const struct disk_name *from,
                        const struct disk_name *to);
/* The change that was told last did not happen. */
void disk_failed(void);

/* Leaves on the disk what MODE says. SEED chooses in DISK_MIXED. */
void disk_power_lost(enum disk_mode mode, unsigned seed);

#endif
