/*
 * Doctor: keys that other keys are sealed to. When one is missing nobody
 * notices, until a key is made, or until the last of them is wanted.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "ca/ca.h"
#include "doctor.h"
#include "ks_uri.h"

#define CHECK_SEAL "seal_to"
#define FILE_SCHEME "file:"
#define FILE_MAX (256 * 1024) /* bytes; the provider reads no larger one */
#define SHOWN_MAX 200         /* bytes of a URI in a finding */

struct look {
    struct doctor *doctor;
    struct ca_env env;
    const char *name; /* of the backend */
    size_t keys;
    size_t bad;
    bool opens; /* one is more than a public half in a file */
};

/* What a file holds. */
struct content {
    bool public;  /* a key that others can be sealed to */
    bool private; /* one that opens them, under a passphrase or not */
    bool plain;   /* and not under one */
};

/* The hint for a key that is not there. */
static const char *hint_missing(const struct look *look)
{
    return doctor_hint(look->doctor,
                       "make it, restore it, or correct seal_to in [backend "
                       "%s] of %s%s",
                       look->name, ks_config_path(look->doctor->config),
                       look->keys == 1 ? ""
                                       : "; keys open as long as another that "
                                         "they are sealed to is there");
}

/* ---- files ---- */

static bool is_public(const struct look *look, const char *label,
                      const unsigned char *der, long len)
{
    const struct ca_env *env = &look->env;
    EVP_PKEY *pkey = NULL;
    X509 *cert = NULL;

    if (strcmp(label, PEM_STRING_PUBLIC) == 0) {
        pkey = d2i_PUBKEY_ex(NULL, &der, len, env->libctx, env->propq);
    } else if (strcmp(label, PEM_STRING_PKCS8INF) == 0) {
        pkey = d2i_AutoPrivateKey_ex(NULL, &der, len, env->libctx, env->propq);
    } else if (strcmp(label, PEM_STRING_X509) == 0) {
        cert = d2i_X509(NULL, &der, len);
        pkey = cert != NULL ? X509_get_pubkey(cert) : NULL;
    }
    X509_free(cert);
    EVP_PKEY_free(pkey);
    return pkey != NULL;
}

static void look_at_block(const struct look *look, const char *label,
                          const unsigned char *der, long len,
                          struct content *content)
{
    bool plain = strcmp(label, PEM_STRING_PKCS8INF) == 0;

    content->plain |= plain;
    content->private |= plain || strcmp(label, PEM_STRING_PKCS8) == 0;
    content->public |= is_public(look, label, der, len);
}

static struct content read_content(const struct look *look, int fd)
{
    struct content content = {0};
    BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);
    char *label = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;

    while (bio != NULL && PEM_read_bio_ex(bio, &label, &header, &der, &len,
                                          PEM_FLAG_SECURE) == 1) {
        if (header[0] == '\0') /* else encrypted, RFC 1421 */
            look_at_block(look, label, der, len, &content);
        OPENSSL_secure_free(label);
        OPENSSL_secure_free(header);
        OPENSSL_secure_clear_free(der, (size_t)len);
    }
    ERR_clear_error();
    BIO_free(bio);
    return content;
}

/* What the provider refuses, and a private key that anyone can read. */
static ks_rc check_content(struct look *look, const char *path, mode_t mode,
                           const struct content *content, struct ks_err *err)
{
    struct doctor *doctor = look->doctor;

    look->opens |= content->private;
    if (content->public && (!content->plain || (mode & 077) == 0))
        return KS_OK;
    look->bad++;
    if (content->public)
        return doctor_say(doctor, false, CHECK_SEAL,
                          doctor_chmod(doctor, "go-rwx", path), err,
                          "seal_to of %s: others can read %s (mode %04o), "
                          "which has a private key that opens its keys",
                          look->name, path, (unsigned)mode & 07777);
    return doctor_say(doctor, false, CHECK_SEAL,
                      "openssl pkey -in KEY -pubout makes what belongs there",
                      err,
                      "seal_to of %s: %s has no public key, certificate or "
                      "unencrypted private key (PEM)",
                      look->name, path);
}

static ks_rc check_open(struct look *look, const char *path, int fd,
                        struct ks_err *err)
{
    struct doctor *doctor = look->doctor;
    struct content content;
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
        look->bad++;
        return doctor_say(doctor, false, CHECK_SEAL, hint_missing(look), err,
                          "seal_to of %s: %s is no regular file of at most %d "
                          "bytes",
                          look->name, path, FILE_MAX);
    }
    content = read_content(look, fd);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
        (st.st_uid == 0 || st.st_uid == geteuid()))
        return check_content(look, path, st.st_mode, &content, err);
    look->bad++;
    look->opens |= content.private;
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return doctor_say(doctor, false, CHECK_SEAL,
                          doctor_chmod(doctor, "go-w", path), err,
                          "seal_to of %s: %s can be changed by others (mode "
                          "%04o), who would read what is sealed to it: look "
                          "whether it is still the right one",
                          look->name, path, (unsigned)st.st_mode & 07777);
    return doctor_say(doctor, false, CHECK_SEAL,
                      "look whether it is still the right one, then chown it "
                      "to root or yourself",
                      err,
                      "seal_to of %s: %s belongs to somebody else (uid %lu), "
                      "who would read what is sealed to it",
                      look->name, path, (unsigned long)st.st_uid);
}

/* RFC 8089, 2: file:/path or file:///path. */
static ks_rc check_file(struct look *look, const char *uri, struct ks_err *err)
{
    const char *path = uri + strlen(FILE_SCHEME);
    ks_rc rc;
    int fd;

    if (strncmp(path, "///", 3) == 0)
        path += 2;
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        int why = errno;

        look->bad++;
        return doctor_say(
            look->doctor, false, CHECK_SEAL,
            why == EACCES ? "let who uses caadm read it" : hint_missing(look),
            err, "seal_to of %s: %s: %s", look->name, path, strerror(why));
    }
    rc = check_open(look, path, fd, err);
    (void)close(fd); /* read only */
    return rc;
}

/* ---- keys of backends and tokens ---- */

static ks_rc check_key(struct look *look, const char *uri, struct ks_err *err)
{
    char shown[SHOWN_MAX];
    struct ks_err why = {0};
    EVP_PKEY *pkey = NULL;
    bool named;
    ks_rc rc = ca_key_load_public(&look->env, uri, &pkey, &why);

    EVP_PKEY_free(pkey);
    look->opens = true; /* or would, were it there */
    if (rc == KS_OK)
        return KS_OK;
    if (rc == KS_E_INTERRUPTED || rc == KS_E_NOMEM) {
        *err = why;
        return rc;
    }
    look->bad++;
    if (rc == KS_E_DENIED && look->doctor->open_told)
        return KS_OK;
    ks_uri_redact(uri, shown, sizeof(shown));
    named = strstr(why.text, shown) != NULL;
    return doctor_say(look->doctor, false, CHECK_SEAL,
                      rc == KS_E_NOT_FOUND || why.hint[0] == '\0'
                          ? hint_missing(look)
                          : why.hint,
                      err, "seal_to of %s: %s%s%s", look->name,
                      named ? "" : shown, named ? "" : ": ", why.text);
}

/* ---- lists ---- */

static ks_rc check_list(struct look *look, const char *list, struct ks_err *err)
{
    const char *uri, *rest = list;
    size_t len = 0;
    ks_rc rc = KS_OK;

    while (ks_uri_next(&rest, &len) != NULL)
        look->keys++;
    while (rc == KS_OK && (uri = ks_uri_next(&list, &len)) != NULL) {
        char *copy = OPENSSL_strndup(uri, len);

        if (copy == NULL)
            rc = ks_fail(err, KS_E_NOMEM, "%s: out of memory", look->name);
        else if (strncasecmp(copy, FILE_SCHEME, strlen(FILE_SCHEME)) == 0)
            rc = check_file(look, copy, err);
        else if (ca_key_uri_is_ours(copy))
            rc = check_key(look, copy, err);
        else
            look->bad++; /* its backend does not open: doctor_backends told */
        OPENSSL_free(copy);
    }
    return rc;
}

static ks_rc check_backend(struct look *look, const char *list,
                           struct ks_err *err)
{
    struct doctor *doctor = look->doctor;
    ks_rc rc;

    look->keys = 0;
    look->bad = 0;
    look->opens = false;
    rc = check_list(look, list, err);
    if (rc != KS_OK || look->bad > 0)
        return rc;
    if (!look->opens)
        return doctor_say(
            doctor, false, CHECK_SEAL,
            doctor_hint(doctor,
                        "name a key beside it in seal_to in [backend %s] of "
                        "%s that can be used now, such as one on a token",
                        look->name, ks_config_path(doctor->config)),
            err,
            "seal_to of %s: only public halves in files; nothing here opens "
            "what is sealed to them",
            look->name);
    return doctor_say(doctor, true, CHECK_SEAL, NULL, err,
                      "seal_to of %s: %zu key%s %s there", look->name,
                      look->keys, look->keys == 1 ? "" : "s",
                      look->keys == 1 ? "is" : "are");
}

ks_rc doctor_seal(struct doctor *doctor, struct ks_err *err)
{
    struct look look = {.doctor = doctor};
    ks_rc rc = KS_OK;

    if (doctor->config == NULL || doctor->cli->keystore_provider == NULL)
        return KS_OK; /* which was told */
    look.env.config = doctor->config;
    for (size_t i = 0; rc == KS_OK && i < ks_config_count(doctor->config);
         i++) {
        const struct ks_section *section = ks_config_at(doctor->config, i);
        const char *list = ks_section_get(section, "seal_to");

        if (section->kind != KS_SECTION_BACKEND || list == NULL)
            continue;
        look.name = section->name;
        rc = check_backend(&look, list, err);
    }
    return rc;
}
