/*
 * Refused PINs, as digests salted for this process. A table of fixed size: a
 * token locks long before it is full, and what it then forgets is the oldest.
 */
#include "pin.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "gate.h"

#define REFUSED_MAX 64
#define DIGEST_SIZE 32 /* SHA-256 */

static unsigned char refused[REFUSED_MAX][DIGEST_SIZE];
static size_t n_refused;
static unsigned char salt[DIGEST_SIZE];
static bool is_salted;

struct question {
    unsigned char salt[DIGEST_SIZE];
    CK_USER_TYPE user;
    char label[33];
    char serial[17];
    unsigned char pin[KS_SECRET_MAX];
};

static bool get_salt(unsigned char *out)
{
    unsigned char fresh[DIGEST_SIZE];

    if (RAND_bytes(fresh, sizeof(fresh)) != 1)
        return false;
    hsm_lists_lock();
    if (!is_salted)
        memcpy(salt, fresh, sizeof(salt));
    is_salted = true;
    memcpy(out, salt, sizeof(salt));
    hsm_lists_unlock();
    return true;
}

static bool digest(const struct hsm_token *token, CK_USER_TYPE user,
                   const struct ks_secret *pin, unsigned char *out)
{
    struct question question;
    bool done;

    memset(&question, 0, sizeof(question)); /* padding as well */
    question.user = user;
    (void)OPENSSL_strlcpy(question.label, hsm_token_label(token),
                          sizeof(question.label));
    (void)OPENSSL_strlcpy(question.serial, hsm_token_serial(token),
                          sizeof(question.serial));
    memcpy(question.pin, pin->data,
           pin->len < KS_SECRET_MAX ? pin->len : KS_SECRET_MAX);
    done = get_salt(question.salt) &&
           EVP_Q_digest(NULL, "SHA256", NULL, &question, sizeof(question), out,
                        NULL) == 1;
    OPENSSL_cleanse(&question, sizeof(question));
    return done;
}

bool hsm_pin_was_refused(const struct hsm_token *token, CK_USER_TYPE user,
                         const struct ks_secret *pin)
{
    unsigned char wanted[DIGEST_SIZE];
    bool found = false;
    size_t n;

    hsm_lists_lock();
    n = n_refused;
    hsm_lists_unlock();
    if (n == 0 || !digest(token, user, pin, wanted))
        return false;
    hsm_lists_lock();
    for (size_t i = 0; i < REFUSED_MAX && i < n_refused; i++)
        found |= CRYPTO_memcmp(refused[i], wanted, sizeof(wanted)) == 0;
    hsm_lists_unlock();
    return found;
}

void hsm_pin_refused(const struct hsm_token *token, CK_USER_TYPE user,
                     const struct ks_secret *pin)
{
    unsigned char one[DIGEST_SIZE];

    if (!digest(token, user, pin, one))
        return;
    hsm_lists_lock();
    memcpy(refused[n_refused++ % REFUSED_MAX], one, sizeof(one));
    hsm_lists_unlock();
}
