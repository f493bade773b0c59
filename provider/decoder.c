/*
 * DECODER: a key from a URI-PEM, for programs that read PEM files only.
 *
 * Such a file may come from anywhere: of a URI in it nothing but a key is ever
 * loaded, and that by no other code than what is configured.
 *
 * "DER" from "pem" is tried on every PEM file that the process reads, so it
 * looks at the first BEGIN line and no further if that is not its own. What
 * it passes on:
 *   material keys   PKCS#8, which default's decoders make default's key of;
 *   other keys      a mark, while the key itself is "in hand". The mark goes
 *                   to the second decoder, which passes on the key by
 *                   reference. (A reference straight away would reach
 *                   default's own keymgmt where the file was opened by
 *                   default's file: loader.)
 */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>

#include "algs.h"
#include "ask.h"
#include "err.h"
#include "loadkey.h"
#include "locate.h"
#include "soft.h"
#include "uripem.h"

/* How much of a file may precede its first PEM block, and how long a URI-PEM
 * may be: a certificate's text dump, and four times the longest URI. */
#define PREAMBLE_MAX (1024 * 1024)
#define URIPEM_MAX (4 * KS_URI_MAX)

static OSSL_FUNC_decoder_newctx_fn newctx;
static OSSL_FUNC_decoder_freectx_fn freectx;
static OSSL_FUNC_decoder_decode_fn pem_decode;
static OSSL_FUNC_decoder_decode_fn mark_decode;
static OSSL_FUNC_decoder_export_object_fn mark_export;

/* DER: OCTET STRING "keystore". Means nothing but while a key is in hand. */
static const uint8_t mark[] = {0x04, 8, 'k', 'e', 'y', 's', 't', 'o', 'r', 'e'};

/* The key on its way from the one decoder to the other, which libcrypto
 * calls below the first one's callback and so in the same thread. */
static _Thread_local struct prov_key *in_hand;

/* Neither decoder has anything to remember. */
static void *newctx(void *provctx)
{
    return provctx;
}

static void freectx(void *decoderctx)
{
    (void)decoderctx;
}

/* ---- from PEM ---- */

/*
 * Reads IN to its first BEGIN line. Returns the block from there on, for
 * PEM_read_bio(3), if it is a URI-PEM; else NULL.
 */
static BIO *find_block(BIO *in)
{
    static const char begin[] = "-----BEGIN ";
    static const char ours[] = "-----BEGIN " PROV_URIPEM_LABEL "-----";
    static const char end[] = "-----END ";
    char line[256] = "";
    size_t read = 0;
    BIO *block = NULL;
    bool line_starts = true;
    int len;

    while (read < PREAMBLE_MAX &&
           (len = BIO_gets(in, line, sizeof(line))) > 0) {
        read += (size_t)len;
        if (line_starts && strncmp(line, begin, sizeof(begin) - 1) == 0)
            break;
        line_starts = line[len - 1] == '\n';
        line[0] = '\0';
    }
    if (strncmp(line, ours, sizeof(ours) - 1) != 0)
        return NULL;
    block = BIO_new(BIO_s_secmem()); /* a pin-value may be in it */
    for (read = 0; block != NULL && read < URIPEM_MAX; read += (size_t)len)
        if (BIO_write(block, line, len) != len ||
            strncmp(line, end, sizeof(end) - 1) == 0 ||
            (len = BIO_gets(in, line, sizeof(line))) <= 0)
            break;
    OPENSSL_cleanse(line, sizeof(line));
    return block;
}

/* The URI in BLOCK. Caller frees *uri. */
static ks_rc read_block(BIO *block, char **uri, struct ks_err *err)
{
    ks_rc rc;
    char *label = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    int ok;

    ERR_set_mark();
    ok = PEM_read_bio(block, &label, &header, &der, &len);
    ERR_pop_to_mark();
    if (ok <= 0)
        rc =
            ks_fail(err, KS_E_INVALID,
                    "URI-PEM: damaged, cut short or over %d bytes", URIPEM_MAX);
    else if (header[0] != '\0')
        rc = ks_fail(err, KS_E_INVALID, "URI-PEM: has PEM headers");
    else
        rc = prov_uripem_parse(der, (size_t)len, uri, err);
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)len);
    return rc;
}

static bool wants_private(int selection)
{
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

/* True for a source that takes what the program itself has open: a file must
 * not be able to have a server's sockets or its input read, or waited for. */
static bool reads_descriptor(const char *source)
{
    return source != NULL &&
           (strncmp(source, "fd:", 3) == 0 || strcmp(source, "stdin") == 0);
}

/* What PLACE names has to be a key that SELECTION can have, and its secret's
 * source one that a file may choose. */
static ks_rc check_place(const struct prov_place *place, int selection,
                         struct ks_err *err)
{
    const struct ks_uri *uri = &place->uri;

    if (place->listing)
        return ks_fail(err, KS_E_INVALID,
                       "URI-PEM: %s: names a place, not a key",
                       place->canonical);
    if (uri->type == KS_URI_CERT ||
        (uri->type == KS_URI_PUBLIC && wants_private(selection)))
        return ks_fail(err, KS_E_INVALID,
                       "URI-PEM: %s: does not name a private key",
                       place->canonical);
    if (reads_descriptor(uri->pin_source) ||
        reads_descriptor(uri->so_pin_source))
        return ks_fail(err, KS_E_INVALID,
                       "URI-PEM: %s: neither stdin nor a descriptor can be a "
                       "pin-source in a file",
                       place->canonical);
    if (uri->module != NULL &&
        !prov_store_names_module(place->store, uri->module)) {
        ks_hint(err, "name the module in caadm.conf or openssl.cnf");
        return ks_fail(err, KS_E_DENIED,
                       "URI-PEM: %s: a file may not choose the module that is "
                       "loaded",
                       place->canonical);
    }
    return KS_OK;
}

/* The key that URI names, and nothing else that a URI may name. */
static ks_rc load(struct prov_ctx *ctx, const char *text, int selection,
                  struct prov_pw *pw, struct prov_key **key, struct ks_err *err)
{
    struct prov_place place = {0};
    struct ks_ask ask = {prov_pw_get, pw};
    char shown[256];
    ks_rc rc;

    if (!prov_locate_is_ours(text)) {
        ks_uri_redact(text, shown, sizeof(shown));
        return ks_fail(err, KS_E_UNSUPPORTED, "URI-PEM: %s: not a URI of ours",
                       shown);
    }
    rc = prov_place_open(ctx, text, &place, err);
    if (rc != KS_OK)
        return rc;
    rc = check_place(&place, selection, err);
    if (rc == KS_OK)
        rc = prov_load_key(ctx, &place, !wants_private(selection), &ask, key,
                           err);
    prov_place_close(&place);
    return rc;
}

/* TYPE is the key's, for a decoder of that type; NULL for any. */
static int send_data(const char *type, const char *structure,
                     const uint8_t *data, size_t len, OSSL_CALLBACK *cb,
                     void *arg)
{
    int object = OSSL_OBJECT_PKEY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &object),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE,
                                         (char *)structure, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, (void *)data,
                                          len),
        OSSL_PARAM_END, OSSL_PARAM_END};

    if (type != NULL)
        params[3] = OSSL_PARAM_construct_utf8_string(
            OSSL_OBJECT_PARAM_DATA_TYPE, (char *)type, 0);
    return cb(params, arg);
}

/* A key whose bytes may come out. 0 too if nobody takes them, as under the
 * property query provider=keystore. */
static int send_material(struct prov_ctx *ctx, const struct prov_key *key,
                         OSSL_CALLBACK *cb, void *arg)
{
    struct ks_secret pkcs8 = {0};
    int ok;

    ERR_set_mark();
    ok = prov_soft_to_pkcs8(ctx, key->soft, &pkcs8, NULL) == KS_OK &&
         send_data(key->type, "PrivateKeyInfo", pkcs8.data, pkcs8.len, cb, arg);
    if (ok)
        ERR_clear_last_mark();
    else
        ERR_pop_to_mark();
    ks_secret_clear(&pkcs8);
    return ok;
}

static int send_public(struct prov_ctx *ctx, const struct prov_key *key,
                       OSSL_CALLBACK *cb, void *arg)
{
    struct ks_buf spki = {0};
    struct ks_err err = {0};
    ks_rc rc = prov_soft_to_spki(ctx, key->soft, &spki, &err);
    int ok = 0;

    if (rc != KS_OK)
        (void)prov_fail(ctx, rc, &err); /* ok is 0 already */
    else
        ok = send_data(key->type, "SubjectPublicKeyInfo", spki.data, spki.len,
                       cb, arg);
    ks_buf_clear(&spki);
    return ok;
}

static int send_mark(struct prov_key *key, OSSL_CALLBACK *cb, void *arg)
{
    struct prov_key *before = in_hand;
    int ok;

    in_hand = key;
    ok = send_data(NULL, PROV_MARK_STRUCTURE, mark, sizeof(mark), cb, arg);
    in_hand = before;
    return ok;
}

static int send_key(struct prov_ctx *ctx, struct prov_key *key, int selection,
                    OSSL_CALLBACK *cb, void *arg)
{
    if (!wants_private(selection))
        return send_public(ctx, key, cb, arg);
    if (!prov_key_is_operation(key) && send_material(ctx, key, cb, arg))
        return 1;
    return send_mark(key, cb, arg);
}

static int pem_decode(void *decoderctx, OSSL_CORE_BIO *cin, int selection,
                      OSSL_CALLBACK *cb, void *arg,
                      OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    struct prov_ctx *ctx = decoderctx;
    struct prov_pw pw = {pw_cb, pw_arg};
    struct prov_key *key = NULL;
    struct ks_err err = {0};
    char *uri = NULL;
    BIO *in = BIO_new_from_core_bio(ctx->child, cin);
    BIO *block = in == NULL ? NULL : find_block(in);
    int ok = 1; /* nothing of ours is no error */
    ks_rc rc;

    if (block != NULL) {
        rc = read_block(block, &uri, &err);
        if (rc == KS_OK)
            rc = load(ctx, uri, selection, &pw, &key, &err);
        ok = rc == KS_OK ? send_key(ctx, key, selection, cb, arg)
                         : prov_fail(ctx, rc, &err);
    }
    prov_key_unref(key);
    if (uri != NULL) /* may hold a pin-value */
        OPENSSL_clear_free(uri, strlen(uri));
    BIO_free(block);
    BIO_free(in);
    return ok;
}

const OSSL_DISPATCH prov_decoder_pem_functions[] = {
    {OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))newctx},
    {OSSL_FUNC_DECODER_FREECTX, (void (*)(void))freectx},
    {OSSL_FUNC_DECODER_DECODE, (void (*)(void))pem_decode},
    {0, NULL}};

/* ---- from the mark ---- */

static bool is_mark(struct prov_ctx *ctx, OSSL_CORE_BIO *cin)
{
    uint8_t data[sizeof(mark) + 1];
    BIO *in = BIO_new_from_core_bio(ctx->child, cin);
    int len = in == NULL ? 0 : BIO_read(in, data, sizeof(data));

    BIO_free(in);
    return len == (int)sizeof(mark) && memcmp(data, mark, sizeof(mark)) == 0;
}

/* Serves all key types: which one it is, the key in hand knows. */
static int mark_decode(void *decoderctx, OSSL_CORE_BIO *cin, int selection,
                       OSSL_CALLBACK *cb, void *arg,
                       OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
    struct prov_ctx *ctx = decoderctx;
    struct prov_key *key = in_hand;
    int type = OSSL_OBJECT_PKEY, ok;

    (void)selection;
    (void)pw_cb;
    (void)pw_arg;
    if (key == NULL || key->ctx != ctx || !is_mark(ctx, cin))
        return 1;
    prov_key_ref(key);
    {
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
            OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE,
                                             (char *)key->type, 0),
            OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key,
                                              sizeof(key)),
            OSSL_PARAM_END};

        ok = cb(params, arg);
    }
    prov_key_unref(key); /* NULL if our keymgmt took it */
    return ok;
}

/* For another provider's keymgmt; operation keys have nothing for it. */
static int mark_export(void *decoderctx, const void *reference, size_t size,
                       OSSL_CALLBACK *cb, void *arg)
{
    const struct prov_key *key;

    (void)decoderctx;
    if (size != sizeof(key))
        return 0;
    key = *(struct prov_key *const *)reference;
    if (key == NULL || prov_key_is_operation(key))
        return 0;
    return EVP_PKEY_export(key->soft, OSSL_KEYMGMT_SELECT_ALL, cb, arg);
}

const OSSL_DISPATCH prov_decoder_mark_functions[] = {
    {OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))newctx},
    {OSSL_FUNC_DECODER_FREECTX, (void (*)(void))freectx},
    {OSSL_FUNC_DECODER_DECODE, (void (*)(void))mark_decode},
    {OSSL_FUNC_DECODER_EXPORT_OBJECT, (void (*)(void))mark_export},
    {0, NULL}};
