/*
 * The example backends of docs/, in the shared objects that plugin_build.sh
 * makes of them: which one is in the environment.
 */
#ifndef TEST_PLUGIN_H
#define TEST_PLUGIN_H

#include "ks_backend.h"

/* A copy of the backend in CONTRACT_PLUGIN, made before main. */
extern struct ks_backend plugin;

#endif
