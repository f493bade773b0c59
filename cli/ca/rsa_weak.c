/*
 * RSA moduli that are known to be easy: with a small factor, with two factors
 * too close together (Fermat's method, 100 rounds), or made by the Infineon
 * library (ROCA, CVE-2017-15361: "The Return of Coppersmith's Attack", 2017,
 * whose moduli are powers of 65537 modulo every small prime).
 */
#include "strength.h"

#define PRIME_END 752 /* BR 6.1.6: no factor smaller than 752 */
#define ROCA_END 168
#define FERMAT_ROUNDS 100

static bool is_prime(unsigned n)
{
    for (unsigned d = 2; d * d <= n; d++) {
        if (n % d == 0)
            return false;
    }
    return n > 1;
}

static bool has_small_factor(const BIGNUM *n)
{
    for (unsigned p = 2; p < PRIME_END; p++) {
        if (is_prime(p) && BN_mod_word(n, p) == 0)
            return true;
    }
    return false;
}

static bool is_power_of_65537(unsigned residue, unsigned p)
{
    unsigned power = 1;

    do {
        if (power == residue)
            return true;
        power = power * (65537 % p) % p;
    } while (power != 1);
    return false;
}

static bool is_roca(const BIGNUM *n)
{
    for (unsigned p = 3; p < ROCA_END; p++) {
        if (is_prime(p) && !is_power_of_65537((unsigned)BN_mod_word(n, p), p))
            return false;
    }
    return true;
}

/* The largest R with R * R <= N, by Newton's iteration from above. */
static bool square_root(const BIGNUM *n, BIGNUM *r, BN_CTX *ctx)
{
    BIGNUM *next, *rem;
    bool ok = false;

    if (BN_is_zero(n))
        return BN_set_word(r, 0) == 1;
    BN_CTX_start(ctx);
    next = BN_CTX_get(ctx);
    rem = BN_CTX_get(ctx);
    if (rem == NULL || BN_set_word(next, 0) != 1 ||
        BN_set_bit(next, (BN_num_bits(n) + 1) / 2) != 1)
        goto out;
    do {
        if (BN_copy(r, next) == NULL || BN_div(next, rem, n, r, ctx) != 1 ||
            BN_add(next, next, r) != 1 || BN_rshift1(next, next) != 1)
            goto out;
    } while (BN_cmp(next, r) < 0);
    ok = true;
out:
    BN_CTX_end(ctx);
    return ok;
}

/* Most numbers are no square modulo one of these: cheap to tell. */
static bool may_be_square(const BIGNUM *n)
{
    static const unsigned moduli[] = {64, 63, 65, 11, 17, 19, 23, 31};

    for (size_t i = 0; i < sizeof(moduli) / sizeof(moduli[0]); i++) {
        unsigned residue = (unsigned)BN_mod_word(n, moduli[i]);
        bool found = false;

        for (unsigned x = 0; !found && x < moduli[i]; x++)
            found = x * x % moduli[i] == residue;
        if (!found)
            return false;
    }
    return true;
}

/* 1: its factors are close; 0: not; -1: out of memory. N = a^2 - b^2. */
static int is_fermat_weak(const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *a, *rest, *root, *square;
    int result = -1;

    BN_CTX_start(ctx);
    a = BN_CTX_get(ctx);
    rest = BN_CTX_get(ctx);
    root = BN_CTX_get(ctx);
    square = BN_CTX_get(ctx);
    if (square == NULL || !square_root(n, a, ctx))
        goto out;
    for (int i = 0; i <= FERMAT_ROUNDS; i++, (void)BN_add_word(a, 1)) {
        if (BN_sqr(rest, a, ctx) != 1 || BN_sub(rest, rest, n) != 1)
            goto out;
        if (BN_is_negative(rest) || !may_be_square(rest))
            continue;
        if (!square_root(rest, root, ctx) || BN_sqr(square, root, ctx) != 1)
            goto out;
        if (BN_cmp(square, rest) == 0) {
            result = 1;
            goto out;
        }
    }
    result = 0;
out:
    BN_CTX_end(ctx);
    return result;
}

const char *ca_rsa_weakness(const BIGNUM *modulus)
{
    BN_CTX *ctx;
    int fermat;

    if (has_small_factor(modulus))
        return "its modulus has a small factor";
    if (is_roca(modulus))
        return "made by a broken library (ROCA, CVE-2017-15361)";
    ctx = BN_CTX_new();
    fermat = ctx != NULL ? is_fermat_weak(modulus, ctx) : -1;
    BN_CTX_free(ctx);
    if (fermat < 0)
        return "it could not be examined: out of memory";
    return fermat == 1 ? "its factors are too close to each other" : NULL;
}
