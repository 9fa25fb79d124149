#include "tools/twice.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/options.h"
#include "tools/result.h"
#include "tools/telling.h"
#include "tools/words.h"

enum { EVENTS_PER_SLICE = 10000, SHOWN_MAX = 5 };

typedef struct Teller {
    FILE *out;
    const World *world;
    GString *line;
    GString *words;
    GString *detail;
} Teller;

static void tell(Teller *teller)
{
    const Moment moment = {teller->line->str, teller->words->str, teller->detail->str};
    telling_write(teller->out, &moment);
}

static void begin(Teller *teller, uint64_t t_ns)
{
    g_string_truncate(teller->line, 0);
    g_string_truncate(teller->words, 0);
    g_string_printf(teller->detail, "step %" PRIu64, world_events(teller->world));
    words_time(t_ns, teller->words);
}

static void on_trace(void *context, uint64_t seq, uint64_t t_ns, const Name *process,
                     const TraceEvent *event)
{
    Teller *teller = context;
    char instance[INSTANCE_TEXT_MAX];
    begin(teller, t_ns);
    trace_write(teller->line, seq, t_ns, process, event);
    g_string_truncate(teller->line, teller->line->len - strlen("\n"));
    words_record(process, event, instance_text(&event->initiator, event->number, instance),
                 teller->words);
    if (event->datagram_content != NULL) {
        g_string_append(teller->detail, ", sent ");
        for (size_t i = 0; i < event->datagram_bytes; i++)
            g_string_append_printf(teller->detail, "%02x", event->datagram_content[i]);
    }
    tell(teller);
}

static void on_notice(void *context, uint64_t t_ns, const Name *process, const Notice *notice)
{
    Teller *teller = context;
    begin(teller, t_ns);
    g_string_append_printf(teller->words, "%s is told: ", process->text);
    result_text(notice, teller->words);
    result_json(notice, teller->line);
    tell(teller);
}

/* Puts the objects of the second process elsewhere than those of the first, from which they would
 * not differ after a fork: what was free is used up, and what is freed again comes in another
 * order. */
static void shift_heap(void)
{
    enum { SIZES = 64, BLOCKS_EACH = 64, SIZE_STEP_BYTES = 16, STRIDE = 7 };
    static void *blocks[SIZES * BLOCKS_EACH];
    for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++)
        blocks[i] = g_malloc(SIZE_STEP_BYTES * (1 + i % SIZES));
    for (size_t i = 0; i < G_N_ELEMENTS(blocks); i += 3)
        g_free(blocks[i * STRIDE % G_N_ELEMENTS(blocks)]); /* the stride is odd: each only once */
}

static _Noreturn void run_side(const Simulation *simulation, uint64_t seed, unsigned side, int fd)
{
    Teller teller = {.out = fdopen(fd, "w"),
                     .line = g_string_new(NULL),
                     .words = g_string_new(NULL),
                     .detail = g_string_new(NULL)};
    if (teller.out == NULL)
        _exit(EXIT_ENVIRONMENT);
    if (side > 0)
        shift_heap();
    const Observer observer = {
        .context = &teller, .on_trace = on_trace, .datagrams = true, .on_notice = on_notice};
    World *world = world_new(simulation->scenario, seed, &observer);
    teller.world = world;
    while (world_advance(world, EVENTS_PER_SLICE)) {
        if (*simulation->interrupted)
            _exit(EXIT_INTERRUPTED);
    }
    telling_write_end(teller.out, world_events(world), world_result(world).trace_hash);
    _exit(fflush(teller.out) == 0 ? EXIT_DONE : EXIT_ENVIRONMENT);
}

/* --- the whole --- */

typedef struct Pair {
    pid_t pids[SIDES];
    FILE *runs[SIDES];
} Pair;

/* False: the system refuses; errno says why. */
static bool start_side(Pair *pair, const Simulation *simulation, uint64_t seed, unsigned side)
{
    int fds[2];
    if (pipe(fds) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        if (side > 0)
            fclose(pair->runs[0]);
        run_side(simulation, seed, side, fds[1]);
    }
    close(fds[1]);
    pair->pids[side] = pid;
    pair->runs[side] = pid > 0 ? fdopen(fds[0], "r") : NULL;
    return pair->runs[side] != NULL;
}

static void end_pair(Pair *pair)
{
    for (unsigned side = 0; side < SIDES; side++) {
        if (pair->pids[side] <= 0)
            continue;
        kill(pair->pids[side], SIGKILL); /* it may have more to say than was read */
        while (waitpid(pair->pids[side], NULL, 0) < 0 && errno == EINTR)
            continue;
        if (pair->runs[side] != NULL)
            fclose(pair->runs[side]);
    }
}

static const char *const names[SIDES] = {"run 1", "run 2"};

static void write_parting(const Divergence *divergence, const TellingEnd ends[static SIDES],
                          GString *out)
{
    if (divergence_found(divergence)) {
        divergence_write_text(divergence, names, out);
        return;
    }
    g_string_append_printf(out, "all %" PRIu64 " events are equal, but not how they end\n",
                           divergence_passed(divergence));
    for (unsigned side = 0; side < SIDES; side++) {
        if (ends[side].whole)
            g_string_append_printf(out, "%s took %" PRIu64 " steps, trace hash %016" PRIx64 "\n",
                                   names[side], ends[side].steps, ends[side].trace_hash);
        else
            g_string_append_printf(out, "%s broke off\n", names[side]);
    }
}

static void write_json_parting(const Divergence *divergence, const TellingEnd ends[static SIDES],
                               GString *out)
{
    divergence_write_json(divergence, names, out);
    for (unsigned side = 0; side < SIDES; side++) {
        g_string_append(out, side == 0 ? ",\"ends\":[" : ",");
        if (ends[side].whole)
            g_string_append_printf(out, "{\"steps\":%" PRIu64 ",\"trace_hash\":\"%016" PRIx64 "\"}",
                                   ends[side].steps, ends[side].trace_hash);
        else
            g_string_append(out, "null"); /* not read to its end, or it broke off */
    }
    g_string_append_c(out, ']');
}

static void write_outcome(const Simulation *simulation, uint64_t seed, bool same,
                          const Divergence *divergence, const TellingEnd ends[static SIDES],
                          GString *out)
{
    g_autoptr(GString) reproduce = g_string_new(NULL);
    simrun_command(simulation, seed, reproduce);
    if (simulation->json) {
        g_string_append_printf(out, "{\"seed\":%" PRIu64 ",\"deterministic\":%s,", seed,
                               same ? "true" : "false");
        if (same)
            g_string_append_printf(
                out,
                "\"events\":%" PRIu64 ",\"steps\":%" PRIu64 ",\"trace_hash\":\"%016" PRIx64 "\"",
                divergence_passed(divergence), ends[0].steps, ends[0].trace_hash);
        else
            write_json_parting(divergence, ends, out);
        g_string_append(out, "}\n");
    } else if (same) {
        g_string_append_printf(out,
                               "seed %" PRIu64 ": deterministic: %" PRIu64 " events in %" PRIu64
                               " steps, twice the same, trace hash %016" PRIx64 "\n",
                               seed, divergence_passed(divergence), ends[0].steps,
                               ends[0].trace_hash);
    } else {
        g_string_append_printf(out, "seed %" PRIu64 ": NOT deterministic: ", seed);
        write_parting(divergence, ends, out);
        g_string_append_printf(out, "reproduce: %s --check-determinism\n", reproduce->str);
    }
}

/* Both in the same place: the program is broken, but it is so twice. */
static bool both_broke_off(const Divergence *divergence, const TellingEnd ends[static SIDES])
{
    return !divergence_found(divergence) && !ends[0].whole && !ends[1].whole;
}

static int run_seed(const Simulation *simulation, uint64_t seed, const char *command)
{
    Pair pair = {0};
    Divergence *divergence = divergence_new(SHOWN_MAX, NULL);
    TellingEnd ends[SIDES];
    int exit_code = EXIT_DONE;
    fflush(stdout);
    if (!start_side(&pair, simulation, seed, 0) || !start_side(&pair, simulation, seed, 1)) {
        exit_code =
            options_fail(EXIT_ENVIRONMENT, command, "cannot run it twice: %s", g_strerror(errno));
        end_pair(&pair);
    } else {
        bool same = telling_compare(pair.runs, divergence, ends);
        g_autoptr(GString) out = g_string_new(NULL);
        end_pair(&pair);
        if (*simulation->interrupted) {
            exit_code = EXIT_INTERRUPTED;
        } else if (both_broke_off(divergence, ends)) {
            exit_code = options_fail(EXIT_INTERNAL, command,
                                     "seed %" PRIu64 ": both runs broke off, after %" PRIu64
                                     " equal events",
                                     seed, divergence_passed(divergence));
        } else {
            write_outcome(simulation, seed, same, divergence, ends, out);
            fputs(out->str, stdout);
            exit_code = same ? EXIT_DONE : EXIT_VIOLATION;
        }
    }
    divergence_free(divergence);
    return exit_code;
}

int twice_run(const Simulation *simulation, uint64_t first_seed, uint64_t count,
              const char *command)
{
    int exit_code = EXIT_DONE;
    uint64_t done = 0;
    for (; done < count && exit_code == EXIT_DONE; done += exit_code == EXIT_DONE)
        exit_code = run_seed(simulation, first_seed + done, command);
    if (exit_code == EXIT_INTERRUPTED)
        fprintf(stderr, "interrupted: %" PRIu64 " of %" PRIu64 " seeds done\n", done, count);
    return exit_code;
}
