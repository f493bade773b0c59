/*
 * Every byte of a database of keys changed in turn, below SQLite: headers,
 * schema, tables, indexes; and of a log that was not yet written back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flip.h"

#define FILE_NAME "keys.db"
#define LOG_NAME "keys.db-wal"

/* Of bytes in empty space one in this many is changed. */
#define EMPTY_STRIDE 61

struct image {
    char *data;
    size_t len;
};

static struct image read_image(const char *name)
{
    struct image image = {0};

    image.data = test_read(name, &image.len);
    if (image.data == NULL)
        abort();
    return image;
}

/* In place: a file that is emptied first is written to the disk at once by
 * some file systems. */
static void write_image(const char *name, const struct image *image)
{
    int fd = open(test_path(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 ||
        pwrite(fd, image->data, image->len, 0) != (ssize_t)image->len ||
        ftruncate(fd, (off_t)image->len) != 0)
        abort();
    (void)close(fd);
}

/* Empty space: the bytes around are zero as well. */
static bool is_empty(const struct image *image, size_t at)
{
    static const char zeros[8];

    return at >= 4 && at + 4 <= image->len &&
           memcmp(image->data + at - 4, zeros, 8) == 0;
}

/* The files as they were, but for one bit of the byte AT of CHANGED. A reader
 * may have mended, moved or removed them. */
static void put_back(const struct image *file, const struct image *log,
                     struct image *changed, size_t at)
{
    char mask = (char)(1u << at % 8);

    if (changed != NULL)
        changed->data[at] ^= mask;
    write_image(FILE_NAME, file);
    (void)unlink(test_path("keys.db-shm"));
    (void)unlink(test_path(LOG_NAME));
    if (log != NULL)
        write_image(LOG_NAME, log);
    if (changed != NULL)
        changed->data[at] ^= mask;
}

/* STEP: 1, or a sample. */
static void flip_all(struct flip *flip, const struct image *file,
                     const struct image *log, struct image *changed,
                     size_t step)
{
    for (size_t at = 0; at < changed->len; at += step) {
        if (is_empty(changed, at) && at % EMPTY_STRIDE != 0)
            continue;
        put_back(file, log, changed, at);
        flip_open(flip);
        flip_look(flip);
        flip_close(flip);
    }
    put_back(file, log, NULL, 0);
    flip_open(flip);
}

/* Bytes of other keys and of indexes are harmless, and they are many. */
static void check(struct flip *flip, const char *what)
{
    CHECK(flip->refused > 0);
    flip->refused += flip->same;
    flip_check(flip, what);
}

static void no_byte_of_a_database_gives_another_key(void)
{
    struct flip flip;
    struct image file;

    flip_make(&flip, &ks_sqlite_backend, FILE_NAME, FLIP_PASSPHRASE, "ED25519");
    flip_close(&flip); /* which writes the log back */
    CHECK(access(test_path(LOG_NAME), F_OK) != 0);
    file = read_image(FILE_NAME);
    flip_all(&flip, &file, NULL, &file, 1);
    check(&flip, "database");
    flip_clear(&flip);
    free(file.data);
}

static void no_byte_of_a_log_gives_another_key(void)
{
    struct flip flip;
    struct image file, log;

    flip_make(&flip, &ks_sqlite_backend, FILE_NAME, FLIP_PASSPHRASE, "ED25519");
    file = read_image(FILE_NAME);
    log = read_image(LOG_NAME);
    CHECK(log.len > 0);
    flip_close(&flip);
    flip_all(&flip, &file, &log, &log, 11);
    check(&flip, "log");
    flip_clear(&flip);
    free(file.data);
    free(log.data);
}

static const struct test_case cases[] = {
    TEST_CASE(no_byte_of_a_database_gives_another_key),
    TEST_CASE(no_byte_of_a_log_gives_another_key),
};
TEST_MAIN("damage.flip_page", cases)
