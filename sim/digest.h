/* The fingerprint of a run: XXH3 over a canonical binary form of every record, in order.
 *
 * Datagram records are part of it whether or not they are written, so two runs with the same
 * fingerprint did the same down to the last byte sent. Integers enter little-endian, names as
 * their fixed 32 bytes: the value is the same on every machine. */
#ifndef COHORT_SIM_DIGEST_H
#define COHORT_SIM_DIGEST_H

#include "core/trace.h"

typedef struct Digest Digest;

Digest *digest_new(void);
void digest_free(Digest *digest);
/* `process` is the number of the process the record is of. */
void digest_record(Digest *digest, uint64_t t_ns, uint32_t process, const TraceEvent *event);
/* TX, RX, DROP or DUP by the transport, without the cost of a whole TraceEvent. The bytes need to
 * be given only once for each id. */
void digest_datagram(Digest *digest, uint64_t t_ns, uint32_t process, TraceKind kind, uint64_t id,
                     const uint8_t *bytes, size_t length);
uint64_t digest_value(const Digest *digest);

#endif
