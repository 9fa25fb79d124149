#include "net/driver.h"

#include <glib-unix.h>
#include <signal.h>
#include <time.h>

#include "core/outbox.h"
#include "core/panic.h"
#include "core/transport.h"
#include "net/folder.h"
#include "net/worker.h"

enum {
    EXIT_ENVIRONMENT = 4,
    BATCH_MAX = 64, /* datagrams taken in before commands and deadlines get their turn */
    /* While a disk does not answer, this much may wait to be said; then datagrams are lost, and
     * deadlines put off. */
    WAITING_MAX = 64 << 10,
    TRACE_WAITING_BYTES_MAX = 4 << 20, /* likewise, for it is in every commit */
    FULL_PAUSE_MS = 100,
    FOLD_PAUSE_MS = 20,
    STOP_PATIENCE_S = 2,
    SOURCES_MAX = 8
};

struct Driver {
    DriverConfig config;
    Effects *effects;
    Outbox *outbox;
    Worker *worker;      /* a customer's: NULL before its first save */
    WorkerReport report; /* the last one */
    uint64_t folds;      /* asked for */
    GMainLoop *loop;
    GSource *deadline;
    GSource *fold; /* comes due when nothing was saved for a while */
    guint sources[SOURCES_MAX];
    size_t source_count;
    bool busy;         /* stepping, or carrying out effects */
    bool stop_due;     /* when no longer busy */
    bool stepped;      /* the last step was made; what it left is still to be saved and said */
    gint64 stepped_us; /* when */
    bool ended;
    int exit_code;
    GString *error;

    /* For the trace. */
    Name name;         /* the last one this process had: an account may be closed */
    uint64_t inc;      /* as the core last said */
    bool trace_stored; /* the store holds a SLOT_TRACE, or is about to */
};

/* --- ending --- */

static void end(Driver *driver)
{
    driver->ended = true;
    g_main_loop_quit(driver->loop);
}

static void fail(Driver *driver)
{
    driver->exit_code = EXIT_ENVIRONMENT;
    end(driver);
}

/* --- trace --- */

/* tx, rx, dup, drop: the transport's own lines; it drops only what it should send. */
static void trace_datagram(Driver *driver, TraceKind kind, Address peer, const uint8_t *bytes,
                           size_t length, const char *reason)
{
    if (!tracefile_shows_datagrams(driver->config.trace))
        return;
    char kinds[WIRE_KINDS_TEXT_MAX];
    TraceEvent event = {.kind = kind,
                        .inc = driver->inc,
                        .datagram_kinds = wire_kinds_text(bytes, length, kinds),
                        .datagram_bytes = length,
                        .outgoing = kind != TRACE_RX,
                        .reason = reason};
    /* Live, the other side is known by its address alone; that fits where a name does. */
    static_assert(sizeof event.peer.text >= ADDRESS_TEXT_MAX, "an address is as short as a name");
    address_text(peer, event.peer.text);
    tracefile_add(driver->config.trace, &driver->name, &event);
}

/* The lines of a step, numbered now; they wait for its commit. */
static void trace_step(Driver *driver, uint64_t commit)
{
    if (driver->config.bank == NULL && customer_name(driver->config.customer)->text[0] != '\0')
        driver->name = *customer_name(driver->config.customer);
    if (commit != 0)
        tracefile_hold(driver->config.trace, commit);
    for (size_t i = 0; i < effects_count(driver->effects); i++) {
        const Effect *effect = effects_at(driver->effects, i);
        if (effect->kind != EFFECT_TRACE)
            continue;
        if (!trace_is_datagram(effect->trace.kind))
            driver->inc = effect->trace.inc;
        tracefile_add(driver->config.trace, &driver->name, &effect->trace);
    }
}

/* --- saving --- */

static void on_report(void *user, const WorkerReport *report);

static bool start_worker(Driver *driver)
{
    DriverConfig *config = &driver->config;
    if (config->bank == NULL && config->store == NULL) {
        config->store = config->attach(config->user, driver->error);
        driver->trace_stored = true; /* an account that was closed may have left one */
    }
    if (config->bank != NULL)
        driver->worker = worker_new_ledger(config->ledger, on_report, driver, driver->error);
    else if (config->store != NULL)
        driver->worker = worker_new_store(config->store, on_report, driver, driver->error);
    if (driver->worker == NULL)
        fail(driver);
    return driver->worker != NULL;
}

/* A customer's commit carries the lines of its trace, or takes away those of the one before. */
static void commit(Driver *driver, uint64_t number)
{
    ShelfRecord trace = {.slot = SLOT_TRACE};
    bool customer = driver->config.bank == NULL;
    if (driver->worker == NULL && !start_worker(driver))
        return;
    if (customer)
        trace.bytes = tracefile_carried(driver->config.trace, &trace.length);
    bool carries = customer && (trace.length > 0 || driver->trace_stored);
    driver->trace_stored = trace.length > 0;
    worker_commit(driver->worker, number, driver->effects, carries ? &trace : NULL);
}

/* A save failed: what is on the disk is known when it is loaded again, by another process. */
static void fail_for_good(Driver *driver, const char *error)
{
    const char *name = driver->config.bank == NULL ? driver->name.text : "";
    g_string_printf(driver->error, "%s" FOLDER_ADVICE "%s%s", error,
                    name[0] != '\0' ? " with --name " : "", name);
    fail(driver);
}

static void fold(Driver *driver)
{
    if (driver->folds > driver->report.folds)
        return; /* one is under way */
    driver->folds++;
    worker_fold(driver->worker, ledger_image_new(driver->config.bank));
}

/* What may be told of: all that is durable; but a small CSV that should be folded shows it first.
 */
static uint64_t tellable(const WorkerReport *report)
{
    return report->outgrown && report->small ? report->shown : report->durable;
}

/* --- carrying out effects --- */

static void send_out(Driver *driver, Port port, Address to, const uint8_t *bytes, size_t length)
{
    Udp *udp = port == PORT_PEER ? driver->config.peer_port : driver->config.bank_port;
    /* A trace never shows a receipt whose sending it lacks. */
    tracefile_write(driver->config.trace);
    switch (udp_send(udp, to, bytes, length)) {
    case UDP_SENT_TWICE:
        trace_datagram(driver, TRACE_TX, to, bytes, length, NULL);
        trace_datagram(driver, TRACE_DUP, to, bytes, length, NULL);
        break;
    case UDP_SENT:
        trace_datagram(driver, TRACE_TX, to, bytes, length, NULL);
        break;
    case UDP_LOST:
        trace_datagram(driver, TRACE_DROP, to, bytes, length, "test-loss");
        break;
    case UDP_UNSENT:
        trace_datagram(driver, TRACE_DROP, to, bytes, length, "unsent");
        break;
    }
}

static void carry_out(Driver *driver, const Effect *effect)
{
    switch (effect->kind) {
    case EFFECT_SEND:
        send_out(driver, effect->send.port, effect->send.to, effect->send.bytes,
                 effect->send.length);
        return;
    case EFFECT_NOTIFY:
        driver->config.notify(driver->config.user, &effect->notice);
        return;
    case EFFECT_TRACE: /* trace_step */
    case EFFECT_END:   /* finish */
        return;
    case EFFECT_SAVE:
        break;
    }
    INVARIANT(!"an effect that an outbox yields");
}

static void deliver(Driver *driver)
{
    const Effect *effect;
    while (!driver->ended && (effect = outbox_next(driver->outbox)) != NULL)
        carry_out(driver, effect);
    tracefile_write(driver->config.trace);
}

/* After the last step: ends the process once all is saved and said. */
static void finish(Driver *driver)
{
    if (!driver->stepped || driver->ended || outbox_pending(driver->outbox) > 0)
        return;
    INVARIANT(outbox_empty(driver->outbox));
    if (driver->report.unfolded) {
        fold(driver);
        return;
    }
    recorder_end(driver->config.recorder, driver->config.bank, driver->config.customer);
    end(driver);
}

/* --- stepping --- */

static void leave(Driver *driver)
{
    driver->busy = false;
    if (driver->stop_due)
        driver_stop(driver, driver->exit_code);
    finish(driver);
}

static bool is_last(const Effects *effects)
{
    size_t count = effects_count(effects);
    return count > 0 && effects_at(effects, count - 1)->kind == EFFECT_END;
}

static void step(Driver *driver, Event *event)
{
    INVARIANT(!driver->busy);
    if (driver->ended || driver->stepped)
        return;
    driver->busy = true;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event->now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    recorder_event(driver->config.recorder, event);
    int code = driver->config.bank != NULL
                   ? bank_step(driver->config.bank, event, driver->effects)
                   : customer_step(driver->config.customer, event, driver->effects);
    INVARIANT_THAT(code, ==, 0);
    recorder_effects(driver->config.recorder, driver->effects);
    driver->stepped = is_last(driver->effects);
    driver->stepped_us = g_get_monotonic_time();
    uint64_t number = outbox_take(driver->outbox, driver->effects);
    trace_step(driver, number);
    if (number != 0)
        commit(driver, number);
    uint64_t deadline_ns = effects_deadline(driver->effects);
    deliver(driver);
    /* Rounded up, or it would come a little too early, again and again. */
    g_source_set_ready_time(
        driver->deadline,
        deadline_ns == TIME_NEVER ? -1 : (gint64)((deadline_ns + NS_PER_US - 1) / NS_PER_US));
    leave(driver);
}

static void on_report(void *user, const WorkerReport *report)
{
    Driver *driver = user;
    INVARIANT(!driver->busy);
    if (driver->ended)
        return;
    driver->busy = true;
    driver->report = *report;
    uint64_t commit_told = tellable(report);
    recorder_saved(driver->config.recorder, commit_told);
    outbox_saved(driver->outbox, commit_told);
    tracefile_saved(driver->config.trace, commit_told);
    deliver(driver);
    if (report->error != NULL) {
        fail_for_good(driver, report->error);
    } else if (report->outgrown) {
        fold(driver);
    } else if (report->unfolded && report->small) {
        g_source_set_ready_time(driver->fold,
                                g_get_monotonic_time() + FOLD_PAUSE_MS * G_TIME_SPAN_MILLISECOND);
    }
    leave(driver);
}

void driver_start(Driver *driver)
{
    step(driver, &(Event){.kind = EVENT_START});
}

void driver_command(Driver *driver, const Command *command)
{
    step(driver, &(Event){.kind = EVENT_COMMAND, .command = *command});
}

void driver_stop(Driver *driver, int exit_code)
{
    if (driver->ended || driver->stepped)
        return;
    driver->exit_code = exit_code;
    driver->stop_due = driver->busy;
    if (!driver->busy)
        step(driver, &(Event){.kind = EVENT_STOP});
}

/* Nothing more is begun until the disk answers. */
static bool is_full(const Driver *driver)
{
    return outbox_waiting(driver->outbox) >= WAITING_MAX ||
           tracefile_waiting(driver->config.trace) >= TRACE_WAITING_BYTES_MAX;
}

static void take_in(Driver *driver, Udp *udp, Port port)
{
    uint8_t bytes[UDP_BUFFER_BYTES];
    for (int i = 0; i < BATCH_MAX && !driver->ended; i++) {
        Event event = {.kind = EVENT_DATAGRAM, .port = port, .bytes = bytes};
        int length = udp_receive(udp, bytes, &event.from);
        if (length < 0)
            return;
        if (is_full(driver))
            continue;
        event.length = (size_t)length;
        trace_datagram(driver, TRACE_RX, event.from, bytes, event.length, NULL);
        step(driver, &event);
    }
}

/* --- sources of the main loop --- */

static gboolean on_bank_port(gint fd, GIOCondition condition, gpointer user)
{
    (void)fd;
    (void)condition;
    Driver *driver = user;
    take_in(driver, driver->config.bank_port, PORT_BANK);
    return G_SOURCE_CONTINUE;
}

static gboolean on_peer_port(gint fd, GIOCondition condition, gpointer user)
{
    (void)fd;
    (void)condition;
    Driver *driver = user;
    take_in(driver, driver->config.peer_port, PORT_PEER);
    return G_SOURCE_CONTINUE;
}

/* One that comes again while a disk keeps us from ending means it: as by SIGKILL, after which all
 * that was answered is there again. Not at once, for a terminal that is closed may tell twice. */
static gboolean on_signal(gpointer user)
{
    Driver *driver = user;
    if (driver->stepped &&
        g_get_monotonic_time() - driver->stepped_us > STOP_PATIENCE_S * G_TIME_SPAN_SECOND) {
        signal(SIGTERM, SIG_DFL);
        raise(SIGTERM);
    }
    driver_stop(driver, 0);
    return G_SOURCE_CONTINUE;
}

static gboolean on_deadline(gpointer user)
{
    Driver *driver = user;
    if (is_full(driver))
        g_source_set_ready_time(driver->deadline,
                                g_get_monotonic_time() + FULL_PAUSE_MS * G_TIME_SPAN_MILLISECOND);
    else
        step(driver, &(Event){.kind = EVENT_TIMEOUT});
    return G_SOURCE_CONTINUE;
}

static gboolean on_fold(gpointer user)
{
    Driver *driver = user;
    if (!driver->ended && driver->report.unfolded)
        fold(driver);
    return G_SOURCE_CONTINUE;
}

/* A source that is due at the time set by g_source_set_ready_time. */
static gboolean dispatch_timer(GSource *source, GSourceFunc callback, gpointer user)
{
    g_source_set_ready_time(source, -1);
    return callback(user);
}

static GSource *timer_new(GSourceFunc callback, Driver *driver)
{
    static GSourceFuncs functions = {.dispatch = dispatch_timer};
    GSource *source = g_source_new(&functions, sizeof(GSource));
    g_source_set_callback(source, callback, driver, NULL);
    g_source_attach(source, NULL);
    return source;
}

static void keep(Driver *driver, guint source)
{
    INVARIANT_THAT(driver->source_count, <, (size_t)SOURCES_MAX);
    driver->sources[driver->source_count++] = source;
}

Driver *driver_new(const DriverConfig *config)
{
    INVARIANT((config->bank != NULL) != (config->customer != NULL));
    Driver *driver = g_new0(Driver, 1);
    driver->config = *config;
    driver->effects = effects_new();
    driver->loop = g_main_loop_new(NULL, FALSE);
    driver->error = g_string_new(NULL);
    driver->outbox = outbox_new();
    driver->trace_stored = config->trace_stored;
    driver->deadline = timer_new(on_deadline, driver);
    driver->fold = timer_new(on_fold, driver);
    keep(driver, g_unix_fd_add(udp_fd(config->bank_port), G_IO_IN, on_bank_port, driver));
    if (config->peer_port != NULL)
        keep(driver, g_unix_fd_add(udp_fd(config->peer_port), G_IO_IN, on_peer_port, driver));
    keep(driver, g_unix_signal_add(SIGINT, on_signal, driver));
    keep(driver, g_unix_signal_add(SIGTERM, on_signal, driver));
    struct sigaction hangup;
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) /* as by nohup */
        keep(driver, g_unix_signal_add(SIGHUP, on_signal, driver));
    signal(SIGPIPE, SIG_IGN); /* who reads our lines may go; the money stays */
    g_strlcpy(driver->name.text, config->bank != NULL ? "bank" : "customer",
              sizeof driver->name.text);
    return driver;
}

void driver_free(Driver *driver)
{
    worker_free(driver->worker);
    outbox_free(driver->outbox);
    for (size_t i = 0; i < driver->source_count; i++)
        g_source_remove(driver->sources[i]);
    g_source_destroy(driver->deadline);
    g_source_unref(driver->deadline);
    g_source_destroy(driver->fold);
    g_source_unref(driver->fold);
    g_main_loop_unref(driver->loop);
    effects_free(driver->effects);
    g_string_free(driver->error, TRUE);
    g_free(driver);
}

int driver_run(Driver *driver, GString *error)
{
    if (!driver->ended)
        g_main_loop_run(driver->loop);
    g_string_assign(error, driver->error->str);
    return driver->exit_code;
}
