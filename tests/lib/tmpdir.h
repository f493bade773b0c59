/*
 * A folder for each test case, gone when the case is over.
 */
#ifndef TEST_TMPDIR_H
#define TEST_TMPDIR_H

#include <stddef.h>
#include <sys/types.h>

/* The folder of this case, mode 0700, made on the first call. Borrowed until
 * the case ends. Stops the program if there can be none. */
const char *test_dir(void);

/* The path of NAME below it. Borrowed until the case ends. */
const char *test_path(const char *name);

/* Writes LEN bytes as NAME below it, mode MODE, over what is there. Stops the
 * program if that fails. */
void test_write(const char *name, const void *data, size_t len, mode_t mode);

/* Reads NAME below it. Caller frees; NULL if it cannot be read. The bytes
 * have a NUL after them. */
char *test_read(const char *name, size_t *len);

/* Removes the folder of this case. The frame does it. */
void test_dir_remove(void);

#endif
