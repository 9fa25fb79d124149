#include "net/driver.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/panic.h"
#include "core/transport.h"

enum {
    EXIT_ENVIRONMENT = 4,
    BATCH_MAX = 64, /* datagrams taken in before commands and deadlines get their turn */
    FOLD_PAUSE_MS = 20,
    SOURCES_MAX = 8
};

struct Driver {
    DriverConfig config;
    Effects *effects;
    GMainLoop *loop;
    GSource *deadline;
    GSource *fold; /* comes due when nothing was saved for a while */
    guint sources[SOURCES_MAX];
    size_t source_count;
    bool stepping;
    bool stop_due; /* when the step is done */
    bool ended;
    int exit_code;
    GString *error;

    /* The trace. */
    Name name;    /* the last one this process had: an account may be closed */
    uint64_t inc; /* as the core last said */
    uint64_t seq;
    GString *lines; /* not written yet */
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* --- ending --- */

static void end(Driver *driver)
{
    driver->ended = true;
    g_main_loop_quit(driver->loop);
}

/* --- trace --- */

static void trace_flush(Driver *driver)
{
    GString *lines = driver->lines;
    size_t done = 0;
    while (done < lines->len && driver->config.trace_fd >= 0) {
        ssize_t written = write(driver->config.trace_fd, lines->str + done, lines->len - done);
        if (written >= 0) {
            done += (size_t)written;
        } else if (errno != EINTR) {
            /* Money goes on without its trace. */
            g_printerr("cohort: the trace ends here: %s\n", g_strerror(errno));
            driver->config.trace_fd = -1;
        }
    }
    g_string_truncate(lines, 0);
}

static void trace(Driver *driver, const TraceEvent *event)
{
    if (driver->config.trace_fd >= 0 &&
        (driver->config.trace_datagrams || !trace_is_datagram(event->kind)))
        trace_write(driver->lines, driver->seq++, clock_ns(CLOCK_REALTIME), &driver->name, event);
}

/* tx, rx, dup, drop: the transport's own lines; it drops only what it should send. */
static void trace_datagram(Driver *driver, TraceKind kind, Address peer, const uint8_t *bytes,
                           size_t length, const char *reason)
{
    if (driver->config.trace_fd < 0 || !driver->config.trace_datagrams)
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
    trace(driver, &event);
}

static void learn_name(Driver *driver)
{
    if (driver->config.bank != NULL)
        return;
    const Name *name = customer_name(driver->config.customer);
    if (name->text[0] != '\0')
        driver->name = *name;
}

/* --- carrying out effects --- */

static bool fail(Driver *driver)
{
    driver->exit_code = EXIT_ENVIRONMENT;
    end(driver);
    return false;
}

/* All that one step of the bank saves becomes durable as one, before anything it sends leaves. */
static bool commit_journal(Driver *driver)
{
    Ledger *ledger = driver->config.ledger;
    for (size_t i = 0; i < effects_count(driver->effects); i++) {
        const Effect *effect = effects_at(driver->effects, i);
        if (effect->kind == EFFECT_SAVE)
            ledger_add(ledger, effect->save.bytes, effect->save.length);
    }
    if (ledger_commit(ledger, driver->error) < 0)
        return fail(driver);
    if (ledger_outgrown(ledger) && ledger_fold(ledger, driver->config.bank, driver->error) < 0)
        return fail(driver);
    if (ledger_unfolded(ledger) && ledger_small(ledger))
        g_source_set_ready_time(driver->fold,
                                g_get_monotonic_time() + FOLD_PAUSE_MS * G_TIME_SPAN_MILLISECOND);
    return true;
}

static bool save(Driver *driver, Slot slot, const uint8_t *bytes, size_t length)
{
    Store *store = driver->config.store;
    if (!store_attached(store)) {
        const Name *name = customer_name(driver->config.customer);
        INVARIANT(name->text[0] != '\0');
        g_autofree char *directory = store_default_directory(name);
        if (store_attach(store, directory, STORE_FRESH, driver->error) < 0)
            return fail(driver);
    }
    return store_save(store, slot, bytes, length, driver->error) == 0 || fail(driver);
}

static void send_out(Driver *driver, Port port, Address to, const uint8_t *bytes, size_t length)
{
    Udp *udp = port == PORT_PEER ? driver->config.peer_port : driver->config.bank_port;
    trace_flush(driver); /* a trace never shows a receipt whose sending it lacks */
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

/* False when the rest must not be carried out. */
static bool carry_out(Driver *driver, const Effect *effect)
{
    switch (effect->kind) {
    case EFFECT_SAVE:
        return driver->config.bank != NULL ||
               save(driver, effect->save.slot, effect->save.bytes, effect->save.length);
    case EFFECT_SEND:
        send_out(driver, effect->send.port, effect->send.to, effect->send.bytes,
                 effect->send.length);
        return true;
    case EFFECT_NOTIFY:
        driver->config.notify(driver->config.user, &effect->notice);
        return true;
    case EFFECT_TRACE:
        if (!trace_is_datagram(effect->trace.kind))
            driver->inc = effect->trace.inc;
        trace(driver, &effect->trace);
        return true;
    case EFFECT_END:
        end(driver);
        return true;
    }
    INVARIANT(!"an effect of a known kind");
    return false;
}

/* --- stepping --- */

static void step(Driver *driver, Event *event)
{
    INVARIANT(!driver->stepping);
    if (driver->ended)
        return;
    driver->stepping = true;
    event->now_ns = clock_ns(CLOCK_MONOTONIC);
    int code = driver->config.bank != NULL
                   ? bank_step(driver->config.bank, event, driver->effects)
                   : customer_step(driver->config.customer, event, driver->effects);
    INVARIANT_THAT(code, ==, 0);
    learn_name(driver);
    bool going = driver->config.bank == NULL || commit_journal(driver);
    for (size_t i = 0; i < effects_count(driver->effects) && going; i++)
        going = carry_out(driver, effects_at(driver->effects, i));
    trace_flush(driver);
    uint64_t deadline_ns = effects_deadline(driver->effects);
    /* Rounded up, or it would come a little too early, again and again. */
    g_source_set_ready_time(
        driver->deadline,
        deadline_ns == TIME_NEVER ? -1 : (gint64)((deadline_ns + NS_PER_US - 1) / NS_PER_US));
    driver->stepping = false;
    if (driver->stop_due)
        driver_stop(driver, driver->exit_code);
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
    if (driver->ended)
        return;
    driver->exit_code = exit_code;
    driver->stop_due = driver->stepping;
    if (driver->stepping)
        return;
    step(driver, &(Event){.kind = EVENT_STOP});
    end(driver);
}

static void take_in(Driver *driver, Udp *udp, Port port)
{
    uint8_t bytes[UDP_BUFFER_BYTES];
    for (int i = 0; i < BATCH_MAX && !driver->ended; i++) {
        Event event = {.kind = EVENT_DATAGRAM, .port = port, .bytes = bytes};
        int length = udp_receive(udp, bytes, &event.from);
        if (length < 0)
            return;
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

static gboolean on_signal(gpointer user)
{
    driver_stop(user, 0);
    return G_SOURCE_CONTINUE;
}

static gboolean on_deadline(gpointer user)
{
    step(user, &(Event){.kind = EVENT_TIMEOUT});
    return G_SOURCE_CONTINUE;
}

static gboolean on_fold(gpointer user)
{
    Driver *driver = user;
    g_source_set_ready_time(driver->fold, -1);
    if (!driver->ended && ledger_unfolded(driver->config.ledger) &&
        ledger_fold(driver->config.ledger, driver->config.bank, driver->error) < 0)
        fail(driver);
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
    driver->lines = g_string_new(NULL);
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
    const char *role = config->bank != NULL ? "bank" : "customer";
    g_strlcpy(driver->name.text, role, sizeof driver->name.text);
    if (config->trace_fd >= 0)
        trace_write_header(driver->lines, "live", role, config->seed, config->cash_commits);
    return driver;
}

void driver_free(Driver *driver)
{
    for (size_t i = 0; i < driver->source_count; i++)
        g_source_remove(driver->sources[i]);
    g_source_destroy(driver->deadline);
    g_source_unref(driver->deadline);
    g_source_destroy(driver->fold);
    g_source_unref(driver->fold);
    g_main_loop_unref(driver->loop);
    effects_free(driver->effects);
    g_string_free(driver->error, TRUE);
    g_string_free(driver->lines, TRUE);
    g_free(driver);
}

int driver_run(Driver *driver, GString *error)
{
    if (!driver->ended)
        g_main_loop_run(driver->loop);
    Ledger *ledger = driver->config.ledger;
    if (driver->exit_code == 0 && ledger != NULL && ledger_unfolded(ledger) &&
        ledger_fold(ledger, driver->config.bank, driver->error) < 0)
        driver->exit_code = EXIT_ENVIRONMENT;
    g_string_assign(error, driver->error->str);
    return driver->exit_code;
}
