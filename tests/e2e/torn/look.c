/*
 * Looks at all keys of places as any program would: lists it, loads each key
 * that is listed, signs with it and checks that with the public half. For each
 * a line: URI, SHA-256 of the public half (16 hex digits), and the number of
 * the secret that opened it, "-" if none was asked for.
 *
 *   torn_look FILE URI...    FILE has a secret a line
 *
 * It fails if one cannot be loaded, naming it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#define N_KEYS 4096
#define N_SECRETS 4

static char secrets[N_SECRETS][256];
static int n_secrets;

/* One secret a load: the one that is *arg's turn. */
struct turn {
    int secret;
    int asked;
};

static int give(char *buf, int size, int writing, void *arg)
{
    struct turn *turn = arg;

    (void)writing;
    if (turn->asked++ > 0 || turn->secret >= n_secrets)
        return -1;
    return snprintf(buf, (size_t)size, "%s", secrets[turn->secret]);
}

static int read_secrets(const char *path)
{
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return 0;
    while (n_secrets < N_SECRETS &&
           fgets(secrets[n_secrets], sizeof(secrets[0]), file) != NULL) {
        secrets[n_secrets][strcspn(secrets[n_secrets], "\n")] = '\0';
        n_secrets++;
    }
    (void)fclose(file);
    return 1;
}

/* The URIs of a place; -1 if it cannot be listed. */
static int list(const char *place, UI_METHOD *ui, char **uris)
{
    struct turn turn = {0};
    int n = 0;
    OSSL_STORE_CTX *store = OSSL_STORE_open(place, ui, &turn, NULL, NULL);

    if (store == NULL)
        return -1;
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL)
            break;
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_NAME &&
            n < N_KEYS)
            uris[n++] = OSSL_STORE_INFO_get1_NAME(info);
        OSSL_STORE_INFO_free(info);
    }
    if (OSSL_STORE_error(store) || !OSSL_STORE_close(store))
        return -1;
    return n;
}

/* Caller frees; NULL if there are more or fewer than one. */
static EVP_PKEY *load_with(const char *uri, UI_METHOD *ui, struct turn *turn)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, ui, turn, NULL, NULL);
    EVP_PKEY *key = NULL;
    int n = 0;

    if (store == NULL || !OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY)) {
        (void)OSSL_STORE_close(store);
        return NULL;
    }
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL)
            break;
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) {
            EVP_PKEY_free(key);
            key = OSSL_STORE_INFO_get1_PKEY(info);
            n++;
        }
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    if (n == 1)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* With each secret in turn. */
static EVP_PKEY *load(const char *uri, UI_METHOD *ui, struct turn *turn)
{
    EVP_PKEY *key = NULL;

    for (int i = 0; key == NULL && i < n_secrets; i++) {
        *turn = (struct turn){.secret = i};
        key = load_with(uri, ui, turn);
    }
    if (key != NULL)
        ERR_clear_error();
    return key;
}

/* The private half signs what the public half, alone, verifies. */
static int halves_match(EVP_PKEY *key, const unsigned char *spki, long len)
{
    static const unsigned char text[] = "what is signed";
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY *public_half = d2i_PUBKEY(NULL, &spki, len);
    unsigned char sig[1024];
    size_t sig_len = sizeof(sig);
    int ok = EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestSign(ctx, sig, &sig_len, text, sizeof(text)) == 1;

    EVP_MD_CTX_free(ctx);
    ctx = EVP_MD_CTX_new();
    ok = ok && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public_half) == 1 &&
         EVP_DigestVerify(ctx, sig, sig_len, text, sizeof(text)) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(public_half);
    return ok;
}

static int look(const char *uri, UI_METHOD *ui)
{
    struct turn turn = {0};
    int ok = 0, len;
    EVP_PKEY *key = load(uri, ui, &turn);
    unsigned char *spki = NULL, digest[EVP_MAX_MD_SIZE];

    len = key != NULL ? i2d_PUBKEY(key, &spki) : -1;
    if (len > 0 && halves_match(key, spki, len) &&
        EVP_Digest(spki, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1) {
        (void)printf("%s ", uri);
        for (int i = 0; i < 8; i++)
            (void)printf("%02x", digest[i]);
        (void)(turn.asked > 0 ? printf(" %d\n", turn.secret + 1)
                              : printf(" -\n"));
        ok = 1;
    }
    OPENSSL_free(spki);
    EVP_PKEY_free(key);
    return ok;
}

/* All keys of PLACE. */
static int look_at_place(const char *place, UI_METHOD *ui)
{
    static char *uris[N_KEYS];
    int n = list(place, ui, uris), ok = n >= 0;

    for (int i = 0; i < n; i++) {
        if (!look(uris[i], ui)) {
            (void)fprintf(stderr, "torn_look: %s\n", uris[i]);
            ok = 0;
        }
        OPENSSL_free(uris[i]);
    }
    ERR_print_errors_fp(stderr);
    return ok;
}

int main(int argc, char **argv)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give, 0);
    int ok = argc > 2 && ui != NULL && read_secrets(argv[1]);

    for (int i = 2; ok && i < argc; i++)
        ok = look_at_place(argv[i], ui);
    UI_destroy_method(ui);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
