/*
 * New seals for keys that are kept.
 */
#include "material_own.h"

#include "record.h"
#include "seal/unlock.h"

/* Passes questions on, and remembers the last answer: the one that opened. */
struct memory {
    const struct ks_ask *ask;
    struct ks_secret last;
};

static ks_rc remember(void *arg, const struct ks_question *question,
                      struct ks_secret *secret, struct ks_err *err)
{
    struct memory *memory = arg;
    ks_rc rc = memory->ask == NULL || memory->ask->get == NULL
                   ? KS_E_SECRET_MISSING
                   : memory->ask->get(memory->ask->arg, question, secret, err);

    if (rc == KS_OK)
        rc = ks_secret_set(&memory->last, secret->data, secret->len);
    if (rc == KS_OK)
        memory->last.random = secret->random;
    return rc;
}

/* Answers what is known already, once. */
static ks_rc known(void *arg, const struct ks_question *question,
                   struct ks_secret *secret, struct ks_err *err)
{
    const struct ks_secret *passphrase = arg;
    ks_rc rc;

    (void)err;
    if (question->attempt > 0)
        return KS_E_SECRET_MISSING;
    rc = ks_secret_set(secret, passphrase->data, passphrase->len);
    secret->random = passphrase->random;
    return rc;
}

/* One resealing: the wanted seal, and the passphrases of both. */
struct resealing {
    const struct ks_target *target;
    const struct ks_sealing *sealing;
    const struct ks_reseal *how;
    struct memory old;
    struct ks_secret passphrase; /* the new one; empty: not asked for yet */
    struct ks_secret pkcs8;
    bool current; /* nothing is to be done */
};

static ks_rc ask_new(struct resealing *resealing, bool quiet,
                     struct ks_err *err)
{
    if (resealing->passphrase.len > 0 ||
        ks_sealing_form(resealing->sealing) != KS_FORM_PASSPHRASE)
        return KS_OK;
    return ks_new_passphrase(resealing->target->uri, resealing->how->new_ask,
                             quiet, &resealing->passphrase, err);
}

/* The old passphrase does not open the key, RC says: a series of resealings
 * that was broken off may have given it the new one already. */
static ks_rc open_by_new(struct resealing *resealing, ks_rc rc,
                         const struct ks_err *why, struct ks_err *err)
{
    const struct ks_target *target = resealing->target;
    struct ks_ask ask = {known, &resealing->passphrase};

    if ((rc == KS_E_SECRET_WRONG || rc == KS_E_SECRET_MISSING) &&
        target->record.form == KS_FORM_PASSPHRASE &&
        ask_new(resealing, true, NULL) == KS_OK &&
        ks_target_open(target, NULL, true, &ask, &resealing->pkcs8, NULL) ==
            KS_OK) {
        resealing->current = ks_sealing_fits(
            resealing->sealing, &target->record, &resealing->passphrase);
        return KS_OK;
    }
    if (why->hint[0] != '\0')
        ks_hint(err, "%s", why->hint);
    return ks_fail(err, rc, "%s", why->text);
}

/* What opens it was drawn, as the place wants it. A new one is drawn only if it
 * is asked for (HOW has a sealing of its own), or a series of these would never
 * end. */
static bool is_drawn(const struct resealing *resealing)
{
    return resealing->how->sealing == NULL && resealing->old.last.random &&
           ks_sealing_is_random(resealing->sealing) &&
           ks_sealing_fits(resealing->sealing, &resealing->target->record,
                           &resealing->old.last);
}

static ks_rc open_old(struct resealing *resealing, struct ks_err *err)
{
    const struct ks_target *target = resealing->target;
    const struct ks_ask remembering = {remember, &resealing->old};
    /* Whoever opens the keys that a key is sealed to has to see who asks. */
    const struct ks_ask *ask = target->record.form == KS_FORM_PASSPHRASE
                                   ? &remembering
                                   : resealing->how->ask;
    struct ks_err why = {0};
    ks_rc rc = ks_target_open(target, resealing->how->with, true, ask,
                              &resealing->pkcs8, &why);

    if (rc != KS_OK)
        return open_by_new(resealing, rc, &why, err);
    resealing->current = is_drawn(resealing);
    if (resealing->current)
        return KS_OK;
    rc = ask_new(resealing, false, err);
    if (rc == KS_OK &&
        ks_secret_same(&resealing->old.last, &resealing->passphrase))
        resealing->current =
            ks_sealing_fits(resealing->sealing, &resealing->target->record,
                            &resealing->passphrase);
    return rc;
}

static ks_rc seal_anew(const struct resealing *resealing, struct ks_err *err)
{
    const struct ks_target *target = resealing->target;
    const struct ks_place *place = target->place;
    const bool passphrase = resealing->passphrase.len > 0;
    struct ks_ask ask = {known, (void *)&resealing->passphrase};
    struct ks_record record = {0};
    ks_rc rc = ks_key_info_copy(&record.info, &target->record.info);

    if (rc == KS_OK)
        rc = ks_sealing_seal(resealing->sealing, target->uri, &resealing->pkcs8,
                             passphrase ? &ask : resealing->how->new_ask,
                             &record, err);
    if (rc == KS_OK)
        rc = place->backend->replace(place->store, target->name,
                                     &target->record, &record, err);
    ks_record_clear(&record);
    return rc;
}

/* Without this the key's seal would be taken off, for want of another. */
static ks_rc no_seals(const struct ks_target *target, struct ks_err *err)
{
    const char *name = target->place->name;

    ks_hint(err,
            "passphrase = SOURCE, or seal_to = URI, in the place of sealing = "
            "none in [backend %s] seals keys",
            name);
    return ks_fail(err, KS_E_INVALID,
                   "%s: [backend %s] has sealing = none, and so no seals to "
                   "change",
                   target->uri, name);
}

static ks_rc reseal_target(const struct ks_target *target,
                           const struct ks_reseal *how, struct ks_err *err)
{
    struct resealing resealing = {
        .target = target,
        .sealing = how->sealing != NULL ? how->sealing : target->place->sealing,
        .how = how,
        .old = {.ask = how->ask}};
    const enum ks_form form = ks_sealing_form(resealing.sealing);
    ks_rc rc;

    if (target->record.form == KS_FORM_INSIDE)
        return KS_E_UNSUPPORTED;
    if (form == KS_FORM_PLAIN)
        return no_seals(target, err);
    if (form == KS_FORM_CMS &&
        ks_sealing_is_current(resealing.sealing, &target->record)) {
        if (how->changed != NULL)
            *how->changed = false;
        return KS_OK;
    }
    rc = open_old(&resealing, err);
    if (rc == KS_OK && !resealing.current)
        rc = seal_anew(&resealing, err);
    if (how->changed != NULL)
        *how->changed = rc == KS_OK && !resealing.current;
    ks_secret_clear(&resealing.old.last);
    ks_secret_clear(&resealing.passphrase);
    ks_secret_clear(&resealing.pkcs8);
    return rc;
}

/* Another process may have been at the same work. */
static bool is_done_by_another(const struct ks_place *place, const char *name,
                               const struct ks_reseal *reseal)
{
    const struct ks_sealing *sealing =
        reseal->sealing != NULL ? reseal->sealing : place->sealing;
    struct ks_target target;
    bool done = ks_target_get(place, name, &target, NULL) == KS_OK &&
                target.record.form == KS_FORM_CMS &&
                ks_sealing_form(sealing) == KS_FORM_CMS &&
                ks_sealing_is_current(sealing, &target.record);

    ks_target_clear(&target);
    return done;
}

ks_rc ks_material_reseal(const struct ks_place *place, const char *name,
                         const struct ks_reseal *reseal, struct ks_err *err)
{
    struct ks_target target;
    struct ks_err why = {0};
    ks_rc rc = ks_target_get(place, name, &target, &why);

    if (rc == KS_OK)
        rc = reseal_target(&target, reseal, &why);
    ks_target_clear(&target);
    if (rc == KS_E_BUSY && is_done_by_another(place, name, reseal))
        return KS_OK;
    if (rc != KS_OK) {
        if (why.hint[0] != '\0')
            ks_hint(err, "%s", why.hint);
        if (why.text[0] != '\0')
            return ks_fail(err, rc, "%s", why.text);
    }
    return rc;
}
