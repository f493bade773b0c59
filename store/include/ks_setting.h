/*
 * A section of caadm.conf as backends see it: "key = value" lines, keys in
 * lower case. Values of keys that the configuration does not know itself, as
 * those of a backend's own, are checked by the backend.
 */
#ifndef KS_SETTING_H
#define KS_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One "key = value" line. Borrowed from the configuration. */
struct ks_setting {
    const char *key;
    const char *value;
};

/* The value of KEY among N of them; NULL if it is not there. */
const char *ks_setting_get(const struct ks_setting *settings, size_t n,
                           const char *key);

enum ks_section_kind {
    KS_SECTION_CAADM,
    KS_SECTION_BACKEND,
    KS_SECTION_PROFILE
};

/* One section, in the order of the file. Borrowed from the configuration. */
struct ks_section {
    enum ks_section_kind kind;
    const char *name; /* "" for [caadm] */
    const struct ks_setting *settings;
    size_t n_settings;
};

/* NULL if SECTION (may be NULL) has no such key. */
const char *ks_section_get(const struct ks_section *section, const char *key);

/* Reads "yes", "no", "true", "false", "on", "off", "1", "0" in any case; false
 * if TEXT is none of them. */
bool ks_bool_parse(const char *text, bool *out);

/* PATH itself if absolute, else below DIR. Caller frees with OPENSSL_free;
 * NULL when out of memory. */
char *ks_path_below(const char *dir, const char *path);

#ifdef __cplusplus
}
#endif

#endif
