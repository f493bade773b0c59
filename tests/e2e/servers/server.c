/*
 * A TLS server as small as one can be, and its key by URI.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/store.h>

volatile sig_atomic_t server_stop;

static void stop(int signal)
{
    (void)signal;
    server_stop = 1;
}

void server_catch_sigterm(void)
{
    struct sigaction action = {.sa_handler = stop}; /* no SA_RESTART */

    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void give_up(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(2);
}

struct server_count *server_count_new(void)
{
    void *count =
        mmap(NULL, sizeof(struct server_count), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (count == MAP_FAILED)
        give_up("mmap");
    return count;
}

static EVP_PKEY *load_key(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    if (store == NULL)
        give_up(uri);
    OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    while (key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    if (key == NULL)
        give_up(uri);
    return key;
}

SSL_CTX *server_context(const char *cert, const char *uri)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = load_key(uri);

    if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        give_up("SSL_CTX");
    EVP_PKEY_free(key);
    /* Every handshake is to sign: no session is taken up again. */
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return ctx;
}

void server_use_key(SSL_CTX *ctx)
{
    static const unsigned char text[] = "before the fork";
    EVP_PKEY *key = SSL_CTX_get0_privatekey(ctx);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t len = sizeof(signature);

    if (EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(md, signature, &len, text, sizeof(text)) != 1)
        give_up("signing");
    EVP_MD_CTX_free(md);
}

int server_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        give_up("socket");
    printf("ACCEPT 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int server_accept(int listener)
{
    static const int on = 1;

    for (;;) {
        int fd;

        if (server_stop)
            return -1;
        fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            return fd;
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return -1;
    }
}

static bool echo(SSL *ssl)
{
    char word[64];
    int n = SSL_read(ssl, word, sizeof(word));

    return n > 0 && SSL_write(ssl, word, n) == n;
}

void server_talk(SSL_CTX *ctx, int fd, struct server_count *count)
{
    SSL *ssl = SSL_new(ctx);
    bool ok = ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1 &&
              echo(ssl);

    if (ok) {
        atomic_fetch_add(&count->served, 1);
        SSL_shutdown(ssl);
    } else {
        atomic_fetch_add(&count->failed, 1);
        ERR_print_errors_fp(stderr);
    }
    ERR_clear_error();
    SSL_free(ssl);
    close(fd);
}

int server_report(const struct server_count *count)
{
    unsigned long served = atomic_load(&count->served);
    unsigned long failed = atomic_load(&count->failed);

    printf("served %lu, failed %lu\n", served, failed);
    return failed == 0 ? 0 : 1;
}
