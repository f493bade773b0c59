/*
 * Every bit of a key file changed in turn.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "flip.h"

#define FILE_NAME "keys/" FLIP_NAME ".pem"

static void must(bool held)
{
    if (held)
        return;
    perror(FILE_NAME);
    abort();
}

static int open_file(off_t *len)
{
    int fd = open(test_path(FILE_NAME), O_RDWR | O_CLOEXEC);

    must(fd >= 0);
    *len = lseek(fd, 0, SEEK_END);
    must(*len > 0);
    return fd;
}

/* BITS bits of each byte. */
static void flip_all(struct flip *flip, unsigned bits, const char *what)
{
    off_t len;
    int fd = open_file(&len);

    for (off_t at = 0; at < len; at++) {
        unsigned char was, now;

        must(pread(fd, &was, 1, at) == 1);
        for (unsigned bit = 0; bit < bits; bit++) {
            now = was ^ (unsigned char)(1u << (bits == 8 ? bit : at % 8));
            must(pwrite(fd, &now, 1, at) == 1);
            flip_look(flip);
        }
        must(pwrite(fd, &was, 1, at) == 1);
    }
    (void)close(fd);
    flip_check(flip, what);
}

/* Bytes that mean something, in the place of any other. */
static void put_all(struct flip *flip, const char *what)
{
    static const char others[] = {'\0', '\n', '-', 'A', ' ', '\xff'};
    off_t len;
    int fd = open_file(&len);

    for (off_t at = 0; at < len; at++) {
        char was;

        must(pread(fd, &was, 1, at) == 1);
        for (size_t i = 0; i < sizeof(others); i++) {
            must(pwrite(fd, &others[i], 1, at) == 1);
            flip_look(flip);
        }
        must(pwrite(fd, &was, 1, at) == 1);
    }
    (void)close(fd);
    flip_check(flip, what);
}

static void cut_all(struct flip *flip, const char *what)
{
    off_t len;
    int fd = open_file(&len);
    char *text = test_read(FILE_NAME, &(size_t){0});

    must(text != NULL);
    for (off_t at = len - 1; at >= 0; at--) {
        must(ftruncate(fd, at) == 0);
        flip_look(flip);
    }
    must(pwrite(fd, text, (size_t)len, 0) == len);
    (void)close(fd);
    free(text);
    flip_check(flip, what);
}

static void no_bit_of_a_file_under_a_passphrase_gives_another_key(void)
{
    struct flip flip;

    flip_make(&flip, &ks_file_backend, "keys", FLIP_PASSPHRASE, "ED25519");
    flip_all(&flip, 8, "passphrase");
    put_all(&flip, "passphrase, other bytes");
    cut_all(&flip, "passphrase, cut");
    flip_clear(&flip);
}

static void no_bit_of_a_file_without_a_seal_gives_another_key(void)
{
    static const char *const kinds[] = {"ED25519", "P-256", "X448"};
    struct flip flip;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        flip_make(&flip, &ks_file_backend, "keys", FLIP_PLAIN, kinds[i]);
        flip_all(&flip, 8, kinds[i]);
        flip_clear(&flip);
        test_dir_remove();
    }
}

static void no_byte_of_an_rsa_file_gives_another_key(void)
{
    struct flip flip;

    flip_make(&flip, &ks_file_backend, "keys", FLIP_PLAIN, "RSA");
    flip_all(&flip, 1, "RSA");
    flip_clear(&flip);
}

static void no_bit_of_a_file_sealed_to_an_ec_key_gives_another_key(void)
{
    struct flip flip;

    flip_make(&flip, &ks_file_backend, "keys", FLIP_TO_EC, "ED25519");
    flip_all(&flip, 8, "sealed to EC");
    cut_all(&flip, "sealed to EC, cut");
    flip_clear(&flip);
}

static void no_byte_of_a_file_sealed_to_an_rsa_key_gives_another_key(void)
{
    struct flip flip;

    flip_make(&flip, &ks_file_backend, "keys", FLIP_TO_RSA, "P-256");
    flip_all(&flip, 1, "sealed to RSA");
    flip_clear(&flip);
}

static const struct test_case cases[] = {
    TEST_CASE(no_bit_of_a_file_under_a_passphrase_gives_another_key),
    TEST_CASE(no_bit_of_a_file_without_a_seal_gives_another_key),
    TEST_CASE(no_byte_of_an_rsa_file_gives_another_key),
    TEST_CASE(no_bit_of_a_file_sealed_to_an_ec_key_gives_another_key),
    TEST_CASE(no_byte_of_a_file_sealed_to_an_rsa_key_gives_another_key),
};
TEST_MAIN("damage.flip_file", cases)
