/* The subcommands: each has its own file, takes its command line with the name to call it by in
 * argv[0] ("cohort bank"), and returns the exit code. */
#ifndef COHORT_COMMANDS_H
#define COHORT_COMMANDS_H

int bank_main(int argc, char **argv);
int customer_main(int argc, char **argv);
int state_main(int argc, char **argv);
int sim_main(int argc, char **argv);
int check_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int diff_main(int argc, char **argv);
int shrink_main(int argc, char **argv);
int explore_main(int argc, char **argv);

#endif
