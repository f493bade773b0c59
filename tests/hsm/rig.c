/*
 * Tokens and keys for tests, by direct calls: the code under test that makes
 * keys has tests of its own.
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "fault.h"
#include "object.h"
#include "open.h"
#include "softhsm.h"
#include "test.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static void open_through(struct rig *rig, const char *module)
{
    test_softhsm_token("rig");
    rig->token = open_token(module, "rig");
    if (rig->token == NULL)
        exit(1);
    open_login(rig->token, TEST_USER_PIN);
}

void rig_open(struct rig *rig)
{
    test_softhsm_setup();
    open_through(rig, test_softhsm());
}

void rig_open_faulty(struct rig *rig)
{
    test_softhsm_setup();
    open_through(rig, fault_module());
}

void rig_close(struct rig *rig)
{
    hsm_token_put(rig->token);
    *rig = (struct rig){.token = NULL};
}

/* ---- making keys ---- */

struct making {
    const char *kind;
    const char *label;
    CK_FLAGS uses;
    const CK_ATTRIBUTE *extra;
    size_t n_extra;
};

struct template
{
    CK_ATTRIBUTE rows[24];
    CK_ULONG n;
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void add(struct template *t, CK_ATTRIBUTE_TYPE type, const void *value,
                size_t len)
{
    t->rows[t->n++] = (CK_ATTRIBUTE){type, (void *)value, len};
}

static void add_name(struct template *t, const struct making *m)
{
    add(t, CKA_TOKEN, &yes, sizeof(yes));
    add(t, CKA_LABEL, m->label, strlen(m->label));
    if (m->n_extra == 0 || m->extra[0].type != CKA_ID)
        add(t, CKA_ID, m->label, 1);
}

static void add_use(struct template *t, const struct making *m, CK_FLAGS use,
                    CK_ATTRIBUTE_TYPE type)
{
    add(t, type, (m->uses & use) != 0 ? &yes : &no, sizeof(yes));
}

static bool is_extra(const struct making *m, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < m->n_extra; i++)
        if (m->extra[i].type == type)
            return true;
    return false;
}

static CK_MECHANISM_TYPE generator(const char *kind)
{
    if (strncmp(kind, "RSA:", 4) == 0)
        return CKM_RSA_PKCS_KEY_PAIR_GEN;
    if (strncmp(kind, "ED", 2) == 0 || kind[0] == 'X')
        return CKM_EC_EDWARDS_KEY_PAIR_GEN;
    return CKM_EC_KEY_PAIR_GEN;
}

static CK_RV generate(const struct hsm_session *session, void *arg)
{
    static const uint8_t f4[] = {1, 0, 1};
    const struct making *m = arg;
    CK_MECHANISM mech = {generator(m->kind), NULL, 0};
    struct template private = {.n = 0}, public = {.n = 0};
    CK_OBJECT_HANDLE a, b;
    CK_ULONG bits = (CK_ULONG)strtoul(m->kind + 4, NULL, 10);
    uint8_t oid[32], *at = oid;
    size_t i;

    add_name(&private, m);
    add_name(&public, m);
    add(&private, CKA_PRIVATE, &yes, sizeof(yes));
    if (!is_extra(m, CKA_SENSITIVE))
        add(&private, CKA_SENSITIVE, &yes, sizeof(yes));
    add(&public, CKA_PRIVATE, &no, sizeof(no));
    add_use(&private, m, CKF_SIGN, CKA_SIGN);
    add_use(&private, m, CKF_DECRYPT, CKA_DECRYPT);
    add_use(&private, m, CKF_DERIVE, CKA_DERIVE);
    if (mech.mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN) {
        add(&public, CKA_MODULUS_BITS, &bits, sizeof(bits));
        add(&public, CKA_PUBLIC_EXPONENT, f4, sizeof(f4));
    } else {
        int nid = OBJ_txt2nid(m->kind);

        if (nid == NID_undef)
            nid = EC_curve_nist2nid(m->kind);
        add(&public, CKA_EC_PARAMS, oid,
            (size_t)i2d_ASN1_OBJECT(OBJ_nid2obj(nid), &at));
    }
    for (i = 0; i < m->n_extra; i++)
    private.rows[private.n++] = m->extra[i];
    return session->f->C_GenerateKeyPair(session->handle, &mech, public.rows,
                                         public.n, private.rows, private.n, &a,
                                         &b);
}

bool rig_make(struct rig *rig, const char *kind, const char *label,
              CK_FLAGS uses, const CK_ATTRIBUTE *extra, size_t n)
{
    struct making m = {kind, label, uses, extra, n};
    CK_RV rv = hsm_run(rig->token, HSM_WRITE, generate, &m);

    if (rv != CKR_OK)
        fprintf(stderr, "%s: CKR 0x%lx\n", kind, rv);
    return rv == CKR_OK;
}

static CK_RV destroy(const struct hsm_session *session, void *arg)
{
    const struct hsm_query *query = arg;
    CK_OBJECT_HANDLE handles[8];
    size_t i, n = 0;
    CK_RV rv = hsm_find(session, query, handles, N_OF(handles), &n);

    for (i = 0; rv == CKR_OK && i < n; i++)
        rv = session->f->C_DestroyObject(session->handle, handles[i]);
    return rv;
}

void rig_remove(struct rig *rig, const char *label)
{
    struct hsm_query query = {.label = label};

    CHECK(hsm_run(rig->token, HSM_WRITE, destroy, &query) == CKR_OK);
}

void rig_remove_class(struct rig *rig, const char *label, CK_OBJECT_CLASS class)
{
    struct hsm_query query = {
        .has_class = true, .class = class, .label = label};

    CHECK(hsm_run(rig->token, HSM_WRITE, destroy, &query) == CKR_OK);
}

/* ---- opening them ---- */

ks_rc rig_try_open(struct rig *rig, const char *label, struct rig_key *key,
                   struct ks_err *err)
{
    const struct hsm_name name = {.label = (char *)label};
    struct ks_buf spki = {0};
    char whose[64];
    const unsigned char *at;
    ks_rc rc;

    *key = (struct rig_key){.key = NULL};
    (void)snprintf(whose, sizeof(whose), "keystore://hsm/%s", label);
    rc = hsm_key_open(rig->token, &name, whose, NULL, "provider=default",
                      &key->key, &spki, err);
    if (rc == KS_OK) {
        at = spki.data;
        key->public = d2i_PUBKEY(NULL, &at, (long)spki.len);
        CHECK(key->public != NULL);
    }
    ks_buf_clear(&spki);
    return rc;
}

bool rig_open_key(struct rig *rig, const char *label, struct rig_key *key)
{
    struct ks_err err = {0};

    return CHECK_OK(rig_try_open(rig, label, key, &err), &err);
}

bool rig_key(struct rig *rig, const char *kind, const char *label,
             CK_FLAGS uses, struct rig_key *key)
{
    *key = (struct rig_key){.key = NULL};
    return CHECK(rig_make(rig, kind, label, uses, NULL, 0)) &&
           rig_open_key(rig, label, key);
}

void rig_key_clear(struct rig_key *key)
{
    hsm_key_ops.free(key->key);
    EVP_PKEY_free(key->public);
    *key = (struct rig_key){.key = NULL};
}
