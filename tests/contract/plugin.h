/*
 * A backend in a shared object under test, which the environment names:
 *   CONTRACT_PLUGIN    its path
 *   CONTRACT_SETTINGS  "key=value key=value": its section; "path=keys" if
 *                      there is no such variable
 *   CONTRACT_DAMAGE    a shell command that changes a bit of the private half
 *                      that is kept of the key $KEY, in the folder it runs in
 */
#ifndef TEST_PLUGIN_H
#define TEST_PLUGIN_H

#include "ks_backend.h"

/* A copy of the backend, made before main. */
extern struct ks_backend plugin;

/* Takes the settings of the environment, if there are any. */
void plugin_settle(struct ks_backend_env *env);

/* Runs the command; false if there is none. Stops the program if it fails. */
bool plugin_damage(const char *name);

#endif
