/*
 * What the TLS servers of the tests share. Plain libssl: nothing here knows
 * our provider, which openssl.cnf activates.
 */
#ifndef E2E_SERVER_H
#define E2E_SERVER_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <openssl/ssl.h>

/* Counted by all processes and threads of a server. */
struct server_count {
    atomic_ulong served;
    atomic_ulong failed;
};

/* In memory that children share. */
struct server_count *server_count_new(void);

/* Set by SIGTERM, which also ends accept(). */
extern volatile sig_atomic_t server_stop;
void server_catch_sigterm(void);

/* A context with the certificate CERT (a file) and the private key URI. Stops
 * the program with a text if there is none. */
SSL_CTX *server_context(const char *cert, const char *uri);

/* Signs and verifies once with the context's key; stops the program if that
 * fails. */
void server_use_key(SSL_CTX *ctx);

/* Listens on a free port of 127.0.0.1 and tells it: "ACCEPT 127.0.0.1:N". */
int server_listen(void);

/* A connection, or -1 when it is time to stop. */
int server_accept(int listener);

/* Serves one client (handshake, a word that is sent back) and closes FD. */
void server_talk(SSL_CTX *ctx, int fd, struct server_count *count);

/* Says what was served; the exit code. */
int server_report(const struct server_count *count);

#endif
