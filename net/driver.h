/* The transport, live: runs one process of the core on the GLib main loop.
 *
 * Datagrams, deadlines, commands and signals become Events; Effects are carried out as
 * core/outbox.h says: the process goes on while a thread of its own (net/worker.h) makes its saves
 * durable, and what depends on them waits. SIGINT, SIGTERM and SIGHUP are an orderly stop; another
 * one, when a disk that does not answer has kept it waiting, ends the process there and then. The
 * driver borrows everything in its config. */
#ifndef COHORT_DRIVER_H
#define COHORT_DRIVER_H

#include <glib.h>

#include "core/bank.h"
#include "core/customer.h"
#include "core/ledger.h"
#include "core/store.h"
#include "net/recorder.h"
#include "net/tracefile.h"
#include "net/udp.h"

typedef struct DriverConfig {
    Bank *bank; /* the process: this one, with ... */
    Ledger *ledger;
    Customer *customer; /* ... or this one, with ... */
    Store *store;       /* ... NULL until there is something to save; then `attach` is asked */
    Store *(*attach)(void *user, GString *error); /* NULL: cannot; `error` says why */
    bool trace_stored;                            /* the store holds a SLOT_TRACE */
    Udp *bank_port;                               /* the bank's only one, and a customer's port1 */
    Udp *peer_port;                               /* a customer's port2 */
    Tracefile *trace;                             /* NULL: no trace */
    Recorder *recorder;                           /* NULL: no recording; begun */
    void (*notify)(void *user, const Notice *notice);
    void *user;
} DriverConfig;

typedef struct Driver Driver;

Driver *driver_new(const DriverConfig *config);
void driver_free(Driver *driver);

/* Steps the start event. From then on the process serves whenever the main loop runs. */
void driver_start(Driver *driver);
/* Not from within notify. */
void driver_command(Driver *driver, const Command *command);
/* The orderly stop; from within notify it comes when that step is done. The process ends when all
 * it has saved is durable, and all it had to say is said. */
void driver_stop(Driver *driver, int exit_code);

/* Runs the main loop until the process has ended; the exit code: 0, or what driver_stop was told,
 * or 4 when the environment failed, and then `error` says how. */
int driver_run(Driver *driver, GString *error);

#endif
