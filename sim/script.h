/* The script of a scenario: what happens at its time, as commands given to processes and as acts
 * of the world upon them.
 *
 * A script is a GArray of ScriptCommand. One key of the file is a time; its value are entries
 * separated by semicolons. Completed, a script is in order of time, as written within one. */
#ifndef COHORT_SIM_SCRIPT_H
#define COHORT_SIM_SCRIPT_H

#include <glib.h>

#include "core/command.h"
#include "core/types.h"

#define SCRIPT_BANK UINT32_MAX /* in place of a customer's index */

typedef enum ScriptAct {
    SCRIPT_COMMAND,
    SCRIPT_CRASH,      /* NAME crash: the process is killed, */
    SCRIPT_RESTART,    /* NAME restart: ... and started again */
    SCRIPT_PAUSE,      /* NAME pause D: it stops for so long */
    SCRIPT_CLOCK_JUMP, /* NAME clock-jump D: its clock jumps forward by so much */
    SCRIPT_TIMER,      /* NAME timer: its clock jumps to its deadline, and it times out */
    SCRIPT_PARTITION   /* network partition both|to|from NAME,NAME,... D */
} ScriptAct;

/* Of the two sides of a partition the first is named; the second are all others. */
typedef struct ScriptCut {
    bool to;          /* what the second side sends the first is lost ... */
    bool from;        /* ... what the first side sends the second is */
    char *names;      /* "c1,c3,bank" */
    GArray *subjects; /* of uint32_t; known once completed, before NULL */
} ScriptCut;

typedef struct ScriptCommand {
    uint64_t time_ns;
    char *key;        /* as written: names it in errors; a --set of the same key replaces it */
    Name process;     /* as written; empty: PARTITION */
    uint32_t subject; /* which customer, or SCRIPT_BANK; known once completed */
    ScriptAct act;
    Command command;
    uint64_t duration_ns; /* PAUSE, CLOCK_JUMP, PARTITION */
    ScriptCut cut;        /* PARTITION */
    bool restarted;       /* CRASH: by a later entry; else after restart_after */
} ScriptCommand;

GArray *script_new(void);
GArray *script_copy(const GArray *script);

/* Appends the entries of one key; NULL, or a reason to free. */
char *script_read(GArray *script, const char *key, const char *value);
/* Takes out the entries of a key, as written. */
void script_drop(GArray *script, const char *key);
/* Puts the entry at the end; what it points to is copied. Its key becomes its time. */
void script_append(GArray *script, const ScriptCommand *entry);

/* "c1 transfer 100 c2", as script_read reads it. */
void script_write_entry(const ScriptCommand *entry, GString *out);
/* One line for each time; the script must be in order. */
void script_write(const GArray *script, GString *out);

/* In order of time, with subjects by name: a GHashTable from names to the numbers of customers.
 * NULL, or a reason to free, and the key it is about. */
char *script_complete(GArray *script, GHashTable *numbers, const char **key);

/* Which customer has that name, or SCRIPT_BANK; false: nobody. */
bool script_subject(GHashTable *numbers, const char *name, uint32_t *subject);

#endif
