/*
 * A TLS handshake between two ends in memory, both with a certificate.
 */
#include "tls.h"

#include <stdio.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/x509.h>

#define DAY (24L * 60 * 60)
#define STEPS_MAX 20

X509 *tls_certificate(OSSL_LIB_CTX *ctx, EVP_PKEY *pkey)
{
    X509 *cert = X509_new_ex(ctx, NULL);
    const char *type = EVP_PKEY_get0_type_name(pkey);
    EVP_MD *md = type[0] == 'E' && type[1] == 'D'
                     ? NULL
                     : EVP_MD_fetch(ctx, "SHA256", NULL);
    X509_NAME *name = X509_NAME_new();
    int ok =
        X509_set_version(cert, X509_VERSION_3) &&
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(cert), DAY) != NULL &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   (const unsigned char *)"test", -1, -1, 0) &&
        X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name) &&
        X509_set_pubkey(cert, pkey) && X509_sign(cert, pkey, md) > 0;

    X509_NAME_free(name);
    EVP_MD_free(md);
    if (!ok) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

/* GROUP first; the others after it, because in TLS 1.2 a certificate's curve
 * must be among the groups as well (RFC 8422, 5.1). */
static int set_groups(SSL_CTX *tls, const char *group)
{
    static const char *const others[] = {"P-256", "P-384", "P-521"};
    char list[64];
    size_t i, used;

    if (group == NULL)
        return 1;
    used = (size_t)snprintf(list, sizeof(list), "%s", group);

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(group, others[i]) != 0)
            used += (size_t)snprintf(list + used, sizeof(list) - used, ":%s",
                                     others[i]);
    return SSL_CTX_set1_groups_list(tls, list) == 1;
}

static SSL *make_end(SSL_CTX *tls, EVP_PKEY *pkey, X509 *cert, int version,
                     const char *group, int server)
{
    X509_STORE *trusted = SSL_CTX_get_cert_store(tls);
    SSL *ssl;

    if (!SSL_CTX_set_min_proto_version(tls, version) ||
        !SSL_CTX_set_max_proto_version(tls, version) ||
        !set_groups(tls, group) || !X509_STORE_add_cert(trusted, cert) ||
        SSL_CTX_use_certificate(tls, cert) != 1 ||
        SSL_CTX_use_PrivateKey(tls, pkey) != 1 ||
        SSL_CTX_check_private_key(tls) != 1)
        return NULL;
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       NULL);
    ssl = SSL_new(tls);
    if (ssl != NULL && server)
        SSL_set_accept_state(ssl);
    else if (ssl != NULL)
        SSL_set_connect_state(ssl);
    return ssl;
}

/* What one end writes, the other reads. */
static int join_ends(SSL *a, SSL *b)
{
    BIO *left = NULL, *right = NULL;

    if (!BIO_new_bio_pair(&left, 0, &right, 0))
        return 0;
    SSL_set_bio(a, left, left);
    SSL_set_bio(b, right, right);
    return 1;
}

static int shake(SSL *client, SSL *server)
{
    char byte = 0;
    int i, ready = 0;

    for (i = 0; i < STEPS_MAX && ready != 2; i++) {
        ready = SSL_do_handshake(client) == 1;
        ready += SSL_do_handshake(server) == 1;
    }
    return ready == 2 && SSL_write(client, "c", 1) == 1 &&
           SSL_read(server, &byte, 1) == 1 && byte == 'c' &&
           SSL_write(server, "s", 1) == 1 && SSL_read(client, &byte, 1) == 1 &&
           byte == 's';
}

int tls_handshake(OSSL_LIB_CTX *ctx, EVP_PKEY *pkey, X509 *cert, int version,
                  const char *group)
{
    SSL_CTX *server_tls = SSL_CTX_new_ex(ctx, NULL, TLS_server_method());
    SSL_CTX *client_tls = SSL_CTX_new_ex(ctx, NULL, TLS_client_method());
    SSL *server = make_end(server_tls, pkey, cert, version, group, 1);
    SSL *client = make_end(client_tls, pkey, cert, version, group, 0);
    int ok = server != NULL && client != NULL && join_ends(client, server) &&
             shake(client, server);

    SSL_free(server);
    SSL_free(client);
    SSL_CTX_free(server_tls);
    SSL_CTX_free(client_tls);
    return ok;
}
