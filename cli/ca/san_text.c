/*
 * GeneralNames back to text, with their prefixes.
 */
#include "ca.h"
#include "texts.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>

/* Bytes of unknown origin: control characters become "?". */
static void print_string(BIO *bio, const ASN1_STRING *string)
{
    const unsigned char *data = ASN1_STRING_get0_data(string);
    int len = ASN1_STRING_length(string);

    for (int i = 0; i < len; i++)
        (void)BIO_printf(bio, "%c",
                         data[i] < 0x20 || data[i] == 0x7f ? '?' : data[i]);
}

static void print_address(BIO *bio, const ASN1_OCTET_STRING *string)
{
    const unsigned char *data = ASN1_STRING_get0_data(string);
    int len = ASN1_STRING_length(string);
    int size = len == 8 ? 4 : len == 32 ? 16 : len; /* with a mask */
    char text[INET6_ADDRSTRLEN] = "?";

    if (size == 4 || size == 16)
        (void)inet_ntop(size == 4 ? AF_INET : AF_INET6, data, text,
                        sizeof(text));
    (void)BIO_printf(bio, "ip:%s", text);
    if (size != len) {
        int bits = 0;

        for (int i = size; i < len; i++)
            bits += __builtin_popcount(data[i]);
        (void)BIO_printf(bio, "/%d", bits);
    }
}

static void print_oid(BIO *bio, const ASN1_OBJECT *object)
{
    char text[128] = "?";

    (void)OBJ_obj2txt(text, sizeof(text), object, 1);
    (void)BIO_puts(bio, text);
}

static void print_other(BIO *bio, const OTHERNAME *other)
{
    const ASN1_TYPE *value = other->value;

    (void)BIO_puts(bio, "other:");
    print_oid(bio, other->type_id);
    (void)BIO_puts(bio, ";");
    if (value != NULL && value->type == V_ASN1_UTF8STRING) {
        (void)BIO_puts(bio, "UTF8:");
        print_string(bio, value->value.utf8string);
    } else if (value != NULL && value->type == V_ASN1_IA5STRING) {
        (void)BIO_puts(bio, "IA5:");
        print_string(bio, value->value.ia5string);
    } else {
        (void)BIO_puts(bio, "...");
    }
}

char *ca_san_text(const GENERAL_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (bio == NULL)
        return NULL;
    switch (name->type) {
    case GEN_DNS:
        (void)BIO_puts(bio, "dns:");
        print_string(bio, name->d.dNSName);
        break;
    case GEN_EMAIL:
        (void)BIO_puts(bio, "email:");
        print_string(bio, name->d.rfc822Name);
        break;
    case GEN_URI:
        (void)BIO_puts(bio, "uri:");
        print_string(bio, name->d.uniformResourceIdentifier);
        break;
    case GEN_IPADD:
        print_address(bio, name->d.iPAddress);
        break;
    case GEN_RID:
        (void)BIO_puts(bio, "rid:");
        print_oid(bio, name->d.registeredID);
        break;
    case GEN_DIRNAME:
        text = ca_name_text(name->d.directoryName);
        (void)BIO_printf(bio, "dirname:%s", text != NULL ? text : "?");
        OPENSSL_free(text);
        break;
    case GEN_OTHERNAME:
        print_other(bio, name->d.otherName);
        break;
    default:
        (void)BIO_printf(bio, "type-%d:...", name->type);
    }
    text = ca_bio_text(bio);
    BIO_free(bio);
    return text;
}
