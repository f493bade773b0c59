/*
 * A fixture with a token of SoftHSM's that is made for the test case. Beside
 * the backends of fixture.h:
 *   hsm     the token HSM_LABEL, its PIN from a file
 *   asking  the same token, PIN from whoever loads
 *   wrong   the same token, a PIN that it refuses
 *   officer the same token, with the SO PIN
 */
#ifndef TEST_HSM_H
#define TEST_HSM_H

#include "fixture.h"
#include "softhsm.h"

#define HSM_LABEL "provider test"
#define HSM_PIN TEST_USER_PIN
#define HSM_WRONG_PIN "99999999"
#define HSM_SO_PIN TEST_SO_PIN

/* What signs on SoftHSM: fixture_kinds without RSA-PSS, but with more curves;
 * up to a NULL. */
extern const char *const hsm_kinds[];

/* The algorithm of one of those: "EC" for curves. */
const char *hsm_algorithm(const char *kind);
/* The digest that suits it; NULL for Edwards keys. */
const char *hsm_digest(const char *kind);

/* Makes the token, then as fixture_open. */
void hsm_open(struct fixture *fixture);
/* The same with providers as fixture_open_with takes them. */
void hsm_open_with(struct fixture *fixture, const char *const names[]);

/* As hsm_open, but there is no token yet. */
void hsm_open_empty(struct fixture *fixture);

/* A new key on the token; URI may be anything that keystore-uri takes, USAGE
 * may be NULL. NULL on failure. */
EVP_PKEY *hsm_make(const struct fixture *fixture, const char *kind,
                   const char *uri, const char *usage);
/* The key in software, of default. */
EVP_PKEY *hsm_make_soft(const struct fixture *fixture, const char *kind);
/* The public half alone, in default's keymgmt. NULL on failure. */
EVP_PKEY *hsm_public(const struct fixture *fixture, const char *uri);

/* Kept as URI: what EVP_PKEY_fromdata with keystore-uri makes of SOFT. */
EVP_PKEY *hsm_import(const struct fixture *fixture, const EVP_PKEY *soft,
                     const char *uri);

/* How many names URI lists; -1 on failure. */
int hsm_count(const struct fixture *fixture, const char *uri);

#endif
