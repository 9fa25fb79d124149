/* The keys of a scenario file but for [script] and [choices]: their names, defaults and fields, and
 * their values as texts. */
#ifndef COHORT_SIM_SCENARIO_KEYS_H
#define COHORT_SIM_SCENARIO_KEYS_H

#include "sim/scenario.h"

/* What a key's value must look like, and the type of the field it sets. */
typedef enum ValueType {
    VALUE_TEXT,        /* char * */
    VALUE_TIME,        /* uint64_t */
    VALUE_NUMBER,      /* uint64_t */
    VALUE_CUSTOMERS,   /* uint64_t */
    VALUE_BALANCE,     /* Money */
    VALUE_COHORT_SIZE, /* uint64_t */
    VALUE_CASH,        /* CashMode */
    VALUE_PROBABILITY, /* uint32_t */
    VALUE_DELAY,       /* Delay */
    VALUE_RETRIES,     /* uint32_t */
    VALUE_RATE,        /* uint64_t */
    VALUE_AMOUNTS,     /* AmountRange */
    VALUE_PARTITION,   /* PartitionKind */
    VALUE_DRIFT        /* uint32_t */
} ValueType;

typedef struct ScenarioKey {
    const char *group;
    const char *key;
    const char *value; /* the default */
    const char *note;  /* for --dump-defaults */
    ValueType type;
    size_t field;
} ScenarioKey;

extern const ScenarioKey scenario_keys[];
extern const size_t scenario_key_count;

/* NULL: there is none. */
const ScenarioKey *scenario_key(const char *group, const char *key);

/* NULL, and the field is set; or a reason, and it is as it was. */
const char *scenario_key_parse(const ScenarioKey *key, const char *text, Scenario *scenario);
/* Appends what parses to the same. */
void scenario_key_write(const ScenarioKey *key, const Scenario *scenario, GString *out);

#endif
