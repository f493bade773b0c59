/*
 * A look at caadm.conf line by line, before iniparser. iniparser 4.1 and 4.2
 * take duplicates (the last wins), cut a value at any ';' or '#', join a line
 * that ends in a backslash, even a comment, with the next, and differ in
 * escapes and in what they make of ']' in a section. What they could read
 * differently from what is written, or from each other, is an error here.
 */
#include "config/config_scan.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "base/text.h"

#define LINE_LEN_MAX 1000 /* iniparser's buffer has 1024 bytes */

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define KEY_CHARACTERS LETTERS "0123456789_.-"

/* Bytes of the text. */
struct span {
    const char *at;
    size_t len;
};

struct scan {
    const char *path;
    struct ks_err *err;
    unsigned line;
    struct span section;
    bool in_section;
    struct span *sections; /* all so far */
    size_t n_sections;
    struct span *keys; /* those of this section so far */
    size_t n_keys;
};

__attribute__((format(printf, 3, 4))) static ks_rc
refuse(const struct scan *scan, struct span key, const char *format, ...)
{
    char why[160];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    if (!scan->in_section)
        return ks_fail(scan->err, KS_E_CONFIG, "%s:%u: %s", scan->path,
                       scan->line, why);
    if (key.len == 0)
        return ks_fail(scan->err, KS_E_CONFIG, "%s:%u: [%.*s]: %s", scan->path,
                       scan->line, (int)scan->section.len, scan->section.at,
                       why);
    return ks_fail(scan->err, KS_E_CONFIG, "%s:%u: [%.*s] %.*s: %s", scan->path,
                   scan->line, (int)scan->section.len, scan->section.at,
                   (int)key.len, key.at, why);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trimmed(struct span span)
{
    while (span.len > 0 && is_blank(span.at[0])) {
        span.at++;
        span.len--;
    }
    while (span.len > 0 && is_blank(span.at[span.len - 1]))
        span.len--;
    return span;
}

static bool has_only(struct span span, const char *characters)
{
    for (size_t i = 0; i < span.len; i++)
        if (span.at[i] == '\0' || strchr(characters, span.at[i]) == NULL)
            return false;
    return true;
}

/* Adds ITEM to a list whose length was N; false if it is there already, in
 * any case. Room for one item a line was made at the start. */
static bool add_once(struct span *list, size_t *n, struct span item)
{
    for (size_t i = 0; i < *n; i++)
        if (list[i].len == item.len &&
            strncasecmp(list[i].at, item.at, item.len) == 0)
            return false;
    list[(*n)++] = item;
    return true;
}

static ks_rc scan_section(struct scan *scan, struct span line)
{
    static const struct span no_key = {NULL, 0};
    struct span name = {line.at + 1, line.len - 1};

    scan->in_section = false;
    if (line.at[line.len - 1] != ']')
        return refuse(scan, no_key,
                      "section line does not end in ']' (a comment goes on a "
                      "line of its own)");
    name.len--;
    name = trimmed(name);
    if (name.len == 0 || !has_only(name, KEY_CHARACTERS " ") ||
        memmem(name.at, name.len, "  ", 2) != NULL)
        return refuse(scan, no_key,
                      "bad section name: letters, digits, '.', '_', '-' and "
                      "single spaces can stand there");
    scan->section = name;
    scan->in_section = true;
    scan->n_keys = 0;
    if (!add_once(scan->sections, &scan->n_sections, name))
        return refuse(scan, no_key, "section is there twice");
    return KS_OK;
}

static bool is_comment(struct span text)
{
    return text.len > 0 && (text.at[0] == ';' || text.at[0] == '#');
}

static ks_rc scan_quoted(const struct scan *scan, struct span key,
                         struct span value)
{
    const char *end = memchr(value.at + 1, value.at[0], value.len - 1);
    struct span rest;

    if (end == NULL)
        return refuse(scan, key, "quote is not closed");
    if (memchr(value.at, '\\', (size_t)(end - value.at)) != NULL)
        return refuse(scan, key, "backslash inside quotes");
    rest.at = end + 1;
    rest.len = value.len - (size_t)(rest.at - value.at);
    rest = trimmed(rest);
    if (rest.len > 0 && !is_comment(rest))
        return refuse(scan, key, "something stands after the closing quote");
    return KS_OK;
}

static ks_rc scan_value(const struct scan *scan, struct span key,
                        struct span value)
{
    if (value.len == 0 || is_comment(value))
        return refuse(scan, key, "has no value");
    if (value.at[0] == '"' || value.at[0] == '\'')
        return scan_quoted(scan, key, value);
    for (size_t i = 1; i < value.len; i++) {
        if (value.at[i] != ';' && value.at[i] != '#')
            continue;
        if (is_blank(value.at[i - 1]))
            break; /* the usual comment after a value */
        return refuse(scan, key,
                      "value has '%c' in it: put it in double quotes",
                      value.at[i]);
    }
    return KS_OK;
}

static ks_rc scan_setting(struct scan *scan, struct span line)
{
    static const struct span no_key = {NULL, 0};
    const char *equals = memchr(line.at, '=', line.len);
    struct span key = {line.at, 0}, value;

    if (equals == NULL)
        return refuse(scan, no_key, "neither a section nor key = value");
    key.len = (size_t)(equals - line.at);
    value.at = equals + 1;
    value.len = line.len - key.len - 1;
    key = trimmed(key);
    if (key.len == 0 || !has_only(key, KEY_CHARACTERS))
        return refuse(scan, no_key,
                      "bad key: letters, digits, '.', '_' and "
                      "'-' can stand there");
    if (!scan->in_section)
        return refuse(scan, no_key, "%.*s stands before any section",
                      (int)key.len, key.at);
    if (!add_once(scan->keys, &scan->n_keys, key))
        return refuse(scan, key, "key is there twice");
    return scan_value(scan, key, trimmed(value));
}

static ks_rc scan_line(struct scan *scan, struct span line)
{
    static const struct span no_key = {NULL, 0};

    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    if (line.len > LINE_LEN_MAX)
        return refuse(scan, no_key, "line is longer than %d bytes",
                      LINE_LEN_MAX);
    line = trimmed(line);
    for (size_t done = 0; done < line.len; done++) { /* past each tab */
        done += ks_text_good(line.at + done, line.len - done);
        if (done < line.len && line.at[done] != '\t')
            return refuse(scan, no_key,
                          "control character, or bytes that are not UTF-8");
    }
    if (line.len == 0)
        return KS_OK;
    if (line.at[line.len - 1] == '\\')
        return refuse(scan, no_key, "line ends in a backslash");
    if (is_comment(line))
        return KS_OK;
    if (line.at[0] == '[')
        return scan_section(scan, line);
    return scan_setting(scan, line);
}

static size_t count_lines(const char *text, size_t len)
{
    size_t lines = 1;

    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

ks_rc ks_config_scan(const char *path, const char *text, size_t len,
                     struct ks_err *err)
{
    size_t lines = count_lines(text, len);
    struct scan scan = {.path = path, .err = err};
    ks_rc rc = KS_E_NOMEM;

    scan.sections = OPENSSL_zalloc(lines * sizeof(*scan.sections));
    scan.keys = OPENSSL_zalloc(lines * sizeof(*scan.keys));
    if (scan.sections == NULL || scan.keys == NULL)
        goto out;
    while (len > 0) {
        const char *newline = memchr(text, '\n', len);
        struct span line = {text,
                            newline != NULL ? (size_t)(newline - text) : len};

        scan.line++;
        rc = scan_line(&scan, line);
        if (rc != KS_OK || newline == NULL)
            goto out;
        text += line.len + 1;
        len -= line.len + 1;
    }
    rc = KS_OK;
out:
    OPENSSL_free(scan.sections);
    OPENSSL_free(scan.keys);
    return rc;
}
