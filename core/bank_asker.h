/* Who asked for something, and how they are answered: a user at the bank's console, or a client
 * whose numbered request is done once however often it comes. */
#ifndef COHORT_BANK_ASKER_H
#define COHORT_BANK_ASKER_H

#include "core/bank_desk.h"
#include "core/bank_registry.h"

enum {
    /* Requests under way at a time, those of clients that run no account, and all; more wait at
     * their clients. So strangers, however many, leave room for customers. */
    ASKERS_STRANGERS_MAX = 2048,
    ASKERS_WAITING_MAX = 4096
};

typedef struct Asker {
    CommandKind command;
    Name name;       /* the command's NAME */
    uint64_t client; /* 0: the console */
    uint64_t number; /* of the client's request */
    uint64_t tag;    /* of the console's command */
} Asker;

typedef struct Askers {
    BankDesk *desk;
    Registry *registry;
    GQueue waiting;        /* requests under way, in order of starting */
    GHashTable *by_client; /* client -> its latest of them */
    uint32_t strangers;    /* of the requests under way: of clients that run no account */
    bool console_busy;     /* a command of the console is under way */
} Askers;

typedef enum AskerVerdict {
    ASKER_NEW,   /* it is to be done, and will be answered once by what follows */
    ASKER_AGAIN, /* it is under way; its client has been told so */
    ASKER_OVER   /* everything has been done */
} AskerVerdict;

void askers_init(Askers *askers, BankDesk *desk, Registry *registry);
void askers_deinit(Askers *askers);

/* Judges a REQUEST. *asker is filled unless it is over. */
AskerVerdict asker_receive(Askers *askers, Address from, const Message *message, Asker *asker);
/* The same for a command of the console; none is under way. */
void asker_console(Askers *askers, const Command *command, Asker *asker);

/* A SUCCESS or FAILURE for the asker; what else it says is the caller's to fill in. */
Notice asker_notice(const Asker *asker, Refusal refusal, const Name *name);
/* Puts the answer into the record of the effect that it tells of. */
void asker_record(Askers *askers, Coder *record, const Asker *asker, const Notice *notice);
/* Tells the asker, after the record was committed. */
void asker_answer(Askers *askers, const Asker *asker, const Notice *notice);
/* All at once: puts the answer into the record, commits it, and tells the asker. */
void asker_finish(Askers *askers, Coder *record, const Asker *asker, const Notice *notice);
void asker_refuse(Askers *askers, const Asker *asker, Refusal refusal, const Name *name);
/* The bank stops: the console is told; a client asks again, perhaps the bank's next run. */
void asker_stop(Askers *askers, const Asker *asker);

/* Two-way. */
void askers_code(Askers *askers, Coder *coder);
void asker_code(Coder *coder, Asker *asker);

#endif
