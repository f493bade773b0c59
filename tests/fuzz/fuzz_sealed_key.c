/*
 * Key files: whatever is parsed can be written and is parsed again the same;
 * opening it with some passphrase ends with one of the results that the
 * header names.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "file/key_file.h"
#include "fuzz.h"
#include "key_pair.h"
#include "record.h"
#include "seal/seal.h"

static const struct ks_crypto ours = {NULL, NULL};

static void check_unseal(const struct ks_record *record)
{
    const struct ks_buf sealed = ks_record_sealed(record);
    struct ks_secret passphrase = {0}, pkcs8 = {0};
    ks_rc rc;

    if (ks_secret_set(&passphrase, "sesame", 6) != KS_OK)
        return;
    rc = ks_unseal(&ours, &sealed, &passphrase, &pkcs8, NULL);
    if (rc == KS_OK)
        (void)!ks_key_pair_check(&ours, &pkcs8, &record->info.spki, NULL);
    else if (rc != KS_E_SECRET_WRONG && rc != KS_E_DAMAGED &&
             rc != KS_E_UNSUPPORTED && rc != KS_E_NOMEM)
        abort();
    ks_secret_clear(&passphrase);
    ks_secret_clear(&pkcs8);
}

static void check_plain(const struct ks_record *record)
{
    (void)!ks_key_pair_check(&ours, &record->private_half, &record->info.spki,
                             NULL);
}

static void check_again(const struct ks_key_file *file)
{
    struct ks_secret text = {0};
    struct ks_key_file again;
    ks_rc rc =
        ks_key_file_format(&ours, file->name, &file->record, &text, NULL);

    if (rc == KS_E_INVALID) /* larger than it was, and than it may be */
        return;
    if (rc != KS_OK ||
        ks_key_file_parse(&ours, text.data, text.len, &again, NULL) != KS_OK)
        abort();
    if (!ks_record_equal(&again.record, &file->record) ||
        (file->name != NULL && strcmp(again.name, file->name) != 0))
        abort();
    ks_key_file_clear(&again);
    ks_secret_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ks_key_file file;
    struct ks_err err = {0};

    if (ks_key_file_parse(&ours, data, size, &file, &err) == KS_OK) {
        check_again(&file);
        if (file.record.form == KS_FORM_PASSPHRASE)
            check_unseal(&file.record);
        else if (file.record.form == KS_FORM_PLAIN)
            check_plain(&file.record);
    } else if (err.text[0] == '\0') {
        abort();
    }
    ks_key_file_clear(&file);
    if (ERR_peek_error() != 0)
        abort(); /* the caller's error queue is none of our business */
    return 0;
}
