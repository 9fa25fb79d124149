/* Where two runs that ought to be the same part: the last events before it, and how each goes on.
 *
 * An event is given as its line of a trace and as a sentence; both are copied. */
#ifndef COHORT_DIVERGENCE_H
#define COHORT_DIVERGENCE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Moment {
    const char *line;   /* of a trace, without its end: a JSON object */
    const char *words;  /* what it says */
    const char *detail; /* and what it does not, or NULL */
} Moment;

enum { SIDES = 2 };

typedef struct Divergence Divergence;

/* shown_max: how many events are kept before the point where they part, and from there on.
 * ignored: keys that are not compared, and not said to differ; borrowed, or NULL. */
Divergence *divergence_new(size_t shown_max, const char *const *ignored);
void divergence_free(Divergence *divergence);

/* Both sides have this; the moments may differ in what was not compared. */
void divergence_pass(Divergence *divergence, const Moment both[static SIDES]);
/* Side `side` goes on with this, from the first that the other has not. False: that is enough. */
bool divergence_part(Divergence *divergence, unsigned side, const Moment *moment);

uint64_t divergence_passed(const Divergence *divergence); /* how many events are the same */
bool divergence_found(const Divergence *divergence);

/* What to say of it. names: of the sides. As text, several lines; or one JSON object without its
 * braces: "same":118,"fields":[...],"sides":[...]. */
void divergence_write_text(const Divergence *divergence, const char *const names[static SIDES],
                           GString *out);
void divergence_write_json(const Divergence *divergence, const char *const names[static SIDES],
                           GString *out);

#endif
