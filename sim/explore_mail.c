#include "sim/explore_mail.h"

#include <glib.h>
#include <string.h>

#include "core/panic.h"
#include "core/wire.h"

enum { PARTS_MAX = 32, MESSAGES_BYTES_MAX = DATAGRAM_BYTES_MAX };

/* One message, as far as its death is concerned. */
typedef struct Part {
    MessageKind kind;
    Instance instance;
    uint64_t number; /* a label, a version, an epoch */
    uint64_t upto;   /* STABLE */
    uint16_t start;  /* its bytes in the mail */
    uint16_t end;
} Part;

typedef struct Mail {
    uint8_t from;
    uint8_t to;
    uint8_t part_count;
    bool stamped; /* a message in it is judged by these: */
    uint64_t inc;
    uint64_t known;
    uint16_t length; /* of the datagram */
    Part parts[PARTS_MAX];
    uint8_t messages[MESSAGES_BYTES_MAX];
    uint8_t datagram[DATAGRAM_BYTES_MAX];
} Mail;

struct Mails {
    uint64_t cohort;
    uint16_t members;
    uint32_t ips[STANDING_PEERS_MAX];
    bool plain;
    Pool *pool;       /* of header and messages */
    GPtrArray *mails; /* of Mail, cut to its size */
};

Mails *mails_new(uint64_t cohort, uint16_t members, const uint32_t *ips, bool plain)
{
    Mails *mails = g_new0(Mails, 1);
    mails->cohort = cohort;
    mails->members = members;
    memcpy(mails->ips, ips, members * sizeof *ips);
    mails->plain = plain;
    mails->pool = pool_new();
    mails->mails = g_ptr_array_new_with_free_func(g_free);
    return mails;
}

void mails_free(Mails *mails)
{
    g_ptr_array_unref(mails->mails);
    pool_free(mails->pool);
    g_free(mails);
}

static const Mail *get(const Mails *mails, uint32_t mail)
{
    INVARIANT_THAT(mail, <, mails->mails->len);
    return g_ptr_array_index(mails->mails, mail);
}

/* --- making --- */

static bool judged_by_incarnations(MessageKind kind)
{
    return kind == MESSAGE_TRANSFER || kind == MESSAGE_SKIP || kind == MESSAGE_ACK ||
           kind == MESSAGE_STABLE_ACK;
}

static Part part_of(const Message *message)
{
    Part part = {.kind = message->kind};
    switch (message->kind) {
    case MESSAGE_TRANSFER:
    case MESSAGE_SKIP:
        part.number = message->transfer.label;
        break;
    case MESSAGE_ACK:
        part.number = message->ack.upto;
        break;
    case MESSAGE_STABLE:
        part.number = message->stable.version;
        part.upto = message->stable.coverage.upto;
        break;
    case MESSAGE_STABLE_ACK:
        part.number = message->stable_ack.version;
        break;
    case MESSAGE_CHECKPOINT_REQUEST:
        part.instance = message->checkpoint_request.instance;
        break;
    case MESSAGE_CHECKPOINT_VOTE:
    case MESSAGE_PREPARE_VOTE:
        part.instance = message->vote.instance;
        break;
    case MESSAGE_PREPARE:
        part.instance = message->prepare.instance;
        break;
    case MESSAGE_DECISION:
        part.instance = message->decision.instance;
        break;
    case MESSAGE_DECISION_ACK:
    case MESSAGE_QUERY:
        part.instance = message->instance;
        break;
    case MESSAGE_MOVED:
        part.number = message->moved.epoch;
        break;
    default:
        INVARIANT_THAT(message->kind, ==, MESSAGE_MOVED_ACK);
        part.number = message->moved_ack;
        break;
    }
    return part;
}

/* Puts one message more into a mail; its bytes are those that are sent. */
static void put(const Mails *mails, Mail *mail, const Message *original)
{
    Message message = *original;
    if (message.kind == MESSAGE_ACK && mails->plain)
        message.ack.from = 0;
    Part part = part_of(&message);
    part.start = mail->part_count > 0 ? mail->parts[mail->part_count - 1].end : 0;
    Coder coder =
        coder_encode_fixed(mail->messages + part.start, sizeof mail->messages - part.start);
    message_code(&coder, &message);
    INVARIANT(!coder.failed && mail->part_count < PARTS_MAX);
    part.end = (uint16_t)(part.start + coder.length);
    mail->stamped = mail->stamped || judged_by_incarnations(message.kind);
    mail->parts[mail->part_count++] = part;
}

static Message message_at(const Mail *mail, const Part *part)
{
    Message message;
    Coder coder = coder_decode(mail->messages + part->start, (size_t)(part->end - part->start));
    message_code(&coder, &message);
    INVARIANT(coder_finished(&coder));
    return message;
}

static void write_datagram(const Mails *mails, Mail *mail)
{
    WireWriter writer;
    Header header = {.cohort = mails->cohort,
                     .sender = mail->from,
                     .receiver = mail->to,
                     .inc = mail->inc,
                     .known = mail->known};
    wire_begin(&writer, &header);
    for (unsigned i = 0; i < mail->part_count; i++) {
        Message message = message_at(mail, &mail->parts[i]);
        bool fits = wire_add(&writer, &message);
        INVARIANT(fits);
    }
    mail->length = (uint16_t)wire_end(&writer);
    memcpy(mail->datagram, writer.bytes, mail->length);
}

static uint32_t intern(Mails *mails, Mail *mail)
{
    uint8_t key[2 * DATAGRAM_BYTES_MAX];
    size_t length = mail->parts[mail->part_count - 1].end;
    if (!mail->stamped) {
        mail->inc = 0;
        mail->known = 0;
    }
    Coder coder = coder_encode_fixed(key, sizeof key);
    code_u8(&coder, &mail->from);
    code_u8(&coder, &mail->to);
    code_u64(&coder, &mail->inc);
    code_u64(&coder, &mail->known);
    code_bytes(&coder, mail->messages, length);
    INVARIANT(!coder.failed);
    uint32_t number = pool_intern(mails->pool, key, coder.length);
    if (number < mails->mails->len)
        return number;
    write_datagram(mails, mail);
    g_ptr_array_add(mails->mails, g_memdup2(mail, offsetof(Mail, datagram) + mail->length));
    return number;
}

uint32_t mails_of(Mails *mails, const uint8_t *datagram, size_t length)
{
    WireReader reader;
    Header header;
    Message message;
    DropReason reason = wire_open(&reader, datagram, length, &header);
    INVARIANT_THAT(reason, ==, DROP_NONE);
    Mail mail = {.from = (uint8_t)header.sender,
                 .to = (uint8_t)header.receiver,
                 .inc = header.inc,
                 .known = header.known};
    while (wire_next(&reader, &message))
        put(mails, &mail, &message);
    return intern(mails, &mail);
}

/* --- dying --- */

static bool instance_same(Instance a, Instance b)
{
    return a.initiator == b.initiator && a.number == b.number;
}

static bool engaged_in(const Standing *standing, Instance instance)
{
    return standing->engaged.number != 0 && instance_same(standing->engaged, instance);
}

static bool announces(const Standing *standing, Instance instance, uint8_t unacked)
{
    for (unsigned i = 0; i < standing->announcement_count; i++) {
        if (instance_same(standing->announcements[i].instance, instance))
            return (standing->announcements[i].unacked & unacked) != 0;
    }
    return false;
}

/* It has begun and ended here, or never will begin. */
static bool over(const Standing *standing, Instance instance)
{
    for (unsigned i = 0; i < standing->count; i++) {
        if (instance_same(standing->peers[i].closed, instance))
            return false;
    }
    return instance.number <= standing->peers[instance.initiator].finished &&
           !engaged_in(standing, instance);
}

/* What both ends know when one message of `mail` comes. */
typedef struct Ends {
    const Mail *mail;
    const Standing *from;
    const Standing *to;
    const PeerStanding *sender;   /* as the receiver knows it */
    const PeerStanding *receiver; /* as the sender does */
    bool stale;                   /* of an incarnation that is over */
    bool current;                 /* of those that are, as the receiver knows */
    bool steady;                  /* neither crash nor recovery takes anything back */
    bool plain;                   /* no transfer can become a skip */
} Ends;

static Ends ends_of(const Mails *mails, const Mail *mail, const Standing *from, const Standing *to,
                    bool steady)
{
    const PeerStanding *sender = &to->peers[mail->from];
    return (Ends){
        .mail = mail,
        .from = from,
        .to = to,
        .sender = sender,
        .receiver = &from->peers[mail->to],
        .stale = mail->inc < sender->known || mail->known < to->inc,
        .current = mail->inc == sender->known && mail->known == to->inc,
        .steady = steady && !from->recovering && !to->recovering,
        .plain = mails->plain,
    };
}

/* Who recovers accepts nothing, and is of another incarnation afterwards. An accepted transfer is
 * acknowledged again: until the sender has that acknowledgement. */
static bool transfer_dead(const Ends *ends, const Part *part)
{
    bool known = ends->current && ends->from->inc == ends->mail->inc &&
                 ends->receiver->known == ends->to->inc && part->number <= ends->sender->accepted &&
                 (ends->from->recovering || ends->receiver->acked >= ends->sender->accepted);
    return ends->stale || known || (ends->current && ends->to->recovering);
}

/* A crash takes back what was acknowledged since the permanent checkpoint. Said again, that can
 * still take back what was given up meanwhile. */
static bool ack_dead(const Ends *ends, const Part *part)
{
    bool known = part->number <= ends->sender->released;
    if (ends->plain || ends->steady)
        known = ends->to->recovering || part->number <= ends->sender->acked;
    return ends->stale || (ends->current && known);
}

/* The announcement of a checkpoint is answered again: until the sender has the answer. A rollback
 * brings back what was released since the receiver's own checkpoint. */
static bool stable_dead(const Ends *ends, const Part *part)
{
    bool answered =
        part->number < ends->from->permanents || (ends->steady && !ends->receiver->stable_due);
    return part->number <= ends->sender->version && part->upto <= ends->sender->released &&
           answered;
}

static bool stable_ack_dead(const Ends *ends, const Part *part)
{
    return ends->stale || part->number < ends->to->permanents ||
           (ends->current && ends->steady && !ends->sender->stable_due &&
            part->number == ends->to->permanents);
}

static bool vote_dead(const Ends *ends, const Part *part)
{
    bool counted =
        engaged_in(ends->to, part->instance) && (ends->to->voted || !ends->sender->waiting);
    return over(ends->to, part->instance) || counted;
}

static bool dead(const Ends *ends, const Part *part)
{
    uint8_t receiver = (uint8_t)(1u << ends->mail->to);
    uint8_t sender = (uint8_t)(1u << ends->mail->from);
    switch (part->kind) {
    case MESSAGE_TRANSFER:
    case MESSAGE_SKIP:
        return transfer_dead(ends, part);
    case MESSAGE_ACK:
        return ack_dead(ends, part);
    case MESSAGE_STABLE:
        return stable_dead(ends, part);
    case MESSAGE_STABLE_ACK:
        return stable_ack_dead(ends, part);
    case MESSAGE_CHECKPOINT_REQUEST:
    case MESSAGE_PREPARE:
        return over(ends->to, part->instance) && over(ends->from, part->instance);
    case MESSAGE_CHECKPOINT_VOTE:
    case MESSAGE_PREPARE_VOTE:
        return vote_dead(ends, part);
    case MESSAGE_DECISION:
        return over(ends->to, part->instance) && !announces(ends->to, part->instance, UINT8_MAX) &&
               over(ends->from, part->instance) && !announces(ends->from, part->instance, receiver);
    case MESSAGE_DECISION_ACK:
        return over(ends->to, part->instance) && !announces(ends->to, part->instance, sender);
    case MESSAGE_QUERY:
        return over(ends->from, part->instance);
    case MESSAGE_MOVED:
        return part->number <= ends->sender->epoch &&
               (part->number < ends->from->epoch || !ends->receiver->moved_due);
    default:
        return part->number < ends->to->epoch ||
               (part->number == ends->to->epoch && !ends->sender->moved_due);
    }
}

uint32_t mails_alive(Mails *mails, uint32_t mail, const Standing *from, const Standing *to,
                     bool steady)
{
    const Mail *whole = get(mails, mail);
    const Ends ends = ends_of(mails, whole, from, to, steady);
    uint32_t alive = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < whole->part_count; i++) {
        if (!dead(&ends, &whole->parts[i])) {
            alive |= UINT32_C(1) << i;
            count++;
        }
    }
    if (count == whole->part_count)
        return mail;
    if (count == 0)
        return MAIL_DEAD;
    Mail rest = {.from = whole->from, .to = whole->to, .inc = whole->inc, .known = whole->known};
    for (unsigned i = 0; i < whole->part_count; i++) {
        Message message;
        if ((alive >> i & 1) == 0)
            continue;
        message = message_at(whole, &whole->parts[i]);
        put(mails, &rest, &message);
    }
    return intern(mails, &rest);
}

/* --- permuting --- */

static void permute_participants(const Mails *mails, Message *message, const Permutation *by)
{
    uint8_t bits = 0;
    if (message->vote.participant_bytes == 0)
        return;
    for (unsigned i = 0; i < mails->members; i++)
        bits |= (uint8_t)((message->vote.participants[0] >> i & 1u) << by->to[i]);
    message->vote.participants[0] = bits;
}

static void permute_message(const Mails *mails, Message *message, const Permutation *by)
{
    switch (message->kind) {
    case MESSAGE_CHECKPOINT_REQUEST:
        message->checkpoint_request.instance.initiator =
            by->to[message->checkpoint_request.instance.initiator];
        break;
    case MESSAGE_CHECKPOINT_VOTE:
    case MESSAGE_PREPARE_VOTE:
        message->vote.instance.initiator = by->to[message->vote.instance.initiator];
        permute_participants(mails, message, by);
        break;
    case MESSAGE_PREPARE:
        message->prepare.instance.initiator = by->to[message->prepare.instance.initiator];
        break;
    case MESSAGE_DECISION:
        message->decision.instance.initiator = by->to[message->decision.instance.initiator];
        break;
    case MESSAGE_DECISION_ACK:
    case MESSAGE_QUERY:
        message->instance.initiator = by->to[message->instance.initiator];
        break;
    case MESSAGE_MOVED:
        for (unsigned i = 0; i < mails->members; i++) {
            if (mails->ips[i] == message->moved.address.ip) {
                message->moved.address.ip = mails->ips[by->to[i]];
                break;
            }
        }
        break;
    default:
        break;
    }
}

uint32_t mails_image(Mails *mails, uint32_t mail, const Permutation *permutation)
{
    const Mail *whole = get(mails, mail);
    Mail image = {.from = permutation->to[whole->from],
                  .to = permutation->to[whole->to],
                  .inc = whole->inc,
                  .known = whole->known};
    for (unsigned i = 0; i < whole->part_count; i++) {
        Message message = message_at(whole, &whole->parts[i]);
        permute_message(mails, &message, permutation);
        put(mails, &image, &message);
    }
    return intern(mails, &image);
}

/* --- looking in --- */

uint16_t mails_from(const Mails *mails, uint32_t mail)
{
    return get(mails, mail)->from;
}

uint16_t mails_to(const Mails *mails, uint32_t mail)
{
    return get(mails, mail)->to;
}

const uint8_t *mails_datagram(const Mails *mails, uint32_t mail, size_t *length)
{
    const Mail *found = get(mails, mail);
    *length = found->length;
    return found->datagram;
}

uint64_t mails_bytes(const Mails *mails)
{
    return pool_bytes(mails->pool) +
           mails->mails->len * (sizeof(Mail *) + offsetof(Mail, datagram));
}
