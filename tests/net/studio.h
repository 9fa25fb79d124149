/* A bank and two customers, "ann" and "bob", in memory, each recorded as the driver does it.
 *
 * Saves are durable at once, and what is sent arrives at once. Each process has a clock of its own
 * that may be wrong. */
#ifndef COHORT_TESTS_STUDIO_H
#define COHORT_TESTS_STUDIO_H

#include "net/recording.h"

enum { STUDIO_BANK, STUDIO_ANN, STUDIO_BOB, STUDIO_PROCESSES };

typedef struct StudioProcess {
    Bank *bank;
    Customer *customer;
    Shelf *shelf; /* a customer's disk */
    uint64_t commits;
    uint64_t deadline_ns;
    uint64_t wrong_ns; /* added to Unix time */
    GByteArray *tape;  /* its recording */
    bool unsaved;      /* the disk does not answer any more: nothing is told to be durable */
} StudioProcess;

typedef struct Studio {
    StudioProcess processes[STUDIO_PROCESSES];
    uint64_t now_ns;
    Effects *effects;
    GQueue *flights;
} Studio;

/* Ann's clock is this much ahead of the others'. Both have an account of 100, and are in a cohort.
 */
Studio *studio_new(uint64_t ahead_ns);
void studio_free(Studio *studio);
/* A command, and all that it leads to. */
void studio_do(Studio *studio, int who, const char *line);
/* A command whose effects nobody hears of: the process is killed then. */
void studio_last(Studio *studio, int who, const char *line);
void studio_stop(Studio *studio, int who); /* an orderly end */
/* Another life of a customer, which begins with this on its disk; its tape begins anew: keep the
 * old one. */
void studio_again(Studio *studio, int who, const Shelf *shelf);

/* Appends a frame of this kind as it is, with the right checksum. */
void tape_frame(GByteArray *tape, FrameKind kind, const uint8_t *bytes, size_t length);
/* A copy in which the bytes of the frame with this number, from 0, are what `change` makes of them.
 */
GByteArray *tape_changed(const GByteArray *tape, int number,
                         void (*change)(FrameKind kind, uint8_t *bytes, size_t length));
/* The number of the last frame of this kind; -1: there is none. */
int tape_find_last(const GByteArray *tape, FrameKind kind);

#endif
