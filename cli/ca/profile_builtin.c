/*
 * The profiles that are there without any configuration. Key usages are those
 * of RFC 5280, 4.2.1.3 and 4.2.1.12; what a key's algorithm cannot do is left
 * out when issuing (RFC 5480, 3; RFC 8410, 5). NSS accepts an RSA key for a
 * server only with keyEncipherment.
 */
#include "profile.h"

const struct ca_profile_row ca_profile_rows[] = {
    {.name = "server",
     .description = "TLS server",
     .days = 90,
     .exts = {{"keyUsage", "critical,digitalSignature,keyEncipherment"},
              {"extendedKeyUsage", "serverAuth"}}},
    {.name = "client",
     .description = "TLS client",
     .days = 365,
     .exts = {{"keyUsage", "critical,digitalSignature"},
              {"extendedKeyUsage", "clientAuth"}}},
    {.name = "peer",
     .description = "TLS server and client in one",
     .days = 90,
     .exts = {{"keyUsage", "critical,digitalSignature,keyEncipherment"},
              {"extendedKeyUsage", "serverAuth,clientAuth"}}},
    {.name = "email",
     .description = "S/MIME: signed and encrypted mail",
     .days = 365,
     .exts = {{"keyUsage", "critical,digitalSignature,keyEncipherment,"
                           "keyAgreement"},
              {"extendedKeyUsage", "emailProtection"}}},
    {.name = "codesign",
     .description = "signatures on programs",
     .days = 365,
     .exts = {{"keyUsage", "critical,digitalSignature"},
              {"extendedKeyUsage", "codeSigning"}}},
    /* RFC 6960, 4.2.2.2: not checked itself, so it must be short-lived */
    {.name = "ocsp",
     .description = "OCSP responder of its CA",
     .days = 14,
     .exts = {{"keyUsage", "critical,digitalSignature"},
              {"extendedKeyUsage", "OCSPSigning"},
              {"noCheck", "ignored"}}},
    /* RFC 3161, 2.3: the one usage, and critical */
    {.name = "timestamp",
     .description = "time-stamping authority",
     .days = 1825,
     .exts = {{"keyUsage", "critical,digitalSignature"},
              {"extendedKeyUsage", "critical,timeStamping"}}},
    {.name = "ca",
     .description = "certification authority",
     .days = 1825,
     .exts = {{"basicConstraints", "critical,CA:TRUE"},
              {"keyUsage", "critical,keyCertSign,cRLSign"}}},
};
const size_t ca_profile_n_rows =
    sizeof(ca_profile_rows) / sizeof(ca_profile_rows[0]);
