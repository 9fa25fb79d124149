/* The choices of a run: answers to the questions that the simulated world asks as it goes, which
 * datagram is lost, how long an operation of a disk takes, what a crash leaves behind.
 *
 * Each answer has a key that counts from the end of the set-up, so that it stays the answer to the
 * same question when others go. A question without an answer has the default: a datagram arrives
 * once, after the constant delay of [network]; an operation succeeds, after the constant delay of
 * [disk]; nobody dies at a write, a crash loses nothing that was done, no bit is inverted, and
 * clocks go on as they were. As the lines of a [choices] group:
 *
 *     c1>c2 17=lost               the 17th datagram from c1 to c2
 *     c1>c2 18=3.25ms 7ms         ... arrives twice, so long after it was sent
 *     c1>- 1=3ms                  ... for an address where nobody is
 *     c1 disk 5=120us             the 5th operation of its disk takes so long
 *     c1 disk 6=error             ... fails
 *     c1 disk 7=full 120 3ms      ... fails, with 120 bytes of a write begun, after so long
 *     c1 write 3=die 2            it dies in the 3rd writing of its commits, before the operation
 *                                 number 2, from 0,
 *     c1 write 4=die 2 under-way  ... with that operation begun,
 *     c1 write 5=die after 3      ... or when it was durable and 3 effects more were carried out
 *     c1 crash 1=lose tear SEED   its 1st crash loses what is not synced, and tears it to sectors;
 *                                 SEED: the stream that says what of it. One of the words, or both
 *     c1 crash 2=SEED             ... or only what was under way is there or not
 *     c1 flip 1=SEED              the 1st crash inverts a bit of its records; SEED says which
 *     c1 clock 1=12.5s            its clock shows that when it is started again the 1st time
 *     c1 drift=-120               its clock is so many billionths too slow
 *
 * At the scenario's end all faults stop: from then on datagrams arrive, disks work and nobody dies,
 * whatever is chosen; delays are as chosen, and one that is longer than a run may take to settle
 * leaves it unsettled. */
#ifndef COHORT_SIM_CHOICES_H
#define COHORT_SIM_CHOICES_H

#include <glib.h>

#include "core/types.h"
#include "sim/disk.h"
#include "sim/network.h"

typedef enum ChoiceKind {
    CHOICE_DATAGRAM,
    CHOICE_DISK,
    CHOICE_WRITE,
    CHOICE_CRASH,
    CHOICE_FLIP,
    CHOICE_CLOCK,
    CHOICE_DRIFT,
    CHOICE_KINDS
} ChoiceKind;

#define CHOICE_NOBODY (UINT32_MAX - 1) /* the peer_subject where nobody is */

/* When a process dies in the midst of a commit. */
typedef struct Death {
    bool durable;   /* it is, and */
    uint64_t point; /* ... so many effects more are carried out; or before that operation, */
    bool under_way; /* ... or within it */
} Death;

typedef struct Choice {
    ChoiceKind kind;
    Name process;    /* who sends, or whose it is: a customer's name, or "bank" */
    Name peer;       /* DATAGRAM: who it is for; empty: an address where nobody is */
    uint64_t number; /* which, from 1; DRIFT: 0 */
    union {
        Fate datagram;
        DiskFate disk; /* delay_ns TIME_NEVER: the constant one */
        Death write;
        CrashFate crash;
        uint64_t seed;     /* FLIP */
        uint64_t clock_ns; /* CLOCK */
        int32_t drift;     /* parts per billion */
    };
    /* Known once completed: the customers' indices, or SCRIPT_BANK. */
    uint32_t subject;
    uint32_t peer_subject;
} Choice;

typedef struct Choices Choices;

Choices *choices_new(void);
void choices_free(Choices *choices); /* NULL is fine */
Choices *choices_copy(const Choices *choices);

size_t choices_count(const Choices *choices);
/* Those of 0 .. count - 1; completed, in the order of their keys. Whoever changes a key completes
 * them again. */
Choice *choices_at(const Choices *choices, size_t index);
void choices_add(Choices *choices, const Choice *choice); /* copied */
void choices_remove(Choices *choices, size_t index);
/* Keeps those for which `keep` says so. */
void choices_retain(Choices *choices, bool (*keep)(void *user, const Choice *choice), void *user);

/* One line of the group; NULL, or a reason to free. A key is written as above, letter by letter;
 * the last of two with the same key counts. */
char *choices_read(Choices *choices, const char *key, const char *value);
/* "c1>c2 17=lost" and a newline. */
void choice_write(const Choice *choice, GString *out);
/* All, in the order of their keys. */
void choices_write(const Choices *choices, GString *out);

/* Sorts them, with subjects by name: a GHashTable from names to the numbers of customers. NULL, or
 * a reason to free. */
char *choices_complete(Choices *choices, GHashTable *numbers);
/* The answer, once completed; NULL: the default. peer: 0 where the kind has none. */
const Choice *choices_find(const Choices *choices, ChoiceKind kind, uint32_t subject, uint32_t peer,
                           uint64_t number);
/* Where choices_at has it. */
size_t choices_index(const Choices *choices, const Choice *choice);

#endif
