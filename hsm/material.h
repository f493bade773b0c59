/*
 * The parts of a private key as Cryptoki wants them.
 */
#ifndef HSM_MATERIAL_H
#define HSM_MATERIAL_H

#include "ks_buf.h"
#include "target.h"
#include "template.h"

#define HSM_MATERIAL_PARTS 8

struct hsm_material {
    const struct hsm_make *make;
    int curve;
    struct ks_buf spki; /* as we write it */
    /* RSA: n, e, d, p, q, dp, dq, qinv. Others: the private number or seed,
     * and nothing else. */
    struct ks_secret parts[HSM_MATERIAL_PARTS];
    struct ks_buf params, point; /* not of RSA; POINT is bare */
};

/*
 * Takes PKCS8 apart, after holding it against SPKI. KS_E_DAMAGED: they are not
 * halves of one key; KS_E_UNSUPPORTED. Caller clears, on failure too.
 */
KS_MUST_CHECK ks_rc hsm_material_read(const struct hsm_target *target,
                                      const struct ks_buf *spki,
                                      const struct ks_secret *pkcs8,
                                      struct hsm_material *material,
                                      struct ks_err *err);
void hsm_material_clear(struct hsm_material *material);

#endif
