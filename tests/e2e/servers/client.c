/*
 * TLS handshakes with a server of the tests, in turns of TLS 1.2 and 1.3,
 * each with a word that has to come back:
 *   client PORT CERT HANDSHAKES THREADS
 * CERT (a file) is the one that the server has to show. Exits with 1 if one
 * of them failed.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static struct {
    SSL_CTX *ctx;
    struct sockaddr_in address;
    unsigned long wanted;
    atomic_ulong started, done, failed;
} client;

static int connected(void)
{
    struct timeval limit = {.tv_sec = 30};
    static const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&client.address,
                sizeof(client.address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool talk(SSL *ssl, int version, unsigned long number)
{
    char word[32], back[32];
    int len = snprintf(word, sizeof(word), "word %lu", number), got = 0;

    SSL_set_min_proto_version(ssl, version);
    SSL_set_max_proto_version(ssl, version);
    if (SSL_connect(ssl) != 1 || SSL_write(ssl, word, len) != len)
        return false;
    got = SSL_read(ssl, back, sizeof(back));
    return got == len && memcmp(word, back, (size_t)len) == 0;
}

static bool handshake(unsigned long number)
{
    int version = number % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    int fd = connected();
    SSL *ssl = SSL_new(client.ctx);
    bool ok = fd >= 0 && ssl != NULL && SSL_set_fd(ssl, fd) == 1 &&
              talk(ssl, version, number);

    if (ok)
        SSL_shutdown(ssl);
    else
        ERR_print_errors_fp(stderr);
    ERR_clear_error();
    SSL_free(ssl);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Many failures are one fault: it ends early. */
static void *work(void *unused)
{
    for (;;) {
        unsigned long number = atomic_fetch_add(&client.started, 1);

        if (number >= client.wanted || atomic_load(&client.failed) > 20)
            return unused;
        if (handshake(number))
            atomic_fetch_add(&client.done, 1);
        else
            atomic_fetch_add(&client.failed, 1);
    }
}

static bool prepare(char **argv)
{
    client.address.sin_family = AF_INET;
    client.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client.address.sin_port = htons((in_port_t)atoi(argv[1]));
    client.wanted = strtoul(argv[3], NULL, 10);
    client.ctx = SSL_CTX_new(TLS_client_method());
    if (client.ctx == NULL ||
        SSL_CTX_load_verify_file(client.ctx, argv[2]) != 1) {
        ERR_print_errors_fp(stderr);
        return false;
    }
    SSL_CTX_set_verify(client.ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(client.ctx, SSL_SESS_CACHE_OFF);
    return true;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    int n = argc == 5 ? atoi(argv[4]) : 0;

    if (n < 1 || n > 64 || !prepare(argv)) {
        fprintf(stderr, "usage: client PORT CERT HANDSHAKES THREADS\n");
        return 2;
    }
    for (int i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    SSL_CTX_free(client.ctx);
    printf("%lu handshakes, %lu failed\n", atomic_load(&client.done),
           atomic_load(&client.failed));
    return atomic_load(&client.done) == client.wanted ? 0 : 1;
}
