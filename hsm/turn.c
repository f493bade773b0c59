/*
 * Turns among threads by a lock of the token, among processes by a name of an
 * abstract socket (unix(7)): one can have it at a time, it needs no file that
 * somebody must be able to write, and goes when its process does.
 */
#include "turn.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define WAIT_NS 2000000L /* between two tries */
#define TRIES 2500       /* 5 s in all */

/* Abstract names begin with a NUL and have no end but their length. */
static socklen_t name_of(const struct hsm_token *token,
                         struct sockaddr_un *name)
{
    int len;

    memset(name, 0, sizeof(*name));
    name->sun_family = AF_UNIX;
    len = snprintf(name->sun_path + 1, sizeof(name->sun_path) - 1,
                   "caadm-token/%s/%s", hsm_token_serial(token),
                   hsm_token_label(token));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                       (size_t)(len > 0 ? len : 0));
}

void hsm_turn_take(struct hsm_token *token, struct hsm_turn *turn)
{
    const struct timespec pause = {0, WAIT_NS};
    struct sockaddr_un name;
    socklen_t len = name_of(token, &name);

    turn->token = token;
    hsm_token_create_begin(token);
    turn->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (turn->fd < 0)
        return;
    for (unsigned i = 0; i < TRIES; i++) {
        if (bind(turn->fd, (const struct sockaddr *)&name, len) == 0 ||
            errno != EADDRINUSE)
            return;
        (void)nanosleep(&pause, NULL);
    }
}

void hsm_turn_give(struct hsm_turn *turn)
{
    if (turn->fd >= 0)
        (void)close(turn->fd);
    turn->fd = -1;
    hsm_token_create_end(turn->token);
}
