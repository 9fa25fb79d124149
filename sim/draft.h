/* A scenario file as lines that can be taken away, changed and put in, one by one: what shrinking
 * works on. It knows the form of the file, not its meaning: whether the rest still makes a scenario
 * is for those who read it.
 *
 * Lines are shared between drafts, and never change; a draft is cheap to copy. */
#ifndef COHORT_SIM_DRAFT_H
#define COHORT_SIM_DRAFT_H

#include <glib.h>

#include "core/types.h"

typedef enum DraftPart {
    DRAFT_SETTING, /* group.key=value */
    DRAFT_SCRIPT,  /* one entry, at its time */
    DRAFT_CHOICE   /* key=value of [choices] */
} DraftPart;

typedef struct DraftLine {
    DraftPart part;
    uint64_t time_ns; /* SCRIPT */
    char *group;      /* SETTING; else "" */
    char *key;        /* of a SCRIPT "" */
    char *value;
} DraftLine;

typedef struct Draft {
    GPtrArray *lines; /* of DraftLine: settings, the script in order of time, choices */
    bool schedule;    /* there is a group [choices], even if it is empty */
} Draft;

/* The text must be one that scenario_read takes, without comments behind values. */
Draft *draft_read(const char *text);
Draft *draft_copy(const Draft *draft);
void draft_free(Draft *draft);
/* To be freed. */
char *draft_write(const Draft *draft);

static inline const DraftLine *draft_line(const Draft *draft, size_t index)
{
    return g_ptr_array_index(draft->lines, index);
}

/* Entries of the script and choices: what shrinking makes fewer of. */
size_t draft_choices(const Draft *draft);
uint64_t draft_end_ns(const Draft *draft); /* the script's last time; 0: it is empty */

/* Without the lines for which gone[index] is true. */
Draft *draft_without(const Draft *draft, const bool *gone);
/* With another value in that line. */
void draft_rewrite(Draft *draft, size_t index, const char *value);

const char *draft_get(const Draft *draft, const char *group, const char *key); /* NULL: not set */
uint64_t draft_get_number(const Draft *draft, const char *group, const char *key, uint64_t unset);
void draft_set(Draft *draft, const char *group, const char *key, const char *value);
void draft_unset(Draft *draft, const char *group, const char *key);

void draft_clear(Draft *draft, DraftPart part);
/* Behind those of the same time. */
void draft_add_script(Draft *draft, uint64_t time_ns, const char *entry);
void draft_add_choice(Draft *draft, const char *key, const char *value);
bool draft_has_choice(const Draft *draft, const char *key);

/* Without customer `number` of c1, c2, ... and all that speaks of it; those behind it move up. */
Draft *draft_without_customer(const Draft *draft, uint64_t number);

#endif
