/*
 * A place to issue in; see fixture.h.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "key.h"
#include "tmpdir.h"

static void open_inventory(struct fixture *f)
{
    CHECK_OK(ks_inventory_open(test_path("caadm.db"), KS_INVENTORY_CREATE,
                               &f->env.inv, &f->err),
             &f->err);
}

void fixture_open(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    open_inventory(f);
}

void fixture_open_again(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    open_inventory(f);
}

void fixture_close(struct fixture *f)
{
    ks_inventory_close(f->env.inv);
    ks_config_close(f->config);
    memset(f, 0, sizeof(*f));
}

void fixture_config(struct fixture *f, const char *text)
{
    test_write("caadm.conf", text, strlen(text), 0600);
    ks_config_close(f->config);
    f->config = NULL;
    CHECK_OK(ks_config_open(test_path("caadm.conf"), &f->config, &f->err),
             &f->err);
    f->env.config = f->config;
}

const char *fixture_key(struct fixture *f, const char *name, const char *type)
{
    static char uri[512];
    char file[64];
    EVP_PKEY *pkey = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len;

    CHECK_OK(ca_key_throw_away(&f->env, type, &pkey, &f->err), &f->err);
    CHECK(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1);
    len = BIO_get_mem_data(bio, &data);
    (void)snprintf(file, sizeof(file), "%s.pem", name);
    test_write(file, data, (size_t)len, 0600);
    (void)snprintf(uri, sizeof(uri), "file:%s", test_path(file));
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return uri;
}

ks_rc fixture_ca(struct fixture *f, const char *name, const char *parent,
                 const char *type, int path_length)
{
    char subject[128];
    struct ca_issued created = {0};
    struct ca_create_spec spec = {.name = name,
                                  .parent = parent,
                                  .subject = subject,
                                  .path_length = path_length};
    ks_rc rc;

    (void)snprintf(subject, sizeof(subject), "CN=Example %s,O=Example", name);
    spec.key_uri = fixture_key(f, name, type);
    memset(&f->err, 0, sizeof(f->err));
    rc = ca_create(&f->env, &spec, &created, &f->err);
    ca_issued_clear(&created);
    return rc;
}

void fixture_cas(struct fixture *f)
{
    CHECK_OK(fixture_ca(f, "root", NULL, "ec:P-256", -1), &f->err);
    CHECK_OK(fixture_ca(f, "issuing", "root", "ec:P-256", 0), &f->err);
}

static void add_exts(X509_REQ *req, const char *const *exts)
{
    STACK_OF(X509_EXTENSION) *stack = sk_X509_EXTENSION_new_null();

    for (; exts != NULL && *exts != NULL; exts += 2)
        (void)sk_X509_EXTENSION_push(
            stack, X509V3_EXT_nconf(NULL, NULL, exts[0], exts[1]));
    if (sk_X509_EXTENSION_num(stack) > 0)
        CHECK(X509_REQ_add_extensions(req, stack) == 1);
    sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
}

X509_REQ *fixture_req(EVP_PKEY *key, const char *subject,
                      const char *const *exts)
{
    X509_REQ *req = X509_REQ_new();
    EVP_PKEY *made = key != NULL ? NULL : EVP_EC_gen("P-256");
    struct ks_err err = {0};
    X509_NAME *name = NULL;
    EVP_PKEY *use = key != NULL ? key : made;
    bool hashes =
        !EVP_PKEY_is_a(use, "ED25519") && !EVP_PKEY_is_a(use, "ED448");

    if (subject != NULL) {
        CHECK_OK(ca_name_parse(subject, &name, &err), &err);
        CHECK(X509_REQ_set_subject_name(req, name) == 1);
        X509_NAME_free(name);
    }
    CHECK(X509_REQ_set_pubkey(req, use) == 1);
    add_exts(req, exts);
    CHECK(X509_REQ_sign(req, use, hashes ? EVP_sha256() : NULL) > 0);
    EVP_PKEY_free(made);
    return req;
}

struct ca_csr *fixture_csr(struct fixture *f, const char *subject,
                           const char *const *exts)
{
    X509_REQ *req = fixture_req(NULL, subject, exts);
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(req, &der);
    struct ca_csr *csr = NULL;

    CHECK_OK(ca_csr_parse(&f->env, "test.csr", der, (size_t)len, &csr, &f->err),
             &f->err);
    OPENSSL_free(der);
    X509_REQ_free(req);
    return csr;
}

ks_rc fixture_issue(struct fixture *f, const char *ca,
                    const struct ca_issue_spec *spec, struct ca_issued *issued)
{
    struct ca_authority *authority = NULL;
    ks_rc rc;

    memset(&f->err, 0, sizeof(f->err));
    memset(issued, 0, sizeof(*issued));
    rc = ca_authority_open(&f->env, ca, false, &authority, &f->err);
    if (rc == KS_OK)
        rc = ca_issue(&f->env, authority, spec, issued, &f->err);
    ca_authority_close(authority);
    return rc;
}

ks_rc fixture_issue_san(struct fixture *f, const char *ca, const char *san,
                        struct ca_issued *issued)
{
    struct ca_csr *csr = fixture_csr(f, NULL, NULL);
    struct ca_issue_spec spec = {.csr = csr, .sans = &san, .n_sans = 1};
    ks_rc rc = fixture_issue(f, ca, &spec, issued);

    ca_csr_free(csr);
    return rc;
}

struct stacks {
    X509_STORE *roots;
    STACK_OF(X509) * others;
};

static ks_rc sort_ca(void *arg, const struct ks_ca_row *row, struct ks_err *err)
{
    struct stacks *stacks = arg;
    const unsigned char *p = row->cert.data;
    X509 *cert = d2i_X509(NULL, &p, (long)row->cert.len);

    (void)err;
    if (row->parent == 0) {
        CHECK(X509_STORE_add_cert(stacks->roots, cert) == 1);
        X509_free(cert);
    } else {
        CHECK(sk_X509_push(stacks->others, cert) > 0);
    }
    return KS_OK;
}

int fixture_verify(struct fixture *f, X509 *cert, int purpose)
{
    struct stacks stacks = {X509_STORE_new(), sk_X509_new_null()};
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int error;

    CHECK_OK(ks_ca_each(f->env.inv, sort_ca, &stacks, &f->err), &f->err);
    CHECK(X509_STORE_CTX_init(ctx, stacks.roots, cert, stacks.others) == 1);
    (void)X509_STORE_CTX_set_purpose(ctx, purpose);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx),
                                X509_V_FLAG_X509_STRICT);
    (void)X509_verify_cert(ctx);
    error = X509_STORE_CTX_get_error(ctx);
    if (error != X509_V_OK)
        (void)fprintf(stderr, "verify: %s (depth %d)\n",
                      X509_verify_cert_error_string(error),
                      X509_STORE_CTX_get_error_depth(ctx));
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(stacks.roots);
    sk_X509_pop_free(stacks.others, X509_free);
    return error;
}

const char *fixture_ext(X509 *cert, int nid)
{
    static char text[1024];
    int at = X509_get_ext_by_NID(cert, nid, -1);
    BIO *bio = BIO_new(BIO_s_mem());
    int len;

    text[0] = '\0';
    if (at >= 0) {
        X509_EXTENSION *ext = X509_get_ext(cert, at);

        if (X509_EXTENSION_get_critical(ext) != 0)
            (void)BIO_puts(bio, "critical ");
        (void)X509V3_EXT_print(bio, ext, 0, 0);
        len = BIO_read(bio, text, sizeof(text) - 1);
        text[len > 0 ? len : 0] = '\0';
    }
    BIO_free(bio);
    return text;
}
