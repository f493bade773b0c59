/*
 * Libraries that are loaded when the first key needs them.
 *
 * As libraries that the module needs they would cost every program that
 * activates the provider about as much as all the rest of activation, most of
 * it relocations. So the functions of theirs that are called here are defined
 * here, and pass each call on. Their callers do not know. They are compiled
 * against the libraries' own headers: a prototype that is not theirs is an
 * error. One that is missing here costs only time, and test_activation tells.
 */
#ifndef PROV_DELAYED_H
#define PROV_DELAYED_H

#include <pthread.h>
#include <stdatomic.h>

struct library {
    const char *name; /* its DT_SONAME, so that headers and library agree */
    pthread_once_t once;
    void *handle;
    char why[256]; /* it could not be loaded */
};
#define LIBRARY(soname)                                                        \
    {                                                                          \
        .name = (soname), .once = PTHREAD_ONCE_INIT                            \
    }

/* For pthread_once. Never closed: it has threads' data and handlers of its
 * own. */
void delayed_load(struct library *library);

/* The function NAME, kept in *KEPT for the next call; NULL if there is no such
 * library. LOAD is for pthread_once. */
void *delayed_find(struct library *library, void (*load)(void),
                   const char *name, void *_Atomic *kept);

/* A function of LIBRARY, which has load_LIBRARY: its type and name, its
 * parameters, what is passed on, and the result where there is no library. */
#define DELAYED(library, type, name, parameters, arguments, otherwise)         \
    type name parameters                                                       \
    {                                                                          \
        static void *_Atomic kept;                                             \
        type(*const function) parameters = (type(*) parameters)delayed_find(   \
            &(library), load_##library, #name, &kept);                         \
                                                                               \
        return function != NULL ? function arguments : (otherwise);            \
    }
#define DELAYED_VOID(library, name, parameters, arguments)                     \
    void name parameters                                                       \
    {                                                                          \
        static void *_Atomic kept;                                             \
        void(*const function) parameters = (void(*) parameters)delayed_find(   \
            &(library), load_##library, #name, &kept);                         \
                                                                               \
        if (function != NULL)                                                  \
            function arguments;                                                \
    }

#endif
