/* A least and a greatest message of every kind, and datagrams made of them. */
#ifndef COHORT_TEST_SAMPLE_H
#define COHORT_TEST_SAMPLE_H

#include "core/wire.h"

enum { HEADER_BYTES = 48, VARIANTS = 2, LEAST = 0, GREATEST = 1 };

#define FOR_EVERY_SAMPLE(kind, variant)                                                            \
    for (int kind = MESSAGE_NONE + 1; kind < MESSAGE_KINDS; kind++)                                \
        for (int variant = 0; variant < VARIANTS; variant++)

typedef struct Datagram {
    size_t length;
    uint8_t bytes[DATAGRAM_BYTES_MAX];
} Datagram;

extern const Header sample_header;

Name sample_longest_name(void);
void sample_member(Member *member);
/* Every byte that the kind does not use is zero, so that messages compare as memory. */
void sample_message(Message *message, int kind, int variant);
/* A datagram with sample_header and one message. */
void sample_datagram(Datagram *datagram, int kind, int variant);
void sample_write(Datagram *datagram, const Message *message);
/* Puts the right checksum in. */
void sample_seal(uint8_t *bytes, size_t length);

/* Opens a copy of exactly that length on the heap, where the sanitizers see a byte too far. When it
 * is sound, asserts that it is the one encoding of what it decodes to. */
DropReason sample_open(const uint8_t *bytes, size_t length);
/* The same after sealing the copy. */
DropReason sample_open_sealed(const uint8_t *bytes, size_t length);

#endif
