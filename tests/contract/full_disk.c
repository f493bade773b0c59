/*
 * Storage that is full, and storage that is read-only: real ones, small file
 * systems in a mount namespace of this process.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract.h"
#include "tmpdir.h"

static void write_map(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        (void)fprintf(stderr, "cannot write %s\n", path);
    if (fd >= 0)
        (void)close(fd);
}

/* A namespace where mounting is allowed: root's own, or one in which we are
 * root. */
static bool enter_namespace(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (uid == 0 && unshare(CLONE_NEWNS) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    write_map("/proc/self/setgroups", "deny");
    (void)snprintf(map, sizeof(map), "0 %u 1", uid);
    write_map("/proc/self/uid_map", map);
    (void)snprintf(map, sizeof(map), "0 %u 1", gid);
    write_map("/proc/self/gid_map", map);
    return true;
}

static void mount_small(void)
{
    (void)mkdir(test_path("keys"), 0700);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", test_path("keys"), "tmpfs", 0, subject.disk) != 0) {
        perror("mount");
        abort();
    }
}

static void unmount(void)
{
    CHECK(umount(test_path("keys")) == 0);
}

/* Fills the disk but for LEFT bytes, more or less. */
static void fill(size_t left)
{
    static const char page[4096];
    int fd = open(test_path("keys/filler"), O_WRONLY | O_CREAT, 0600);
    off_t size;

    while (write(fd, page, sizeof(page)) == (ssize_t)sizeof(page))
        ;
    size = lseek(fd, 0, SEEK_END);
    if (left > 0 && ftruncate(fd, size - (off_t)left) != 0)
        abort();
    (void)close(fd);
}

static void a_full_disk_loses_nothing(void)
{
    void *store = contract_open();
    struct test_key key;
    char name[32];
    unsigned saved = 0;
    ks_rc rc = KS_OK;

    mount_small();
    test_key_make("ED25519", &key);
    CHECK_RC(contract_save(store, "first", &key, "x"), KS_OK);
    fill(3 * 4096);
    while (rc == KS_OK && saved < 100) {
        (void)snprintf(name, sizeof(name), "k%u", saved);
        rc = contract_save(store, name, &key, "x");
        saved += rc == KS_OK;
    }
    CHECK_RC(rc, KS_E_FULL);
    CHECK_INT(contract_count(store), saved + 1);
    CHECK_RC(contract_load(store, "first", "x", NULL), KS_OK);
    CHECK_RC(contract_load(store, name, "x", NULL), KS_E_NOT_FOUND);
    CHECK_RC(contract_reseal(store, "first", "x", "y"), KS_E_FULL);
    CHECK_RC(contract_load(store, "first", "x", NULL), KS_OK);
    REQUIRE(unlink(test_path("keys/filler")) == 0);
    CHECK_RC(contract_save(store, name, &key, "x"), KS_OK);
    CHECK_RC(contract_reseal(store, "first", "x", "y"), KS_OK);
    test_key_clear(&key);
    subject.backend->close(store);
    unmount();
}

static void read_only_storage_is_read(void)
{
    void *store = contract_open();
    struct test_key key;

    mount_small();
    test_key_make("ED25519", &key);
    CHECK_RC(contract_save(store, "k", &key, "x"), KS_OK);
    subject.backend->close(store); /* no file is open for writing then */
    REQUIRE(mount(NULL, test_path("keys"), NULL, MS_REMOUNT | MS_RDONLY,
                  NULL) == 0);
    store = contract_open();
    CHECK_INT(contract_listed(store, "k"), 1);
    CHECK_RC(contract_load(store, "k", "x", NULL), KS_OK);
    CHECK_RC(contract_save(store, "l", &key, "x"), KS_E_DENIED);
    CHECK_RC(contract_save(store, "k", &key, "x"), KS_E_EXISTS);
    CHECK_RC(contract_reseal(store, "k", "x", "y"), KS_E_DENIED);
    CHECK_RC(subject.backend->remove(store, "k", NULL, NULL), KS_E_DENIED);
    CHECK_RC(subject.backend->remove(store, "l", NULL, NULL), KS_E_NOT_FOUND);
    CHECK_RC(contract_load(store, "k", "x", NULL), KS_OK);
    test_key_clear(&key);
    subject.backend->close(store);
    unmount();
}

static const struct test_case cases[] = {
    TEST_CASE(a_full_disk_loses_nothing),
    TEST_CASE(read_only_storage_is_read),
};

int main(int argc, char **argv)
{
    if (!enter_namespace()) {
        perror("full_disk: neither root nor user namespaces");
        return EXIT_FAILURE;
    }
    return test_run("contract.full_disk", cases,
                    sizeof(cases) / sizeof(cases[0]), argc, argv);
}
