/* Marks: situations of the protocol that are worth reaching, each with a name. The core sets the
 * mark of a situation in the step that meets it (effects_mark); who runs many seeds counts them,
 * and so knows what his runs have been through, and what they never were.
 *
 * A mark decides nothing, and no state holds one: the same state and event set the same marks. */
#ifndef COHORT_MARK_H
#define COHORT_MARK_H

/* X(SYMBOL, "name", "what happened") */
#define MARKS(X)                                                                                   \
    MARKS_OF_CHANNELS(X)                                                                           \
    MARKS_OF_CHECKPOINTS(X)                                                                        \
    MARKS_OF_ROLLBACKS(X)                                                                          \
    MARKS_OF_DECISIONS(X)                                                                          \
    MARKS_OF_RESTARTS(X)                                                                           \
    MARKS_OF_COMMANDS(X)                                                                           \
    MARKS_OF_MEMBERS(X)                                                                            \
    MARKS_OF_THE_BANK(X)

#define MARKS_OF_CHANNELS(X)                                                                       \
    X(TRANSFER_TWICE, "transfer-twice", "a transfer comes again, and is acknowledged again")       \
    X(TRANSFER_OUT_OF_ORDER, "transfer-out-of-order",                                              \
      "a transfer comes before one with a lower label, and is dropped")                            \
    X(TRANSFER_OF_FORMER_LIFE, "transfer-of-former-life",                                          \
      "a transfer comes that a rollback of its sender or receiver has overtaken")                  \
    X(TRANSFER_AT_CLOSED_CHANNEL, "transfer-at-closed-channel",                                    \
      "a transfer comes from a process whose rollback is undecided")                               \
    X(TRANSFER_WHILE_ROLLING, "transfer-while-rolling",                                            \
      "a transfer comes to a process that takes part in a rollback")                               \
    X(TRANSFER_WHILE_RECOVERING, "transfer-while-recovering",                                      \
      "a transfer comes to a process that has started again and not yet rolled back")              \
    X(TRANSFER_WHILE_FROZEN, "transfer-while-frozen",                                              \
      "a transfer comes to a member that has voted to dissolve the cohort")                        \
    X(TRANSFER_OF_ANOTHER_COHORT, "transfer-of-another-cohort",                                    \
      "a transfer comes of a cohort that its receiver is not in, or not any more")                 \
    X(GIVEN_UP, "given-up", "a transfer is given up, and goes on as a skip")                       \
    X(GIVEN_UP_AND_RECEIVED, "given-up-and-received",                                              \
      "a transfer was given up, and its receiver had accepted it")                                 \
    X(SKIPPED_BEFORE_ROLLBACK, "skipped-before-rollback",                                          \
      "the sender rolled back to before it gave a transfer up; the receiver had skipped it")       \
    X(SKIP_OUT_OF_ORDER, "skip-before-its-turn", "a skip comes before its turn")                   \
    X(SKIP_OF_FORMER_LIFE, "skip-of-former-life", "a skip comes that a rollback has overtaken")    \
    X(SKIP_ROLLED_BACK, "skip-rolled-back",                                                        \
      "a skip was accepted, and its receiver rolls back to before it")                             \
    X(SKIP_UNDONE_BY_SENDER, "skip-undone-by-sender",                                              \
      "a skip was accepted, and a rollback of its sender alone undoes it")                         \
    X(SKIP_NOT_IN_CHECKPOINT, "skip-not-in-checkpoint",                                            \
      "a tentative checkpoint leaves trailing skips out")                                          \
    X(ACK_OF_FORMER_LIFE, "ack-of-former-life",                                                    \
      "an acknowledgement comes that a rollback has overtaken, and is dropped")                    \
    X(ACK_AT_CLOSED_CHANNEL, "ack-at-closed-channel",                                              \
      "an acknowledgement comes from a process whose rollback is undecided")                       \
    X(SENT_AGAIN_TO_ROLLED_BACK, "sent-again-to-rolled-back",                                      \
      "who did not roll back sends again what a peer had acknowledged before its rollback")        \
    X(STABLE_OVERTAKEN, "stable-overtaken",                                                        \
      "word of a permanent checkpoint comes after word of a later one")                            \
    X(STABLE_TELLS_OF_LOSS, "stable-tells-of-loss",                                                \
      "a sender learns of a loss from the receiver's permanent checkpoint first")                  \
    X(LOSS_RELEASED, "loss-released", "a loss leaves the log: permanent checkpoints hold it")

#define MARKS_OF_CHECKPOINTS(X)                                                                    \
    X(CHECKPOINT_ALONE, "checkpoint-alone", "a checkpoint asks nobody else to take part")          \
    X(CHECKPOINT_AT_THIRD_HAND, "checkpoint-at-third-hand",                                        \
      "a checkpoint is inherited from a process that itself inherited it")                         \
    X(CHECKPOINT_NO_NEED, "checkpoint-no-need",                                                    \
      "a checkpoint asks a process whose permanent checkpoint is new enough")                      \
    X(CHECKPOINT_ASKED_TWICE, "checkpoint-asked-twice",                                            \
      "a checkpoint reaches a process that takes part in it already by another way")               \
    X(CHECKPOINT_REPEATS_YES, "checkpoint-repeats-yes",                                            \
      "the request of a checkpoint comes again after the yes, which is said again")                \
    X(CHECKPOINT_ASKS_TOO_LATE, "checkpoint-asks-too-late",                                        \
      "the request of a checkpoint comes after its end")                                           \
    X(CHECKPOINTS_MEET, "checkpoints-meet",                                                        \
      "two initiators of checkpoints have asked each other, and both are busy")                    \
    X(CHECKPOINT_MEETS_ROLLBACK, "checkpoint-meets-rollback",                                      \
      "a checkpoint asks a process that takes part in a rollback")                                 \
    X(CHECKPOINT_MEETS_FROZEN, "checkpoint-meets-frozen",                                          \
      "a checkpoint asks a member that has voted to dissolve the cohort")                          \
    X(CHECKPOINT_MEETS_RECOVERING, "checkpoint-meets-recovering",                                  \
      "a checkpoint asks a process that has started again and not yet rolled back")                \
    X(CHECKPOINT_VOTE_TOO_LATE, "checkpoint-vote-too-late",                                        \
      "the answer to a checkpoint's request comes when nobody waits for it")                       \
    X(CHECKPOINT_PASSES_NO_ON, "checkpoint-passes-no-on",                                          \
      "a no from below reaches a process that inherited the checkpoint, which aborts and says no") \
    X(CHECKPOINT_DISCARDED_IN_DOUBT, "checkpoint-discarded-in-doubt",                              \
      "who had said yes to a checkpoint learns that it is aborted")                                \
    X(CHECKPOINT_WITHOUT_ANSWER, "checkpoint-without-answer",                                      \
      "a checkpoint is aborted because somebody does not answer")

#define MARKS_OF_ROLLBACKS(X)                                                                      \
    X(ROLLBACK_MEETS_TENTATIVE, "rollback-meets-tentative",                                        \
      "a rollback pushes a tentative checkpoint aside")                                            \
    X(ROLLBACK_MEETS_YES, "rollback-meets-yes",                                                    \
      "a rollback is refused by a process that has said yes to a checkpoint")                      \
    X(ROLLBACKS_MEET, "rollbacks-meet",                                                            \
      "two initiators of rollbacks have asked each other, and both are busy")                      \
    X(ROLLBACK_AT_THIRD_HAND, "rollback-at-third-hand",                                            \
      "a rollback is inherited from a process that itself inherited it")                           \
    X(ROLLBACK_NO_ORPHAN, "rollback-no-orphan",                                                    \
      "a rollback closes a channel of a process that holds no orphan")                             \
    X(ROLLBACK_WHILE_ROLLBACK, "rollback-while-rollback",                                          \
      "a PREPARE comes over a channel that another rollback keeps closed")                         \
    X(ROLLBACK_CROSSES_CHECKPOINT, "rollback-crosses-checkpoint",                                  \
      "a channel is closed at a process engaged in a checkpoint, which goes on")                   \
    X(ROLLBACK_ASKS_TOO_LATE, "rollback-asks-too-late", "a PREPARE comes after its end")           \
    X(ROLLBACK_MEETS_FROZEN, "rollback-meets-frozen",                                              \
      "a rollback asks a member that has voted to dissolve the cohort")                            \
    X(ROLLBACK_MEETS_RECOVERING, "rollback-meets-recovering",                                      \
      "a rollback asks a process that has started again and not yet rolled back")                  \
    X(ROLLBACK_MEETS_REFUSED, "rollback-meets-refused",                                            \
      "a rollback asks once more who crashed before it had all its answers")                       \
    X(ROLLBACK_VOTE_TOO_LATE, "rollback-vote-too-late",                                            \
      "the answer to a PREPARE comes when nobody waits for it")                                    \
    X(ROLLBACK_PASSES_NO_ON, "rollback-passes-no-on",                                              \
      "a no from below reaches a process that inherited the rollback, which aborts and says no")   \
    X(ROLLBACK_UNDONE_IN_DOUBT, "rollback-undone-in-doubt",                                        \
      "who had said yes to rolling back learns that the rollback is aborted")                      \
    X(ROLLBACK_ABORTED_AT_HOLDER, "rollback-aborted-at-holder",                                    \
      "a channel is opened again because the rollback of its sender is aborted")                   \
    X(ROLLBACK_WITHOUT_ANSWER, "rollback-without-answer",                                          \
      "a rollback is aborted because somebody does not answer")

#define MARKS_OF_DECISIONS(X)                                                                      \
    X(DECISION_TWICE, "decision-twice", "a decision comes again")                                  \
    X(DECISION_BEFORE_REQUEST, "decision-before-request",                                          \
      "a decision comes to a process that the instance's request has not reached")                 \
    X(DECISION_AWAITS_CHILDREN, "decision-awaits-children",                                        \
      "a decision is acknowledged when all below have acknowledged it")                            \
    X(DOUBT_TOLD, "doubt-told", "a user is told for whom his customer waits in doubt")             \
    X(DOUBT_PRESUMED_ABORT, "doubt-presumed-abort",                                                \
      "who said yes asks an initiator that knows nothing of it: aborted")                          \
    X(DOUBT_ENDED_BY_ANOTHER, "doubt-ended-by-another",                                            \
      "who said yes asks another participant, which knows the decision")                           \
    X(DOUBT_SHARED, "doubt-shared", "who said yes asks another that does not know either")         \
    X(DOUBT_ENDS_IN_COMMIT, "doubt-ends-in-commit",                                                \
      "who asked for a decision learns that it is to commit")                                      \
    X(DOUBT_ENDS_IN_ABORT, "doubt-ends-in-abort",                                                  \
      "who asked for a decision learns that it is to abort")

#define MARKS_OF_RESTARTS(X)                                                                       \
    X(CRASH_AFTER_CHECKPOINT_VOTE, "crash-after-checkpoint-vote",                                  \
      "a crash between the yes to a checkpoint and its decision")                                  \
    X(CRASH_AFTER_ROLLBACK_VOTE, "crash-after-rollback-vote",                                      \
      "a crash between the yes to a rollback and its decision")                                    \
    X(CRASH_BEFORE_ROLLBACK_VOTE, "crash-before-rollback-vote",                                    \
      "a crash between inheriting a rollback and its answer, which then is no")                    \
    X(CRASH_OF_UNDECIDED_INITIATOR, "crash-of-undecided-initiator",                                \
      "a crash of a rollback's initiator, which then decides to abort")                            \
    X(CRASH_BEFORE_ALL_KNOW, "crash-before-all-know",                                              \
      "a crash between a decision and its last acknowledgement")                                   \
    X(CRASH_WITH_CLOSED_CHANNEL, "crash-with-closed-channel",                                      \
      "a crash while another's rollback keeps a channel closed")                                   \
    X(CRASH_AFTER_FINAL, "crash-after-final", "a crash after the vote to dissolve: FINAL is kept") \
    X(CRASH_WHILE_PREPARED, "crash-while-prepared",                                                \
      "a crash between the yes to open, join or exit and the bank's word")                         \
    X(COMMIT_WHILE_RECOVERING, "commit-while-recovering",                                          \
      "a checkpoint voted for before a crash becomes permanent after it")                          \
    X(RECOVERY_TRIED_AGAIN, "recovery-tried-again",                                                \
      "a forced rollback is aborted, and has to be"                                                \
      " tried again")                                                                              \
    X(RECOVERY_BY_ANOTHER, "recovery-by-another",                                                  \
      "a forced rollback is not needed any more: another's rollback did it")                       \
    X(INITIATOR_IS_BACK, "initiator-is-back",                                                      \
      "the initiator that a process in doubt waits for has started again, and is asked at once")   \
    X(MOVED_OVERTAKEN, "moved-overtaken", "an old address comes after a newer one")

#define MARKS_OF_COMMANDS(X)                                                                       \
    X(COMMAND_TRIED_AGAIN, "command-tried-again",                                                  \
      "the instance of a command was aborted, and is tried again")                                 \
    X(COMMAND_OUT_OF_TRIES, "command-out-of-tries",                                                \
      "a checkpoint or rollback is refused: the others were busy for too long")                    \
    X(COMMAND_WITHOUT_ANSWER, "command-without-answer",                                            \
      "a checkpoint or rollback is refused: somebody did not answer")                              \
    X(OUTPUT_COMMIT, "output-commit", "a withdrawal is paid out by a checkpoint")                  \
    X(CASH_UNDONE, "cash-undone", "a rollback undoes deposits or withdrawals")                     \
    X(OPEN_LOSSES, "open-losses", "a checkpoint would make losses permanent, and says so")         \
    X(BANK_SILENT, "bank-silent", "a customer gives a request up: the bank does not answer")       \
    X(ANSWER_TOO_LATE, "answer-too-late", "the bank's answer comes when nobody waits for it")

#define MARKS_OF_MEMBERS(X)                                                                        \
    X(PROPOSAL_TWICE, "proposal-twice", "a proposal comes again after the yes")                    \
    X(PROPOSAL_WHILE_PREPARED, "proposal-while-prepared", "another proposal comes after the yes")  \
    X(PROPOSAL_TOO_LATE, "proposal-too-late",                                                      \
      "a proposal comes that was answered in another life, or is over")                            \
    X(PROPOSAL_DECLINED, "proposal-declined",                                                      \
      "the bank proposes what its customer has given up asking for")                               \
    X(PROPOSAL_ABORTED, "proposal-aborted",                                                        \
      "who said yes to the bank learns that it is not to be")                                      \
    X(FORMED_BY_TRANSFER, "formed-by-transfer",                                                    \
      "a transfer proves that the cohort was formed, before the bank's word comes")                \
    X(FORMED_BY_ORDER, "formed-by-order",                                                          \
      "the order to dissolve proves that the cohort was formed")                                   \
    X(JOINED_WITH_ANOTHER_BALANCE, "joined-with-another-balance",                                  \
      "a balance has changed between the yes to join and joining")                                 \
    X(QUIESCED_AGAIN, "quiesced-again", "a later attempt to dissolve cancels the one before")      \
    X(QUIESCED_AND_NOT_SETTLED, "quiesced-and-not-settled",                                        \
      "a member's counts change while the cohort comes to rest")                                   \
    X(FINAL_REFUSED, "final-refused", "a member cannot vote to dissolve: it is engaged")           \
    X(FINAL_REFUSED_AFTER_CRASH, "final-refused-after-crash",                                      \
      "a member cannot vote to dissolve: it has forgotten the attempt with a crash")               \
    X(FINAL_REPEATED, "final-repeated", "the vote to dissolve is asked for again")                 \
    X(FINAL_CANCELLED, "final-cancelled", "who has voted to dissolve is let go again")             \
    X(FINAL_BEFORE_RECOVERY, "final-before-recovery",                                              \
      "a cohort is dissolved with the FINAL of a member that has crashed since")                   \
    X(LEFT_TWICE, "left-twice", "who has left a cohort is told again that it is dissolved")

#define MARKS_OF_THE_BANK(X)                                                                       \
    X(BANK_ANSWERS_AGAIN, "bank-answers-again",                                                    \
      "a request comes again, and is answered from the record")                                    \
    X(BANK_PRESUMES_ABORT, "bank-presumes-abort", "a yes comes to what the bank does not know")    \
    X(BANK_COMMITTED_LONG_AGO, "bank-committed-long-ago",                                          \
      "a yes comes to what is on record already")                                                  \
    X(BANK_WAITED_IN_VAIN, "bank-waited-in-vain",                                                  \
      "a proposal is aborted because somebody does not answer")                                    \
    X(BANK_REFUSED_A_FINAL, "bank-refused-a-final",                                                \
      "a member refuses to vote to dissolve, and the attempt is cancelled")                        \
    X(BANK_GIVES_DISSOLVING_UP, "bank-gives-dissolving-up",                                        \
      "a cohort does not come to rest in time, and is not dissolved")                              \
    X(BANK_ATTEMPT_OUT_OF_TIME, "bank-attempt-out-of-time",                                        \
      "an attempt to dissolve takes too long, and the next begins")                                \
    X(BANK_CRASH_WHILE_LEAVING, "bank-crash-while-leaving",                                        \
      "the bank crashes when a cohort is dissolved and not all have left")                         \
    X(BANK_CRASH_WHILE_DISSOLVING, "bank-crash-while-dissolving",                                  \
      "the bank crashes during an attempt to dissolve, and cancels it afterwards")                 \
    X(BANK_CRASH_AFTER_EXIT, "bank-crash-after-exit",                                              \
      "the bank crashes when an exit is on record and its process may not know")

#define MARK_SYMBOL(symbol, name, text) MARK_##symbol,
typedef enum Mark { MARKS(MARK_SYMBOL) MARK_KINDS } Mark;
#undef MARK_SYMBOL

const char *mark_name(Mark mark);
const char *mark_text(Mark mark); /* one line */

#endif
