/* Reads the text of a trace: JSON Lines, a header and then one record a line.
 *
 *     TraceReader *reader = trace_reader_new(text, length);
 *     while (trace_reader_next(reader, &record)) { ... }
 *     if (trace_reader_error(reader)) ...
 *
 * Unknown keys are accepted, so that later versions may add some. Anything else that is not as
 * the interface says ends the reading: an unknown event, a field missing or of the wrong type, a
 * seq that does not count from 0. The last line may lack its newline, and live it may be torn: a
 * process was killed while it wrote. */
#ifndef COHORT_TRACE_READER_H
#define COHORT_TRACE_READER_H

#include "core/trace.h"

typedef struct TraceRecord {
    uint64_t seq;
    uint64_t t_ns;
    Name process;
    TraceEvent event;     /* initiator and number are not set: the text below is all there is */
    const char *instance; /* of any form; NULL when the event has none */
    bool cash_survives;   /* the header says that the process runs with --cash commit */
} TraceRecord;

typedef struct TraceReader TraceReader;

/* `text` must outlive the reader. Reads the header at once. */
TraceReader *trace_reader_new(const char *text, size_t length);
void trace_reader_free(TraceReader *reader);

bool trace_reader_live(const TraceReader *reader); /* as the header says: not simulated */
/* The last line is torn, and was left out: known once the end was reached. */
bool trace_reader_torn(const TraceReader *reader);
/* The next record; what it points to lives until the next call. False at the end and on error. */
bool trace_reader_next(TraceReader *reader, TraceRecord *record);
/* NULL, or what is wrong with the line trace_reader_line(). */
const char *trace_reader_error(const TraceReader *reader);
uint64_t trace_reader_line(const TraceReader *reader); /* counts from 1: the line read last */

#endif
