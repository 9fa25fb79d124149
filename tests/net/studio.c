#include "tests/net/studio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "net/effectcode.h"

enum { LOCALHOST = 0x7f000001, PORT_OF_BANK = 8600, PORT1_OF_ANN = 8501 };
#define UNIX_NS (UINT64_C(1700000000) * NS_PER_S)

typedef struct Flight {
    int to;
    Port port;
    Address from;
    GBytes *bytes;
} Flight;

/* --- tapes --- */

static void put(GByteArray *tape, Coder *coder)
{
    frame_finish(coder, tape->len);
    g_byte_array_append(tape, coder->bytes, (guint)coder->length);
    coder_deinit(coder);
}

void tape_frame(GByteArray *tape, FrameKind kind, const uint8_t *bytes, size_t length)
{
    Coder coder = coder_encode_growing();
    frame_begin(&coder, kind);
    code_bytes(&coder, (uint8_t *)bytes, length);
    put(tape, &coder);
}

static GByteArray *tape_new(Studio *studio, StudioProcess *process, RecordingHeader *header)
{
    GByteArray *tape = g_byte_array_new();
    Coder coder = coder_encode_growing();
    g_strlcpy(header->version, COHORT_VERSION, sizeof header->version);
    header->monotonic_ns = studio->now_ns;
    header->realtime_ns = UNIX_NS + studio->now_ns + process->wrong_ns;
    g_byte_array_append(tape, (const guint8 *)RECORDING_MAGIC, RECORDING_MAGIC_BYTES);
    frame_begin(&coder, FRAME_HEADER);
    code_header(&coder, header);
    put(tape, &coder);
    return tape;
}

GByteArray *tape_changed(const GByteArray *tape, int number,
                         void (*change)(FrameKind kind, uint8_t *bytes, size_t length))
{
    GByteArray *changed = g_byte_array_new();
    RecordingReader reader;
    Frame frame;
    assert_true(recording_open(&reader, tape->data, tape->len));
    g_byte_array_append(changed, tape->data, RECORDING_MAGIC_BYTES);
    for (int i = 0; recording_next(&reader, &frame) == RECORDING_FRAME; i++) {
        g_autofree uint8_t *bytes = g_memdup2(frame.bytes, frame.length);
        if (i == number)
            change(frame.kind, bytes, frame.length);
        tape_frame(changed, frame.kind, bytes, frame.length);
    }
    return changed;
}

int tape_find_last(const GByteArray *tape, FrameKind kind)
{
    RecordingReader reader;
    Frame frame;
    int last = -1;
    assert_true(recording_open(&reader, tape->data, tape->len));
    for (int i = 0; recording_next(&reader, &frame) == RECORDING_FRAME; i++)
        last = frame.kind == kind ? i : last;
    return last;
}

/* --- stepping --- */

static Address address_of(int who, Port port)
{
    return (Address){LOCALHOST, who == STUDIO_BANK
                                    ? PORT_OF_BANK
                                    : (uint16_t)(PORT1_OF_ANN + 2 * (who - 1) + (int)port)};
}

static void send(Studio *studio, int who, const Effect *effect)
{
    const int place = effect->send.to.port - PORT1_OF_ANN;
    Flight *flight = g_new0(Flight, 1);
    flight->to = effect->send.to.port == PORT_OF_BANK ? STUDIO_BANK : 1 + place / 2;
    flight->port = flight->to == STUDIO_BANK || place % 2 == 0 ? PORT_BANK : PORT_PEER;
    flight->from = address_of(who, effect->send.port);
    flight->bytes = g_bytes_new(effect->send.bytes, effect->send.length);
    g_queue_push_tail(studio->flights, flight);
}

static void tell_saved(Studio *studio, StudioProcess *process)
{
    Coder coder = coder_encode_growing();
    frame_begin(&coder, FRAME_SAVED);
    code_saved(&coder, &(RecordingSaved){studio->now_ns, process->commits});
    put(process->tape, &coder);
}

static void step(Studio *studio, int who, Event *event)
{
    StudioProcess *process = &studio->processes[who];
    Coder coder = coder_encode_growing();
    studio->now_ns += NS_PER_US;
    event->now_ns = studio->now_ns;
    frame_begin(&coder, FRAME_EVENT);
    code_event(&coder, event);
    put(process->tape, &coder);
    if (who == STUDIO_BANK)
        bank_step(process->bank, event, studio->effects);
    else
        customer_step(process->customer, event, studio->effects);
    coder = coder_encode_growing();
    frame_begin(&coder, FRAME_EFFECTS);
    effects_encode(studio->effects, &coder);
    put(process->tape, &coder);
    process->deadline_ns = effects_deadline(studio->effects);
    if (process->unsaved)
        return;
    if (effects_saves(studio->effects)) {
        process->commits++;
        tell_saved(studio, process);
        if (who != STUDIO_BANK)
            shelf_apply(process->shelf, studio->effects);
    }
    for (size_t i = 0; i < effects_count(studio->effects); i++) {
        const Effect *effect = effects_at(studio->effects, i);
        if (effect->kind == EFFECT_SEND)
            send(studio, who, effect);
    }
}

static void deliver(Studio *studio)
{
    Flight *flight;
    while ((flight = g_queue_pop_head(studio->flights)) != NULL) {
        Event event = {.kind = EVENT_DATAGRAM, .port = flight->port, .from = flight->from};
        event.bytes = g_bytes_get_data(flight->bytes, &event.length);
        if (studio->processes[flight->to].tape != NULL)
            step(studio, flight->to, &event);
        g_bytes_unref(flight->bytes);
        g_free(flight);
    }
}

static bool idle(const Studio *studio)
{
    char why[256];
    for (int i = STUDIO_ANN; i < STUDIO_PROCESSES; i++) {
        if (!customer_idle(studio->processes[i].customer, why, sizeof why))
            return false;
    }
    return bank_idle(studio->processes[STUDIO_BANK].bank, why, sizeof why);
}

static void settle(Studio *studio)
{
    deliver(studio);
    for (int i = 0; i < 1000 && !idle(studio); i++) {
        int first = STUDIO_BANK;
        for (int j = STUDIO_ANN; j < STUDIO_PROCESSES; j++) {
            if (studio->processes[j].deadline_ns < studio->processes[first].deadline_ns)
                first = j;
        }
        studio->now_ns = MAX(studio->now_ns, studio->processes[first].deadline_ns);
        step(studio, first, &(Event){.kind = EVENT_TIMEOUT});
        deliver(studio);
    }
    assert_true(idle(studio));
}

static Event command(int who, const char *line)
{
    Event event = {.kind = EVENT_COMMAND};
    CommandError error;
    assert_true(command_parse(line, who == STUDIO_BANK ? PLACE_BANK : PLACE_CUSTOMER,
                              &event.command, &error));
    return event;
}

void studio_do(Studio *studio, int who, const char *line)
{
    Event event = command(who, line);
    step(studio, who, &event);
    settle(studio);
}

void studio_last(Studio *studio, int who, const char *line)
{
    Event event = command(who, line);
    studio->processes[who].unsaved = true;
    step(studio, who, &event);
}

void studio_stop(Studio *studio, int who)
{
    StudioProcess *process = &studio->processes[who];
    Coder coder = coder_encode_growing();
    step(studio, who, &(Event){.kind = EVENT_STOP});
    frame_begin(&coder, FRAME_END);
    code_end(&coder,
             &(RecordingEnd){.state_hash = recording_state_hash(process->bank, process->customer)});
    put(process->tape, &coder);
}

/* --- lives --- */

static void begin_customer(Studio *studio, int who, bool resume)
{
    StudioProcess *process = &studio->processes[who];
    RecordingHeader header = {.role = RECORDING_CUSTOMER, .stored = process->shelf};
    header.customer = (CustomerConfig){.client = studio->now_ns + (uint64_t)who,
                                       .seed = 7,
                                       .bank = address_of(STUDIO_BANK, PORT_BANK),
                                       .ip = LOCALHOST,
                                       .port1 = address_of(who, PORT_BANK).port,
                                       .port2 = address_of(who, PORT_PEER).port,
                                       .retries = RETRIES_UNLIMITED};
    if (resume)
        name_set(&header.customer.resume, who == STUDIO_ANN ? "ann" : "bob");
    process->customer = customer_new(&header.customer);
    assert_int_equal(customer_load(process->customer, process->shelf), LOAD_OK);
    process->tape = tape_new(studio, process, &header);
    step(studio, who, &(Event){.kind = EVENT_START});
}

static void begin_bank(Studio *studio)
{
    StudioProcess *process = &studio->processes[STUDIO_BANK];
    RecordingHeader header = {.role = RECORDING_BANK, .bank = {.seed = 5}};
    Coder state = coder_encode_growing();
    process->bank = bank_new(&header.bank);
    bank_encode(process->bank, &state);
    header.bank_state = state.bytes;
    header.bank_state_length = state.length;
    process->tape = tape_new(studio, process, &header);
    coder_deinit(&state);
    step(studio, STUDIO_BANK, &(Event){.kind = EVENT_START});
}

Studio *studio_new(uint64_t ahead_ns)
{
    Studio *studio = g_new0(Studio, 1);
    studio->now_ns = 5 * NS_PER_S;
    studio->effects = effects_new();
    studio->flights = g_queue_new();
    studio->processes[STUDIO_ANN].wrong_ns = ahead_ns;
    begin_bank(studio);
    for (int who = STUDIO_ANN; who < STUDIO_PROCESSES; who++) {
        studio->processes[who].shelf = shelf_new();
        begin_customer(studio, who, false);
    }
    studio_do(studio, STUDIO_ANN, "open ann 100");
    studio_do(studio, STUDIO_BOB, "open bob 100");
    studio_do(studio, STUDIO_ANN, "new-cohort 2");
    assert_int_not_equal(customer_cohort(studio->processes[STUDIO_BOB].customer), 0);
    return studio;
}

void studio_again(Studio *studio, int who, const Shelf *shelf)
{
    StudioProcess *process = &studio->processes[who];
    Shelf *copy = shelf_new();
    for (size_t i = 0; i < shelf_count(shelf); i++) {
        const ShelfRecord record = shelf_at(shelf, i);
        shelf_put(copy, record.slot, record.index, record.bytes, record.length);
    }
    customer_free(process->customer);
    shelf_free(process->shelf);
    process->shelf = copy;
    process->unsaved = false;
    process->commits = 0;
    begin_customer(studio, who, true);
    settle(studio);
}

void studio_free(Studio *studio)
{
    Flight *flight;
    while ((flight = g_queue_pop_head(studio->flights)) != NULL) {
        g_bytes_unref(flight->bytes);
        g_free(flight);
    }
    for (int who = 0; who < STUDIO_PROCESSES; who++) {
        StudioProcess *process = &studio->processes[who];
        if (process->customer != NULL)
            customer_free(process->customer);
        shelf_free(process->shelf);
        g_byte_array_unref(process->tape);
    }
    bank_free(studio->processes[STUDIO_BANK].bank);
    g_queue_free(studio->flights);
    effects_free(studio->effects);
    g_free(studio);
}
