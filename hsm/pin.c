/*
 * Refused PINs, as salted digests in memory that is shared with children made
 * later: the workers of a server all have the PIN that it had. A table of
 * fixed size: a token locks long before it is full, and what it then forgets
 * is the oldest.
 */
#include "pin.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define REFUSED_MAX 64
#define DIGEST_SIZE 32 /* SHA-256 */
#define TURN_SECONDS 5

/* Locks are of processes, and outlive one that dies with them. */
struct shared {
    pthread_mutex_t turn;
    pthread_mutex_t lock; /* of all below; held for moments */
    unsigned char salt[DIGEST_SIZE];
    unsigned char refused[REFUSED_MAX][DIGEST_SIZE];
    size_t n_refused;
    bool blind; /* one could not be written down: no PIN is tried any more */
};

static struct shared *shared;
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct question {
    unsigned char salt[DIGEST_SIZE];
    CK_USER_TYPE user;
    char label[33];
    char serial[17];
    unsigned char pin[KS_SECRET_MAX];
};

static void share(void)
{
    static struct shared own; /* where there is no memory to share */
    pthread_mutexattr_t attributes;
    void *memory = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    shared = memory == MAP_FAILED ? &own : memory;
    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    (void)pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    (void)pthread_mutex_init(&shared->turn, &attributes);
    (void)pthread_mutex_init(&shared->lock, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    shared->blind = RAND_bytes(shared->salt, sizeof(shared->salt)) != 1;
}

static bool is_mine(pthread_mutex_t *mutex, int result)
{
    if (result == EOWNERDEAD) /* what it guards is whole at every moment */
        result = pthread_mutex_consistent(mutex);
    return result == 0;
}

static bool lock_table(void)
{
    (void)pthread_once(&once, share);
    return is_mine(&shared->lock, pthread_mutex_lock(&shared->lock));
}

static void unlock_table(void)
{
    (void)pthread_mutex_unlock(&shared->lock);
}

static bool digest(const struct hsm_token *token, CK_USER_TYPE user,
                   const struct ks_secret *pin, unsigned char *out)
{
    struct question question;
    bool done;

    memset(&question, 0, sizeof(question)); /* padding as well */
    memcpy(question.salt, shared->salt, sizeof(question.salt));
    question.user = user;
    (void)OPENSSL_strlcpy(question.label, hsm_token_label(token),
                          sizeof(question.label));
    (void)OPENSSL_strlcpy(question.serial, hsm_token_serial(token),
                          sizeof(question.serial));
    memcpy(question.pin, pin->data,
           pin->len < KS_SECRET_MAX ? pin->len : KS_SECRET_MAX);
    done = EVP_Q_digest(NULL, "SHA256", NULL, &question, sizeof(question), out,
                        NULL) == 1;
    OPENSSL_cleanse(&question, sizeof(question));
    return done;
}

bool hsm_pin_was_refused(const struct hsm_token *token, CK_USER_TYPE user,
                         const struct ks_secret *pin)
{
    unsigned char wanted[DIGEST_SIZE];
    bool found, blind;
    size_t n;

    if (!lock_table())
        return true;
    n = shared->n_refused;
    blind = shared->blind;
    unlock_table();
    if (n == 0 || blind)
        return blind;
    if (!digest(token, user, pin, wanted) || !lock_table())
        return true;
    found = shared->blind;
    for (size_t i = 0; i < REFUSED_MAX && i < shared->n_refused; i++)
        found |= CRYPTO_memcmp(shared->refused[i], wanted, sizeof(wanted)) == 0;
    unlock_table();
    return found;
}

void hsm_pin_refused(const struct hsm_token *token, CK_USER_TYPE user,
                     const struct ks_secret *pin)
{
    unsigned char one[DIGEST_SIZE];
    bool known;

    (void)pthread_once(&once, share);
    known = digest(token, user, pin, one);
    if (!lock_table())
        return;
    if (known) {
        memcpy(shared->refused[shared->n_refused % REFUSED_MAX], one,
               sizeof(one));
        shared->n_refused++;
    } else {
        shared->blind = true;
    }
    unlock_table();
}

void hsm_pin_turn_take(struct hsm_pin_turn *turn)
{
    struct timespec until;

    (void)pthread_once(&once, share);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += TURN_SECONDS;
    turn->taken =
        is_mine(&shared->turn, pthread_mutex_timedlock(&shared->turn, &until));
}

void hsm_pin_turn_give(struct hsm_pin_turn *turn)
{
    if (turn->taken)
        (void)pthread_mutex_unlock(&shared->turn);
    turn->taken = false;
}
