/* Planted faults: each leaves out one necessary rule, so that tests can require the checker to
 * object. They exist only in builds with -Dplanted_faults=true; elsewhere planted() is the
 * constant false and nothing of them is compiled in. */
#ifndef COHORT_PLANTED_H
#define COHORT_PLANTED_H

#include <stdbool.h>
#include <stddef.h>

/* X(SYMBOL, "name") */
#define PLANTED_FAULTS(X)                                                                          \
    /* wire */                                                                                     \
    X(RANGE_NOT_CHECKED, "range-not-checked")                                                      \
    X(COHORT_NOT_COMPARED, "cohort-not-compared")                                                  \
    X(SKIP_READ_AS_TRANSFER, "skip-read-as-transfer")                                              \
    X(SKIPS_NOT_READ, "skips-not-read")                                                            \
    X(ABORT_READ_AS_COMMIT, "abort-read-as-commit")                                                \
    /* channel */                                                                                  \
    X(DATA_WITHOUT_INCARNATION, "data-without-incarnation")                                        \
    X(ACK_WITHOUT_INCARNATION, "ack-without-incarnation")                                          \
    X(RELEASE_ON_ACK, "release-on-ack")                                                            \
    X(RETRANSMIT_OLD_INCARNATION, "retransmit-old-incarnation")                                    \
    /* checkpoint */                                                                               \
    X(STABLE_AT_TENTATIVE, "stable-at-tentative")                                                  \
    X(SEND_WHILE_TENTATIVE, "send-while-tentative")                                                \
    /* rollback */                                                                                 \
    X(PREPARE_WITHOUT_CLOSING, "prepare-without-closing")                                          \
    X(KNOWN_FROM_CHECKPOINT, "known-from-checkpoint")                                              \
    X(PREPARE_ONLY_SENT_TO, "prepare-only-sent-to")                                                \
    X(NO_RESEND_TO_ROLLED_BACK, "no-resend-to-rolled-back")                                        \
    X(SEND_WHILE_ROLLING, "send-while-rolling")                                                    \
    /* crash and restart */                                                                        \
    X(VOLATILE_TENTATIVE, "volatile-tentative")                                                    \
    X(VOLATILE_CLOSED, "volatile-closed")                                                          \
    X(KNOWN_RESTORED, "known-restored")                                                            \
    X(INC_RESTORED, "inc-restored")                                                                \
    X(VOLATILE_FINISHED, "volatile-finished")                                                      \
    X(VOLATILE_DECISION, "volatile-decision")                                                      \
    X(RECOVERY_WHILE_IN_DOUBT, "recovery-while-in-doubt")                                          \
    X(PREPARING_FORGOTTEN, "preparing-forgotten")                                                  \
    X(TENTATIVE_WHILE_RECOVERING, "tentative-while-recovering")                                    \
    X(REFUSAL_WHILE_RECOVERING, "refusal-while-recovering")                                        \
    X(RECOVERY_ENDS_EARLY, "recovery-ends-early")                                                  \
    X(RCUT_IGNORED, "rcut-ignored")                                                                \
    X(SAVE_AFTER_SEND, "save-after-send")                                                          \
    X(INSTANCE_REUSED, "instance-reused")                                                          \
    X(NO_FORCED_ROLLBACK, "no-forced-rollback")                                                    \
    X(RECOVERY_TRIED_ONCE, "recovery-tried-once")                                                  \
    X(SEND_WHILE_RECOVERING, "send-while-recovering")                                              \
    X(ACCEPT_WHILE_RECOVERING, "accept-while-recovering")                                          \
    X(UNDECIDED_FORGOTTEN, "undecided-forgotten")                                                  \
    X(PREPARING_TAKEN_FOR_VOTED, "preparing-taken-for-voted")                                      \
    X(VOTE_BEFORE_TENTATIVE, "vote-before-tentative")                                              \
    X(COMMIT_NOT_CURRENT, "commit-not-current")                                                    \
    /* disk */                                                                                     \
    X(TORN_TAIL_BELIEVED, "torn-tail-believed")                                                    \
    X(TORN_TAIL_REFUSED, "torn-tail-refused")                                                      \
    X(COPY_NOT_WRITTEN, "copy-not-written")                                                        \
    X(SYNC_SKIPPED, "sync-skipped")                                                                \
    X(RENAME_BEFORE_SYNC, "rename-before-sync")                                                    \
    X(COMMIT_IN_PARTS, "commit-in-parts")                                                          \
    /* the bank's journal */                                                                       \
    X(FOLD_FORGETS, "fold-forgets")                                                                \
    X(VOLATILE_COUNTERS, "volatile-counters")                                                      \
    X(REPLAY_STOPS_EARLY, "replay-stops-early")                                                    \
    /* lost transfers */                                                                           \
    X(SKIP_OUT_OF_ORDER, "skip-out-of-order")                                                      \
    X(ACK_HIDES_SKIPS, "ack-hides-skips")                                                          \
    X(LOST_WHEN_GIVEN_UP, "lost-when-given-up")                                                    \
    X(FATES_SURVIVE_ROLLBACK, "fates-survive-rollback")                                            \
    X(FORGET_SKIPS_AT_ONCE, "forget-skips-at-once")                                                \
    X(SKIPS_DRAG_PEERS, "skips-drag-peers")                                                        \
    X(KEEP_TRAILING_SKIPS, "keep-trailing-skips")                                                  \
    /* membership, the member's side */                                                            \
    X(JOIN_IGNORES_HIGH_WATER, "join-ignores-high-water")                                          \
    X(PREPARED_LEFT_ALONE, "prepared-left-alone")                                                  \
    X(FIRST_CHECKPOINT_FROM_VOTE, "first-checkpoint-from-vote")                                    \
    X(SEND_WHILE_QUIESCED, "send-while-quiesced")                                                  \
    X(VOTE_WHILE_ENGAGED, "vote-while-engaged")                                                    \
    X(VOTED_NOT_FROZEN, "voted-not-frozen")                                                        \
    X(VOLATILE_PREPARED, "volatile-prepared")                                                      \
    X(VOLATILE_FINAL, "volatile-final")                                                            \
    X(FINAL_TAKEN_AGAIN, "final-taken-again")                                                      \
    X(VOLATILE_REQUEST_NUMBER, "volatile-request-number")                                          \
    /* membership, the bank's side */                                                              \
    X(COHORT_ID_REUSED, "cohort-id-reused")                                                        \
    X(FORMED_BEFORE_ALL_YES, "formed-before-all-yes")                                              \
    X(DISSOLVE_UNBALANCED, "dissolve-unbalanced")                                                  \
    X(LEFT_NOT_AWAITED, "left-not-awaited")                                                        \
    X(VOLATILE_ATTEMPT, "volatile-attempt")                                                        \
    X(VOLATILE_ANSWER, "volatile-answer")                                                          \
    X(ANSWER_APART, "answer-apart")                                                                \
    X(REQUEST_DONE_TWICE, "request-done-twice")                                                    \
    /* the simulator's own checker: a rule that it judges wrongly, or not at all */                \
    X(JUDGE_KEEPS_UNDONE_LABELS, "judge-keeps-undone-labels")                                      \
    X(JUDGE_LETS_SKIPS_DRAG, "judge-lets-skips-drag")                                              \
    X(JUDGE_FOLLOWS_ONE_STEP, "judge-follows-one-step")                                            \
    X(JUDGE_MISSES_DUPLICATES, "judge-misses-duplicates")                                          \
    X(JUDGE_MISSES_MONEY, "judge-misses-money")                                                    \
    X(JUDGE_MISSES_MINIMALITY, "judge-misses-minimality")                                          \
    X(JUDGE_MISSES_LOSS, "judge-misses-loss")

#define PLANTED_SYMBOL(symbol, name) PLANTED_##symbol,
typedef enum Planted { PLANTED_NONE, PLANTED_FAULTS(PLANTED_SYMBOL) PLANTED_KINDS } Planted;
#undef PLANTED_SYMBOL

#ifdef COHORT_PLANTED_FAULTS
bool planted(Planted fault);             /* is this fault planted? */
bool planted_choose(const char *name);   /* plants it, for the whole program; false: unknown */
const char *planted_name(Planted fault); /* for PLANTED_NONE + 1 .. PLANTED_KINDS - 1 */
/* Invariants that a planted fault is meant to break are the checker's to find, not ours. */
bool planted_any(void);
#else
#define planted(fault) false
#define planted_any() false
#endif

#endif
