/* Bytes <-> messages. core/PROTOCOL.md shows every byte.
 *
 * A datagram is a header and one or more messages, at most DATAGRAM_BYTES_MAX bytes, closed by a
 * checksum. Decoding is total: wire_open either finds the whole datagram sound, every message of
 * it, or names the reason to drop it; wire_next then cannot fail. */
#ifndef COHORT_WIRE_H
#define COHORT_WIRE_H

#include "core/coder.h"
#include "core/command.h"
#include "core/notice.h"
#include "core/types.h"

/* Why something that came in was dropped. The first group is wire_open's; the second belongs to
 * the modules that judge a sound message against their state. */
typedef enum DropReason {
    DROP_NONE,
    DROP_SHORT,     /* shorter than a header and one message */
    DROP_OVERSIZE,  /* longer than DATAGRAM_BYTES_MAX */
    DROP_MAGIC,     /* not ours */
    DROP_VERSION,   /* ours, of another version */
    DROP_CHECKSUM,  /* damaged under way */
    DROP_KIND,      /* unknown message kind */
    DROP_MALFORMED, /* a message whose fields do not parse */
    /* --- judged later --- */
    DROP_COHORT,      /* of a cohort this process is not in */
    DROP_SENDER,      /* no such member, or ourselves, or a message that sender may not send */
    DROP_RECEIVER,    /* meant for another member */
    DROP_INCARNATION, /* incarnations do not match */
    DROP_CLOSED,      /* the channel is closed by a pending rollback */
    DROP_ROLLING,     /* we roll back: nothing is accepted before the decision */
    DROP_ORDER,       /* not the next transfer in order */
    DROP_DUPLICATE,   /* accepted before; acknowledged again */
    DROP_STALE,       /* an answer nobody waits for, an instance that is over */
    DROP_FROZEN,      /* voted to dissolve: nothing is accepted before the outcome */
    DROP_OVERFLOW,    /* an amount that would overflow the balance */
    DROP_PORT,        /* came in on the wrong socket */
    DROP_COOKIE,      /* whoever sent it has not shown that it is where it says */
    DROP_LEAP,        /* a number that no honest sender can have come to */
    DROP_REASONS
} DropReason;

const char *drop_reason_word(DropReason reason); /* "checksum", "stale", ... */

/* Numbers that only grow, by one at a time, are believed when they are at most so far ahead of what
 * is known, if anything is: a forged one must not put all true ones into the past. */
#define LEAP_MAX (UINT64_C(1) << 32)
static inline bool leaps(uint64_t known, uint64_t told)
{
    return known != 0 && told > known && told - known > LEAP_MAX;
}

/* Senders that are no member. */
#define SENDER_BANK UINT16_C(0xffff)
#define SENDER_CLIENT UINT16_C(0xfffe) /* a customer speaking to the bank */

typedef struct Header {
    uint64_t cohort;   /* 0 between a customer and the bank */
    uint16_t sender;   /* member index, SENDER_BANK or SENDER_CLIENT */
    uint16_t receiver; /* member index; 0 between a customer and the bank */
    /* Between members: as of this transmission (channel rules 1 and 2); else 0, but for: */
    union {
        uint64_t inc;    /* the sender's incarnation */
        uint64_t cookie; /* from the bank: of the address that it sends to; to it: the last one
                            that came from it, 0: none yet */
    };
    uint64_t known; /* the receiver's incarnation as the sender knows it */
    uint64_t una;   /* acked[receiver] at the sender: acknowledgements may start there */
} Header;

typedef enum MessageKind {
    MESSAGE_NONE,
    /* between members */
    MESSAGE_TRANSFER,
    MESSAGE_SKIP,
    MESSAGE_ACK,
    MESSAGE_STABLE,
    MESSAGE_STABLE_ACK,
    MESSAGE_CHECKPOINT_REQUEST,
    MESSAGE_CHECKPOINT_VOTE,
    MESSAGE_PREPARE,
    MESSAGE_PREPARE_VOTE,
    MESSAGE_DECISION,
    MESSAGE_DECISION_ACK,
    MESSAGE_QUERY,
    MESSAGE_MOVED,
    MESSAGE_MOVED_ACK,
    /* between a customer and the bank */
    MESSAGE_REQUEST,
    MESSAGE_ANSWER,
    MESSAGE_WORKING,
    MESSAGE_PROPOSE,
    MESSAGE_VOTE,
    MESSAGE_OUTCOME,
    MESSAGE_OUTCOME_ACK,
    MESSAGE_DISSOLVE,
    MESSAGE_STATUS,
    MESSAGE_STATUS_ACK,
    MESSAGE_LEFT,
    MESSAGE_REPORT,
    MESSAGE_REPORT_ACK,
    MESSAGE_BYE,
    MESSAGE_CHALLENGE,
    MESSAGE_KINDS
} MessageKind;

const char *message_kind_word(MessageKind kind); /* "transfer", "checkpoint-request", ... */

/* What the receiver says of the labels from+1 .. upto of one channel: skipped as listed, in
 * growing order; all others received. */
typedef struct Coverage {
    uint64_t from;
    uint64_t upto;
    uint16_t skip_count;
    uint64_t skips[SKIPS_PER_COVERAGE_MAX];
} Coverage;

/* An answer to CHECKPOINT_REQUEST or PREPARE. */
typedef enum Answer {
    ANSWER_NO_NEED, /* yes, and I do not take part (PREPARE: I hold nothing you undo) */
    ANSWER_JOINED,  /* yes, I and my subtree took part; `participants` says who */
    ANSWER_BUSY,    /* no: engaged in another instance */
    ANSWER_KINDS
} Answer;

/* What the bank proposes to a customer process, to be decided by two-phase commit. */
typedef enum ProposalKind {
    PROPOSAL_OPEN, /* become customer `name` */
    PROPOSAL_EXIT, /* close the account */
    PROPOSAL_JOIN, /* join cohort `id` with these members */
    PROPOSAL_KINDS
} ProposalKind;

typedef enum DissolveOrder {
    DISSOLVE_QUIESCE,
    DISSOLVE_PREPARE,
    DISSOLVE_CANCEL,
    DISSOLVE_DONE, /* dissolved: leave */
    DISSOLVE_ORDERS
} DissolveOrder;

typedef enum StatusState {
    STATUS_QUIESCED,
    STATUS_VOTED,   /* frozen; the counts are FINAL */
    STATUS_REFUSED, /* asked to vote, not ready */
    STATUS_CANCELLED,
    STATUS_STATES
} StatusState;

/* One peer's row in a STATUS. */
typedef struct StatusCount {
    uint64_t sent;     /* out[j] */
    uint64_t received; /* in[j] */
    uint64_t known;    /* known[j] */
} StatusCount;

typedef struct Message {
    MessageKind kind;
    union {
        struct {
            uint64_t label;
            uint64_t payload; /* the application's word: an amount in minor units */
        } transfer;           /* SKIP: the same, the payload it gives up */
        Coverage ack;
        struct {
            uint64_t version;   /* the sender's count of permanent checkpoints */
            uint64_t perm_sent; /* perm.out[receiver] at the sender */
            uint64_t perm_base; /* log base of perm.log[receiver] at the sender */
            Coverage coverage;  /* of the receiver's transfers: upto <= perm.in */
        } stable;
        struct {
            uint64_t version;
            uint64_t upto; /* released so far */
        } stable_ack;
        struct {
            Instance instance;
            uint64_t last_received; /* L */
        } checkpoint_request;
        struct {
            Instance instance;
            Answer answer;
            uint64_t last_received;                      /* L or cut, echoed from the request */
            uint8_t participants[(MEMBERS_MAX + 7) / 8]; /* bit i: member i took part */
            uint16_t participant_bytes;
        } vote; /* CHECKPOINT_VOTE and PREPARE_VOTE */
        struct {
            Instance instance;
            uint64_t new_inc;
            uint64_t cut;  /* perm.out[receiver] */
            uint64_t rcut; /* perm.in[receiver] */
        } prepare;
        struct {
            Instance instance;
            bool commit;
        } decision;
        Instance instance; /* DECISION_ACK, QUERY */
        struct {
            uint64_t epoch; /* counts the starts of the sender */
            Address address;
        } moved;
        uint64_t moved_ack; /* epoch */

        struct {
            uint64_t client; /* the process, for as long as its state lives */
            uint64_t number; /* counts the client's requests */
            Name sender;     /* the client's own account, if any */
            uint32_t ip;     /* where the client itself is reached */
            uint16_t port1;
            uint16_t port2;
            bool has_state;  /* RESUME: goes on from its own state */
            uint64_t epoch;  /* RESUME: counts the client's starts */
            Command command; /* OPEN, EXIT, NEW_COHORT, DELETE_COHORT, RESUME; no tag */
        } request;
        struct {
            uint64_t client;
            uint64_t number;
            uint16_t total; /* bytes of the whole answer (see answer_code) */
            uint16_t offset;
            uint16_t length;
            uint8_t bytes[ANSWER_CHUNK_BYTES_MAX];
        } answer;
        struct {
            uint64_t client;
            uint64_t number;
        } working; /* WORKING, CHALLENGE */
        struct {
            ProposalKind proposal;
            uint64_t id;     /* the bank's, never used twice for one kind; JOIN: the cohort */
            uint64_t client; /* on whose behalf; 0: the bank's own console */
            uint64_t number;
            Name name;      /* whose process is meant; OPEN: the name it gets */
            Money balance;  /* OPEN */
            uint16_t total; /* JOIN: members in all, and which of them are here */
            uint16_t first;
            uint16_t count;
            Member members[MEMBERS_PER_MESSAGE_MAX];
        } propose;
        struct {
            ProposalKind proposal;
            uint64_t id;
            uint64_t client; /* the voter's */
            bool yes;
            Refusal refusal;  /* when not yes */
            Name name;        /* the voter's account; OPEN: the name it is to get */
            uint64_t version; /* yes to OPEN, EXIT, JOIN: balance is report `version` */
            Money balance;
        } vote_bank; /* VOTE */
        struct {
            ProposalKind proposal;
            uint64_t id;
            Name name; /* whose process is meant; the ack names the one that answers */
            bool commit;
        } outcome; /* OUTCOME, OUTCOME_ACK */
        struct {
            uint64_t cohort;
            uint64_t attempt;
            DissolveOrder order;
        } dissolve;
        struct {
            uint64_t cohort;
            uint16_t member; /* whose */
            uint64_t attempt;
            uint64_t version; /* grows with every change; all parts of one report share it */
            StatusState state;
            bool settled; /* the fate of everything sent is known */
            Money balance;
            uint64_t report; /* balance is report `report` (see REPORT) */
            uint64_t inc;
            uint16_t total; /* members, and which of them are here */
            uint16_t first;
            uint16_t count;
            StatusCount counts[COUNTS_PER_MESSAGE_MAX]; /* own row: zeros */
        } status;
        struct {
            uint64_t cohort;
            uint64_t attempt;
            uint64_t version;
            uint16_t first; /* which part */
        } status_ack;
        struct {
            uint64_t cohort;
            uint16_t member;
        } left;
        struct {
            uint64_t client;
            Name name;
            uint64_t version; /* grows with every balance made permanent; BYE: counts starts */
            Money balance;
        } report; /* REPORT; REPORT_ACK and BYE without the balance */
    };
} Message;

/* The bank's whole answer to a request, as it is kept, compared and cut into ANSWER chunks: the
 * fields of a SUCCESS or FAILURE that a bank fills, the tag not among them. Decoding sets the whole
 * notice and puts its members into `members`; encoding takes notice->members. A FAILURE needs a
 * refusal and a SUCCESS has none: anything else fails, as do more members than fit. */
void answer_code(Coder *coder, Notice *notice, Member *members, size_t member_capacity);

/* Codes one message, kind byte included. Both ways it fails on a field out of its range (they are
 * in PROTOCOL.md); encoding does not write to the message, decoding sets every field of its kind,
 * of lists as many as counted. */
void message_code(Coder *coder, Message *message);

/* --- writing --- */
typedef struct WireWriter {
    Coder coder;
    uint8_t bytes[DATAGRAM_BYTES_MAX];
} WireWriter;

void wire_begin(WireWriter *writer, const Header *header);
/* False, and nothing is written, when the message does not fit any more. Every message fits an
 * empty datagram: one that does not is out of range, a broken invariant. */
bool wire_add(WireWriter *writer, const Message *message);
/* Closes the datagram; its length, 0 when no message was added. Bytes are in writer->bytes. */
size_t wire_end(WireWriter *writer);

/* --- reading --- */
typedef struct WireReader {
    Coder coder;
} WireReader;

/* `bytes` are borrowed for as long as the reader is used; *header is set unless a reason is given.
 */
DropReason wire_open(WireReader *reader, const uint8_t *bytes, size_t length, Header *header);
/* The next message, or false after the last. Only after wire_open said DROP_NONE. */
bool wire_next(WireReader *reader, Message *message);

/* "transfer+ack+stable": the distinct kinds of a sound datagram in order of appearance, for
 * traces; "?" for any other. Returns text. */
enum { WIRE_KINDS_TEXT_MAX = 640 };
char *wire_kinds_text(const uint8_t *bytes, size_t length, char text[static WIRE_KINDS_TEXT_MAX]);

#endif
