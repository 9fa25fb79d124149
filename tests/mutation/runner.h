/* What the runner of the mutants shares with the tests it runs. */
#ifndef COHORT_TESTS_RUNNER_H
#define COHORT_TESTS_RUNNER_H

#include <stdint.h>

/* A test may leave here what it computed; the runner tells when a mutant changes it. */
extern uint64_t runner_digest;

/* main() of the test program, which only runs one group. */
int runner_test_main(void);

#endif
