/*
 * Certificates per second from one request, in one process: the CA library
 * with its inventory, commits grouped, against a bare loop that parses and
 * verifies the request, builds, and signs. In turns.
 *
 *   bench_issue REQUEST [SLICES [CERTIFICATES]]
 *
 * Prints NAME, both medians and the median of the pairwise ratios, separated
 * by tabs. Works in a folder of its own below CAADM_HOME, or else the
 * working directory. Both keys are P-256.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "ca.h"
#include "timing.h"

#define SLICES_MAX 1000
#define CERTS_MAX 4096

struct bench {
    struct ca_env env;
    struct ca_authority *authority;
    EVP_PKEY *key;
    X509 *ca;
    unsigned char *csr;
    size_t csr_len;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_issue: %s: %s\n", what, why);
    exit(1);
}

static void must(ks_rc rc, const struct ks_err *err)
{
    if (rc != KS_OK)
        die("ca", err->text);
}

/* --- the bare loop ---------------------------------------------------------
 */

static void bare_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
    if (ext == NULL || X509_add_ext(cert, ext, -1) != 1)
        die("extension", value);
    X509_EXTENSION_free(ext);
}

/* The faster way on OpenSSL 3.0: X509_set_pubkey costs ten signatures. */
static int bare_key(X509_REQ *req, X509 *cert)
{
    ASN1_OBJECT *algorithm;
    const unsigned char *bits;
    X509_ALGOR *alg;
    const ASN1_OBJECT *object;
    const void *value;
    int len, type;

    if (X509_PUBKEY_get0_param(&algorithm, &bits, &len, &alg,
                               X509_REQ_get_X509_PUBKEY(req)) != 1)
        return 0;
    X509_ALGOR_get0(&object, &type, &value, alg);
    return X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(cert),
                                  OBJ_dup(algorithm), type, OBJ_dup(value),
                                  OPENSSL_memdup(bits, (size_t)len), len);
}

static void bare_issue(const struct bench *bench)
{
    const unsigned char *p = bench->csr;
    X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)bench->csr_len);
    X509 *cert = X509_new();
    unsigned char serial[20];
    BIGNUM *number;

    if (req == NULL || cert == NULL ||
        X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
        die("request", "does not verify");
    RAND_bytes(serial, sizeof(serial));
    serial[0] &= 0x7f;
    number = BN_bin2bn(serial, sizeof(serial), NULL);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
    BN_free(number);
    X509_set_version(cert, X509_VERSION_3);
    X509_set_issuer_name(cert, X509_get_subject_name(bench->ca));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                               (const unsigned char *)"host.example.com", -1,
                               -1, 0);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 90 * 86400 - 1);
    if (!bare_key(req, cert))
        die("request", "no key");
    bare_ext(cert, bench->ca, NID_key_usage, "critical,digitalSignature");
    bare_ext(cert, bench->ca, NID_ext_key_usage, "serverAuth");
    bare_ext(cert, bench->ca, NID_subject_alt_name, "DNS:host.example.com");
    bare_ext(cert, bench->ca, NID_subject_key_identifier, "hash");
    bare_ext(cert, bench->ca, NID_authority_key_identifier, "keyid");
    if (X509_sign(cert, bench->key, EVP_sha256()) <= 0)
        die("certificate", "cannot be signed");
    X509_free(cert);
    X509_REQ_free(req);
}

static double bare_slice(const struct bench *bench, size_t n)
{
    double start = bench_now();

    for (size_t i = 0; i < n; i++)
        bare_issue(bench);
    return (double)n / (bench_now() - start);
}

/* --- the CA library ----------------------------------------------------------
 */

static double ca_slice(const struct bench *bench, size_t n)
{
    static const char *const san = "dns:host.example.com";
    static struct ca_issue_spec specs[CERTS_MAX];
    static struct ca_issue_result results[CERTS_MAX];
    static struct ca_csr *csrs[CERTS_MAX];
    struct ks_err err = {0};
    double start = bench_now(), taken;

    for (size_t i = 0; i < n; i++) {
        must(ca_csr_parse(&bench->env, "csr", bench->csr, bench->csr_len,
                          &csrs[i], &err),
             &err);
        specs[i] =
            (struct ca_issue_spec){.csr = csrs[i], .sans = &san, .n_sans = 1};
    }
    must(ca_issue_many(&bench->env, bench->authority, specs, n, results, &err),
         &err);
    taken = bench_now() - start;
    for (size_t i = 0; i < n; i++) {
        ca_issued_clear(&results[i].issued);
        ca_csr_free(csrs[i]);
    }
    return (double)n / taken;
}

/* --- setting up
 * ---------------------------------------------------------------- */

static void read_csr(const char *path, struct bench *bench)
{
    FILE *file = fopen(path, "re");
    X509_REQ *req =
        file == NULL ? NULL : PEM_read_X509_REQ(file, NULL, NULL, NULL);
    int len = req == NULL ? 0 : i2d_X509_REQ(req, &bench->csr);

    if (len <= 0)
        die(path, "not a request");
    bench->csr_len = (size_t)len;
    X509_REQ_free(req);
    fclose(file);
}

static void make_ca(struct bench *bench, const char *dir)
{
    char db[4096], pem[4096], uri[4200];
    struct ks_err err = {0};
    struct ca_issued created;
    struct ca_create_spec spec = {.name = "bench",
                                  .subject = "CN=Bench CA",
                                  .key_uri = uri,
                                  .path_length = -1};
    FILE *file;

    snprintf(db, sizeof(db), "%s/caadm.db", dir);
    snprintf(pem, sizeof(pem), "%s/ca.pem", dir);
    snprintf(uri, sizeof(uri), "file:%s", pem);
    bench->key = EVP_EC_gen("P-256");
    file = fopen(pem, "we");
    if (file == NULL ||
        PEM_write_PrivateKey(file, bench->key, NULL, NULL, 0, NULL, NULL) != 1)
        die(pem, "cannot be written");
    fclose(file);
    must(ks_inventory_open(db, KS_INVENTORY_CREATE, &bench->env.inv, &err),
         &err);
    must(ca_create(&bench->env, &spec, &created, &err), &err);
    ca_issued_clear(&created);
    must(
        ca_authority_open(&bench->env, "bench", false, &bench->authority, &err),
        &err);
    bench->ca = ca_authority_cert(bench->authority);
}

static void remove_all(const char *dir)
{
    static const char *const names[] = {"caadm.db", "caadm.db-wal",
                                        "caadm.db-shm", "caadm.db-owners",
                                        "ca.pem"};
    char path[4096];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static size_t number(const char *text, size_t max)
{
    unsigned long value = strtoul(text, NULL, 10);

    return value < 1 ? 1 : value > max ? max : value;
}

int main(int argc, char **argv)
{
    static double ours[SLICES_MAX], bare[SLICES_MAX], ratios[SLICES_MAX];
    size_t slices = argc > 2 ? number(argv[2], SLICES_MAX) : 11;
    size_t certs = argc > 3 ? number(argv[3], CERTS_MAX) : 256;
    const char *home = getenv("CAADM_HOME");
    struct bench bench = {0};
    char dir[2048];

    if (argc < 2)
        die("usage", "bench_issue REQUEST [SLICES [CERTIFICATES]]");
    snprintf(dir, sizeof(dir), "%s/bench-issue.XXXXXX",
             home != NULL ? home : ".");
    if (mkdtemp(dir) == NULL)
        die(dir, "cannot be made");
    read_csr(argv[1], &bench);
    make_ca(&bench, dir);
    (void)bare_slice(&bench, certs); /* warm up */
    (void)ca_slice(&bench, certs);
    for (size_t i = 0; i < slices; i++) {
        bare[i] = bare_slice(&bench, certs);
        ours[i] = ca_slice(&bench, certs);
        ratios[i] = ours[i] / bare[i];
    }
    printf("P-256\t%.0f\t%.0f\t%.3f\n", bench_median(ours, slices),
           bench_median(bare, slices), bench_median(ratios, slices));
    ca_authority_close(bench.authority);
    ks_inventory_close(bench.env.inv);
    EVP_PKEY_free(bench.key);
    OPENSSL_free(bench.csr);
    remove_all(dir);
    return 0;
}
