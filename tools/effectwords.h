/* What goes into the core and what comes out of it, in words, each on one line: for people who look
 * for the first difference between two runs. */
#ifndef COHORT_EFFECTWORDS_H
#define COHORT_EFFECTWORDS_H

#include <glib.h>

#include "core/transport.h"

const char *slot_word(Slot slot); /* "permanent-channel" */

/* "datagram of 84 bytes from 127.0.0.1:8502 at port2 (transfer+ack)" */
void event_words(const Event *event, GString *out);
/* "send 84 bytes from port2 to 127.0.0.1:8502 (transfer+ack)" */
void effect_words(const Effect *effect, GString *out);

/* Where the effects of two steps part. */
typedef struct EffectsDifference {
    size_t index;   /* of the first effect that differs, from 0; when none does, how many there are
                       on both sides: it is the deadline */
    char *expected; /* in words; g_free them */
    char *found;
} EffectsDifference;

/* True, and *difference is filled, unless both are the same to the last byte. */
bool effects_differ(const Effects *expected, const Effects *found, EffectsDifference *difference);

#endif
