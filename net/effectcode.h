/* Events and Effects as bytes: what a recording keeps of a step, and what its replay is compared
 * with. The same event or effects always give the same bytes.
 *
 * Numbers take as many bytes as they need, so that a step of a few effects takes a few hundred
 * bytes. Decoding checks everything that a step would rely on: bytes that decode can be shown, and
 * fed to the core. */
#ifndef COHORT_EFFECTCODE_H
#define COHORT_EFFECTCODE_H

#include "core/coder.h"
#include "core/transport.h"

/* Seven bits a byte, the lowest first; decoded in its shortest form alone. */
void code_number(Coder *coder, uint64_t *value);
/* The length, then the bytes; decoded, *bytes points into what is decoded. */
void code_block(Coder *coder, const uint8_t **bytes, size_t *length);

void code_event(Coder *coder, Event *event);

void effect_encode(const Effect *effect, Coder *coder);
void effects_encode(const Effects *effects, Coder *coder);
/* Clears `effects` first. What does not decode fails the coder. */
void effects_decode(Effects *effects, Coder *coder);

#endif
