/* A customer's state directory: one file for each Slot, each saved as one atomic, durable step.
 *
 * The directory is made by the first save, and locked from then on (from store_attach on, when it
 * is there already), so that two processes never share one. A file begins with a magic, the format
 * version, the slot, the length and a checksum of what follows; a file that does not fit its own
 * head is damaged, and is left as it is.
 *
 * Functions return 0 or a negative errno, and then say in `error` what happened and what to do. */
#ifndef COHORT_STORE_H
#define COHORT_STORE_H

#include <glib.h>

#include "core/transport.h"

typedef enum StoreUse {
    STORE_RESUME, /* goes on from what the directory holds, if anything */
    STORE_FRESH   /* for a new account; -EEXIST when the directory holds one's state */
} StoreUse;

typedef struct Store Store;

Store *store_new(void);
void store_free(Store *store);

/* Which directory. It need not exist. */
int store_attach(Store *store, const char *directory, StoreUse use, GString *error);
bool store_attached(const Store *store);
const char *store_directory(const Store *store); /* NULL: not attached */
/* Where an account's state lives unless --state says otherwise; g_free it. */
char *store_default_directory(const Name *name);

/* The content of a slot, *bytes to be freed with g_free; NULL and 0 when there is none. -EBADMSG:
 * damaged. */
int store_load(const Store *store, Slot slot, uint8_t **bytes, size_t *length, GString *error);
/* Replaces it; length 0 removes it. Durable on return. */
int store_save(Store *store, Slot slot, const uint8_t *bytes, size_t length, GString *error);

#endif
