/*
 * A program that knows nothing of us: it loads the key that a URI names, signs
 * with it, and then ends, forks, or becomes another program, as its first
 * argument says.
 *
 * Usage: e2e_ends WAY URI. Exit code 0: every signature was right, and what
 * should end has ended.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#define N_THREADS 4
#define N_CHILDREN 4
#define N_CONTEXTS 3
#define GUARD_SECONDS 110

static char *const *arguments;
static EVP_PKEY *key;
static EVP_MD_CTX *stream;
static OSSL_STORE_CTX *volatile left_open; /* as a global is */

static void give_up(const char *what)
{
    fprintf(stderr, "%s failed in %d\n", what, (int)getpid());
    ERR_print_errors_fp(stderr);
    _exit(99);
}

static EVP_PKEY *load(OSSL_LIB_CTX *ctx)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(arguments[2], ctx, NULL, NULL,
                                               NULL, NULL, NULL, NULL);
    EVP_PKEY *loaded = NULL;
    OSSL_STORE_INFO *info;

    if (store == NULL || !OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY))
        give_up("opening");
    info = OSSL_STORE_load(store);
    if (info != NULL)
        loaded = OSSL_STORE_INFO_get1_PKEY(info);
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    if (loaded == NULL)
        give_up("loading");
    return loaded;
}

/* The signature is verified as well: a wrong one is no success. */
static bool sign_in(OSSL_LIB_CTX *ctx, EVP_PKEY *pkey)
{
    static const unsigned char text[] = "words to sign";
    unsigned char sig[1024];
    size_t len = sizeof(sig);
    EVP_MD_CTX *signs = EVP_MD_CTX_new(), *verifies = EVP_MD_CTX_new();
    bool ok = EVP_DigestSignInit_ex(signs, NULL, "SHA256", ctx, NULL, pkey,
                                    NULL) == 1 &&
              EVP_DigestSign(signs, sig, &len, text, sizeof(text)) == 1 &&
              EVP_DigestVerifyInit_ex(verifies, NULL, "SHA256", ctx, NULL, pkey,
                                      NULL) == 1 &&
              EVP_DigestVerify(verifies, sig, len, text, sizeof(text)) == 1;

    EVP_MD_CTX_free(signs);
    EVP_MD_CTX_free(verifies);
    return ok;
}

static void sign(void)
{
    if (!sign_in(NULL, key))
        give_up("signing");
}

static void use(void)
{
    key = load(NULL);
    sign();
}

static void drop(void)
{
    EVP_PKEY_free(key);
    key = NULL;
}

/* Whether a child ended with 0, and no signal. */
static int end_of(pid_t pid)
{
    int status = -1;

    if (waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "child %d ended with status 0x%x\n", (int)pid,
                (unsigned)status);
        return 1;
    }
    return 0;
}

static pid_t fork_or_give_up(void)
{
    pid_t pid = fork();

    if (pid < 0)
        give_up("fork");
    return pid;
}

static int keep(void)
{
    use();
    return 0;
}

static int free_it(void)
{
    use();
    drop();
    return 0;
}

static int cleanup(void)
{
    use();
    drop();
    OPENSSL_cleanup();
    return 0;
}

static int cleanup_first(void)
{
    use();
    OPENSSL_cleanup();
    drop();
    return 0;
}

/* The handler is older than libcrypto's, and comes after it. */
static int free_late(void)
{
    (void)atexit(drop);
    use();
    return 0;
}

static int free_early(void)
{
    use();
    (void)atexit(drop);
    return 0;
}

static int sign_early(void)
{
    use();
    (void)atexit(sign);
    return 0;
}

static int quick(void)
{
    use();
    quick_exit(0);
}

static int at_once(void)
{
    use();
    _exit(0);
}

static int stream_open(void)
{
    use();
    stream = EVP_MD_CTX_new();
    if (EVP_DigestSignInit_ex(stream, NULL, "SHA256", NULL, NULL, key, NULL) !=
            1 ||
        EVP_DigestSignUpdate(stream, "x", 1) != 1)
        give_up("streaming");
    return 0;
}

static int store_open(void)
{
    left_open = OSSL_STORE_open(arguments[2], NULL, NULL, NULL, NULL);
    if (left_open == NULL)
        give_up("opening");
    return 0;
}

/* The key holds its provider. */
static int unload(void)
{
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(NULL, "keystore");

    use();
    if (OSSL_PROVIDER_unload(provider) != 1)
        give_up("unloading");
    sign();
    drop();
    return 0;
}

/* They end in another order than they began. */
static int contexts(void)
{
    OSSL_LIB_CTX *ctx[N_CONTEXTS];
    EVP_PKEY *keys[N_CONTEXTS];

    for (int i = 0; i < N_CONTEXTS; i++) {
        ctx[i] = OSSL_LIB_CTX_new();
        if (!OSSL_LIB_CTX_load_config(ctx[i], getenv("OPENSSL_CONF")))
            give_up("configuration");
        keys[i] = load(ctx[i]);
    }
    use();
    for (int i = 0; i < N_CONTEXTS; i++) {
        int next = (i + 1) % N_CONTEXTS;

        if (!sign_in(ctx[next], keys[next]))
            give_up("signing in a context");
        EVP_PKEY_free(keys[next]);
        OSSL_LIB_CTX_free(ctx[next]);
        sign();
    }
    return 0;
}

static void *sign_for_ever(void *arg)
{
    for (;;)
        if (!sign_in(NULL, key)) /* the process is ending */
            (void)usleep(1000);
    return arg;
}

static void make_busy(void)
{
    pthread_t thread;

    use();
    for (int i = 0; i < N_THREADS; i++)
        if (pthread_create(&thread, NULL, sign_for_ever, NULL) != 0)
            give_up("a thread");
    (void)usleep(50000);
}

static int busy_exec(void)
{
    make_busy();
    (void)execl(arguments[0], arguments[0], "keep", arguments[2], NULL);
    return 1;
}

static int busy_at_once(void)
{
    make_busy();
    _exit(0);
}

/* Children of a process with busy threads sign, and end well. */
static int busy_fork(void)
{
    int failed = 0;

    make_busy();
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork_or_give_up();

        if (pid == 0) {
            (void)alarm(GUARD_SECONDS);
            sign();
            _exit(0);
        }
        failed |= end_of(pid);
    }
    _exit(failed);
}

static int fork_before(void)
{
    pid_t pids[N_CHILDREN];
    int failed = 0;

    for (int i = 0; i < N_CHILDREN; i++)
        if ((pids[i] = fork_or_give_up()) == 0) {
            use();
            drop();
            exit(0);
        }
    for (int i = 0; i < N_CHILDREN; i++)
        failed |= end_of(pids[i]);
    use();
    return failed;
}

static int fork_after(void)
{
    pid_t pids[N_CHILDREN];
    int failed = 0;

    use();
    for (int i = 0; i < N_CHILDREN; i++)
        if ((pids[i] = fork_or_give_up()) == 0) {
            sign();
            if (i % 2 == 0)
                drop();
            exit(0);
        }
    sign();
    for (int i = 0; i < N_CHILDREN; i++)
        failed |= end_of(pids[i]);
    sign();
    return failed;
}

/* The child does nothing with the key but end. */
static int fork_unused(void)
{
    pid_t pid;
    int failed;

    use();
    if ((pid = fork_or_give_up()) == 0)
        exit(0);
    failed = end_of(pid);
    sign();
    if ((pid = fork_or_give_up()) == 0) {
        drop();
        exit(0);
    }
    failed |= end_of(pid);
    sign();
    return failed;
}

/* A grandchild, whose parent never used what it has from its own. */
static int fork_twice(void)
{
    pid_t pid;

    use();
    if ((pid = fork_or_give_up()) == 0) {
        if ((pid = fork_or_give_up()) == 0) {
            sign();
            exit(0);
        }
        exit(end_of(pid));
    }
    return end_of(pid);
}

/* A stream that parent and child end, each for itself. */
static int fork_amid_stream(void)
{
    unsigned char sig[1024];
    size_t len = sizeof(sig);
    pid_t pid;

    (void)stream_open();
    pid = fork_or_give_up();
    if (EVP_DigestSignFinal(stream, sig, &len) != 1)
        give_up("the end of the stream");
    EVP_MD_CTX_free(stream);
    drop();
    return pid == 0 ? 0 : end_of(pid);
}

static int exec_it(void)
{
    use();
    (void)execl(arguments[0], arguments[0], "keep", arguments[2], NULL);
    return 1;
}

static int fork_exec(void)
{
    pid_t pid;
    int failed;

    use();
    if ((pid = fork_or_give_up()) == 0) {
        (void)exec_it();
        _exit(1);
    }
    failed = end_of(pid);
    sign();
    return failed;
}

static const struct {
    const char *name;
    int (*go)(void);
} ways[] = {
    {"keep", keep},
    {"free", free_it},
    {"cleanup", cleanup},
    {"cleanup-first", cleanup_first},
    {"free-late", free_late},
    {"free-early", free_early},
    {"sign-early", sign_early},
    {"quick", quick},
    {"at-once", at_once},
    {"stream-open", stream_open},
    {"store-open", store_open},
    {"unload", unload},
    {"contexts", contexts},
    {"busy-exec", busy_exec},
    {"busy-at-once", busy_at_once},
    {"busy-fork", busy_fork},
    {"fork-before", fork_before},
    {"fork-after", fork_after},
    {"fork-unused", fork_unused},
    {"fork-twice", fork_twice},
    {"fork-amid-stream", fork_amid_stream},
    {"exec", exec_it},
    {"fork-exec", fork_exec},
};

int main(int argc, char **argv)
{
    arguments = argv;
    (void)alarm(GUARD_SECONDS);
    for (size_t i = 0; argc == 3 && i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            return ways[i].go();
    fprintf(stderr, "usage: e2e_ends WAY URI\n");
    return 2;
}
