/*
 * A TLS server with four threads. Until SIGTERM:
 *   threaded shared CERT URI   all use one context and its key
 *   threaded own CERT URI      each has loaded the key for itself
 *   threaded each CERT URI     the key is loaded for every connection
 * Exits with 1 if a handshake failed.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

enum {
    THREADS = 4
};

struct server {
    const char *cert;
    const char *uri;
    SSL_CTX *shared;
    bool each;
    int listener;
    struct server_count *count;
};

static void serve_anew(const struct server *server, int fd)
{
    SSL_CTX *ctx = server_context(server->cert, server->uri);

    server_talk(ctx, fd, server->count);
    SSL_CTX_free(ctx);
}

static void *work(void *arg)
{
    const struct server *server = arg;
    SSL_CTX *ctx = server->shared;
    int fd;

    if (ctx == NULL && !server->each)
        ctx = server_context(server->cert, server->uri);
    while ((fd = server_accept(server->listener)) >= 0)
        if (server->each)
            serve_anew(server, fd);
        else
            server_talk(ctx, fd, server->count);
    if (ctx != server->shared)
        SSL_CTX_free(ctx);
    return NULL;
}

/* SIGTERM comes to this thread only; shutdown ends accept() in the others. */
static int run(struct server *server)
{
    pthread_t threads[THREADS];
    sigset_t term, before;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, &before);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, server);
    while (!server_stop)
        sigsuspend(&before);
    shutdown(server->listener, SHUT_RDWR);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SSL_CTX_free(server->shared);
    return server_report(server->count);
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"shared", "own", "each"};

    for (size_t i = 0; argc == 4 && i < 3; i++)
        if (strcmp(argv[1], modes[i]) == 0) {
            struct server server = {.cert = argv[2], .uri = argv[3]};

            server_catch_sigterm();
            server.each = i == 2;
            server.count = server_count_new();
            if (i == 0)
                server.shared = server_context(argv[2], argv[3]);
            server.listener = server_listen();
            return run(&server);
        }
    fprintf(stderr, "usage: threaded shared|own|each CERT URI\n");
    return 2;
}
