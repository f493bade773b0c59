/*
 * Certificates that lie beside a key.
 */
#ifndef HSM_CERT_H
#define HSM_CERT_H

#include "object.h"

/*
 * The certificate of the key that has ID and SPKI: one with this CKA_ID, or
 * without such any one of this public key. Of several the newest. SPKI.LEN 0:
 * by ID alone. CKR_OK with an empty *cert if there is none. Caller clears.
 */
CK_RV hsm_cert_of(const struct hsm_session *session, const uint8_t *id,
                  size_t id_len, const struct ks_buf *spki,
                  struct ks_buf *cert);

#endif
