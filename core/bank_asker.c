#include "core/bank_asker.h"

#include <string.h>

#include "core/panic.h"
#include "core/planted.h"

/* A client's request under way. */
typedef struct Waiting {
    uint64_t client;
    uint64_t number;
    Address from;  /* of its latest datagram */
    bool stranger; /* ran no account when it asked */
    GList link;
} Waiting;

void askers_init(Askers *askers, BankDesk *desk, Registry *registry)
{
    *askers = (Askers){.desk = desk, .registry = registry, .waiting = G_QUEUE_INIT};
    askers->by_client = g_hash_table_new(g_int64_hash, g_int64_equal);
}

static void waiting_end(Askers *askers, Waiting *waiting)
{
    g_hash_table_remove(askers->by_client, &waiting->client);
    g_queue_unlink(&askers->waiting, &waiting->link);
    askers->strangers -= waiting->stranger;
    g_free(waiting);
}

void askers_deinit(Askers *askers)
{
    while (askers->waiting.head)
        waiting_end(askers, askers->waiting.head->data);
    g_hash_table_destroy(askers->by_client);
}

static Waiting *find_waiting(const Askers *askers, uint64_t client)
{
    return g_hash_table_lookup(askers->by_client, &client);
}

static bool is_stranger(const Askers *askers, uint64_t client)
{
    const RegistryClient *known = registry_client(askers->registry, client);
    return !known || !known->row;
}

static void waiting_add(Askers *askers, const Waiting *waits)
{
    Waiting *waiting = g_memdup2(waits, sizeof *waits);
    waiting->link = (GList){.data = waiting};
    askers->strangers += waiting->stranger;
    g_queue_push_tail_link(&askers->waiting, &waiting->link);
    g_hash_table_replace(askers->by_client, &waiting->client, waiting);
}

/* WORKING, or CHALLENGE: neither says anything that a crash could take back. */
static void send_sign(Askers *askers, MessageKind kind, Address to, const Message *request)
{
    const Message message = {
        .kind = kind,
        .working = {.client = request->request.client, .number = request->request.number}};
    desk_send_early(askers->desk, to, &message);
}

static void send_answer(Askers *askers, Address to, const RegistryClient *client)
{
    Message message = {.kind = MESSAGE_ANSWER};
    message.answer.client = client->id;
    message.answer.number = client->number;
    message.answer.total = client->length;
    for (size_t offset = 0; offset < client->length; offset += ANSWER_CHUNK_BYTES_MAX) {
        size_t length = MIN(client->length - offset, ANSWER_CHUNK_BYTES_MAX);
        message.answer.offset = (uint16_t)offset;
        message.answer.length = (uint16_t)length;
        memcpy(message.answer.bytes, client->answer + offset, length);
        desk_send(askers->desk, to, &message);
    }
}

/* Whether the request is one to be done. If not, it has been dropped, put off, or answered as it
 * was before. */
static bool is_new(Askers *askers, Address from, const Message *message)
{
    const uint64_t client = message->request.client, number = message->request.number;
    const RegistryClient *known = registry_client(askers->registry, client);
    const Waiting *waiting = find_waiting(askers, client);
    const uint64_t last = known ? known->number : 0;
    if (number == 0 || number < last || (waiting && number < waiting->number)) {
        desk_drop(askers->desk, DROP_STALE);
        return false;
    }
    if (leaps(last, number)) {
        desk_drop(askers->desk, DROP_LEAP);
        return false;
    }
    /* "Requests": the bank keeps the last number and its answer, and answers repetitions so. The
     * answer may have to wait for the disk; that the bank lives need not. */
    if (number == last && !planted(PLANTED_REQUEST_DONE_TWICE)) {
        effects_mark(askers->desk->effects, MARK_BANK_ANSWERS_AGAIN);
        send_sign(askers, MESSAGE_WORKING, from, message);
        send_answer(askers, from, known);
        return false;
    }
    if (waiting) /* the client gives that one up for this one */
        return true;
    bool full = askers->waiting.length >= ASKERS_WAITING_MAX ||
                (is_stranger(askers, client) && askers->strangers >= ASKERS_STRANGERS_MAX);
    if (full)
        send_sign(askers, MESSAGE_WORKING, from, message); /* it will ask again */
    return !full;
}

AskerVerdict asker_receive(Askers *askers, Address from, const Message *message, Asker *asker)
{
    const uint64_t client = message->request.client, number = message->request.number;
    if (!desk_vouched(askers->desk, from)) {
        send_sign(askers, MESSAGE_CHALLENGE, from, message);
        desk_drop(askers->desk, DROP_COOKIE);
        return ASKER_OVER;
    }
    *asker = (Asker){.command = message->request.command.kind,
                     .name = message->request.command.name,
                     .client = client,
                     .number = number};
    Waiting *waiting = find_waiting(askers, client);
    if (waiting && number == waiting->number) {
        waiting->from = from;
        send_sign(askers, MESSAGE_WORKING, from, message);
        return ASKER_AGAIN;
    }
    if (!is_new(askers, from, message))
        return ASKER_OVER;
    if (waiting)
        waiting_end(askers, waiting);
    waiting_add(askers, &(Waiting){.client = client,
                                   .number = number,
                                   .from = from,
                                   .stranger = is_stranger(askers, client)});
    /* A client that is not known may be one that was forgotten: then this may have been done. */
    if (!registry_client(askers->registry, client) && number > 1 &&
        askers->registry->counters.forgotten > 0) {
        asker_refuse(askers, asker, REFUSAL_LOST_ANSWER, &asker->name);
        return ASKER_OVER;
    }
    return ASKER_NEW;
}

void asker_console(Askers *askers, const Command *command, Asker *asker)
{
    INVARIANT(!askers->console_busy);
    askers->console_busy = true;
    *asker = (Asker){.command = command->kind, .name = command->name, .tag = command->tag};
}

Notice asker_notice(const Asker *asker, Refusal refusal, const Name *name)
{
    return (Notice){.kind = refusal == REFUSAL_NONE ? NOTICE_SUCCESS : NOTICE_FAILURE,
                    .command = asker->command,
                    .tag = asker->tag,
                    .refusal = refusal,
                    .name = *name};
}

void asker_record(Askers *askers, Coder *record, const Asker *asker, const Notice *notice)
{
    if (asker->client == 0)
        return;
    /* A client that has gone on to a later request wants no answer to this one any more. */
    const RegistryClient *known = registry_client(askers->registry, asker->client);
    if (known && known->number > asker->number)
        return;
    Coder answer = coder_encode_growing();
    Notice copy = *notice;
    answer_code(&answer, &copy, NULL, 0);
    INVARIANT(!answer.failed);
    INVARIANT_THAT(answer.length, <=, UINT16_MAX);
    const RegistryClient after = {.id = asker->client,
                                  .number = asker->number,
                                  .answer = answer.bytes,
                                  .length = (uint16_t)answer.length};
    registry_put_client(record, &after);
    coder_deinit(&answer);
}

void asker_answer(Askers *askers, const Asker *asker, const Notice *notice)
{
    if (asker->client == 0) {
        askers->console_busy = false;
        effects_notify(askers->desk->effects, notice);
        return;
    }
    Waiting *waiting = find_waiting(askers, asker->client);
    if (!waiting || waiting->number != asker->number)
        return;
    /* A dissolving is answered long after its record: the client may be forgotten by then. */
    const RegistryClient *known = registry_client(askers->registry, asker->client);
    if (known)
        send_answer(askers, waiting->from, known);
    waiting_end(askers, waiting);
}

void asker_finish(Askers *askers, Coder *record, const Asker *asker, const Notice *notice)
{
    if (planted(PLANTED_ANSWER_APART)) {
        registry_commit(askers->registry, record, askers->desk->effects);
        *record = registry_record();
    }
    asker_record(askers, record, asker, notice);
    registry_commit(askers->registry, record, askers->desk->effects);
    asker_answer(askers, asker, notice);
}

void asker_refuse(Askers *askers, const Asker *asker, Refusal refusal, const Name *name)
{
    Coder record = registry_record();
    const Notice notice = asker_notice(asker, refusal, name);
    asker_finish(askers, &record, asker, &notice);
}

void asker_stop(Askers *askers, const Asker *asker)
{
    if (asker->client == 0)
        asker_refuse(askers, asker, REFUSAL_STOPPING, &asker->name);
}

void asker_code(Coder *coder, Asker *asker)
{
    int command = (int)asker->command;
    code_enum(coder, &command, COMMAND_KINDS);
    asker->command = (CommandKind)command;
    code_name(coder, &asker->name);
    code_u64(coder, &asker->client);
    code_u64(coder, &asker->number);
    code_u64(coder, &asker->tag);
}

void askers_code(Askers *askers, Coder *coder)
{
    uint32_t count = askers->waiting.length;
    code_bool(coder, &askers->console_busy);
    code_u32(coder, &count);
    const GList *link = askers->waiting.head;
    for (uint32_t i = 0; i < count && !coder->failed; i++) {
        Waiting coded = {0};
        if (!coder->decoding) {
            coded = *(const Waiting *)link->data;
            link = link->next;
        }
        code_u64(coder, &coded.client);
        code_u64(coder, &coded.number);
        code_u32(coder, &coded.from.ip);
        code_u16(coder, &coded.from.port);
        code_bool(coder, &coded.stranger);
        if (coder->decoding)
            waiting_add(askers, &coded);
    }
}
