/*
 * A TLS server that forks. Until SIGTERM:
 *   forking before CERT URI  the key is loaded, then four workers are made
 *   forking used CERT URI    as before, and it has signed by then
 *   forking child CERT URI   every worker loads the key itself
 *   forking both CERT URI    it is loaded and used, and then again by workers
 *   forking each CERT URI    one process for each connection
 * Exits with 1 if a handshake failed or a child ended by a signal or with an
 * error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"

enum {
    WORKERS = 4
};

struct server {
    const char *cert;
    const char *uri;
    SSL_CTX *ctx; /* NULL: a worker makes its own */
    int listener;
    struct server_count *count;
};

static bool child_is_well(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFSIGNALED(status))
        fprintf(stderr, "a child died of signal %d\n", WTERMSIG(status));
    else
        fprintf(stderr, "a child ended with %d\n", WEXITSTATUS(status));
    return false;
}

/* Comes back in the child only when it is time to exit, by the usual way. */
static void work(struct server *server)
{
    int fd;

    if (server->ctx == NULL)
        server->ctx = server_context(server->cert, server->uri);
    while ((fd = server_accept(server->listener)) >= 0)
        server_talk(server->ctx, fd, server->count);
}

/* Workers that share the listener. Returns in parent and children alike. */
static bool prefork(struct server *server)
{
    pid_t pids[WORKERS];
    bool well = true;

    for (int i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            work(server);
            SSL_CTX_free(server->ctx);
            exit(0);
        }
    }
    while (!server_stop)
        pause();
    for (int i = 0; i < WORKERS; i++)
        kill(pids[i], SIGTERM);
    for (int i = 0; i < WORKERS; i++) {
        int status = 0;

        waitpid(pids[i], &status, 0);
        well &= child_is_well(status);
    }
    return well;
}

static bool reap(bool all)
{
    bool well = true;
    int status;

    while (waitpid(-1, &status, all ? 0 : WNOHANG) > 0)
        well &= child_is_well(status);
    return well;
}

static bool fork_for_each(struct server *server)
{
    bool well = true;
    int fd;

    while ((fd = server_accept(server->listener)) >= 0) {
        pid_t pid = fork();

        if (pid == 0) {
            close(server->listener);
            server_talk(server->ctx, fd, server->count);
            SSL_CTX_free(server->ctx);
            exit(0);
        }
        close(fd);
        well &= pid > 0;
        well &= reap(false);
    }
    well &= reap(true);
    return well;
}

static const struct mode {
    const char *name;
    bool load, use, drop;
    bool (*serve)(struct server *server);
} modes[] = {
    {"before", true, false, false, prefork},
    {"used", true, true, false, prefork},
    {"child", false, false, false, prefork},
    {"both", true, true, true, prefork},
    {"each", true, false, false, fork_for_each},
};

static int run(const struct mode *mode, struct server *server)
{
    bool well;

    server_catch_sigterm();
    server->count = server_count_new();
    if (mode->load)
        server->ctx = server_context(server->cert, server->uri);
    if (mode->use)
        server_use_key(server->ctx);
    if (mode->drop) {
        SSL_CTX_free(server->ctx);
        server->ctx = NULL;
    }
    server->listener = server_listen();
    well = mode->serve(server);
    SSL_CTX_free(server->ctx);
    return server_report(server->count) == 0 && well ? 0 : 1;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 4 && i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(argv[1], modes[i].name) == 0) {
            struct server server = {.cert = argv[2], .uri = argv[3]};

            return run(&modes[i], &server);
        }
    fprintf(stderr, "usage: forking before|used|child|both|each CERT URI\n");
    return 2;
}
