#include "tests/fuzz/acts.h"

#include "tests/core/office.h"
#include "tests/core/stranger.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD_BYTES = 4, LENGTH_AT = 2, CUSTOMERS = 8 };

bool acts_next(const uint8_t *data, size_t size, size_t *at, Act *act)
{
    if (*at > size || size - *at < HEAD_BYTES)
        return false;
    uint8_t kind;
    uint16_t length;
    Coder coder = coder_decode(data + *at, HEAD_BYTES);
    code_u8(&coder, &kind);
    code_u8(&coder, &act->who);
    code_u16(&coder, &length);
    act->kind = (ActKind)(kind % ACT_KINDS);
    act->at = *at;
    act->body = *at + HEAD_BYTES;
    act->length = MIN(length, size - act->body);
    *at = act->body + act->length;
    return true;
}

void acts_append(GByteArray *acts, ActKind kind, uint8_t who, const Message *message)
{
    uint8_t head[HEAD_BYTES];
    uint8_t kind8 = (uint8_t)kind;
    Coder coder = coder_encode_fixed(head, sizeof head), body = coder_encode_growing();
    if (message != NULL)
        message_code(&body, (Message *)message); /* an encoder only reads it */
    INVARIANT(!body.failed);
    uint16_t length = (uint16_t)body.length;
    code_u8(&coder, &kind8);
    code_u8(&coder, &who);
    code_u16(&coder, &length);
    g_byte_array_append(acts, head, sizeof head);
    g_byte_array_append(acts, body.bytes, length);
    coder_deinit(&body);
}

/* --- mutations --- */

static Message draw_to_bank(void)
{
    static const MessageKind kinds[] = {MESSAGE_REQUEST, MESSAGE_VOTE, MESSAGE_OUTCOME_ACK,
                                        MESSAGE_STATUS,  MESSAGE_LEFT, MESSAGE_REPORT,
                                        MESSAGE_BYE};
    const int customer = 1 + (int)fuzz_below(CUSTOMERS);
    Truth truth = {.cohort = 1,
                   .attempt = 1 + fuzz_below(3),
                   .id = 1 + fuzz_below(6),
                   .number = 1 + fuzz_below(4),
                   .client = (uint64_t)(1000 + customer),
                   .version = 1 + fuzz_below(4),
                   .member = (uint16_t)(customer - 1),
                   .count = CUSTOMERS};
    Message message;
    for (int i = 0; i < truth.count; i++)
        truth.names[i] = office_name(fuzz_below(3) > 0 ? customer : i + 1);
    stranger_seed(fuzz_below(UINT32_MAX));
    draw_message(&truth, (int)kinds[fuzz_below(G_N_ELEMENTS(kinds))], &message);
    return message;
}

static size_t insert(uint8_t *data, size_t size, size_t capacity, size_t at)
{
    g_autoptr(GByteArray) act = g_byte_array_new();
    const Message message = draw_to_bank();
    if (fuzz_below(4) > 0)
        acts_append(act, ACT_SAY, (uint8_t)fuzz_below(CUSTOMERS), &message);
    else
        acts_append(act, (ActKind)(ACT_WAIT + fuzz_below(ACT_KINDS - ACT_WAIT)),
                    (uint8_t)fuzz_below(UINT8_MAX + 1), NULL);
    if (act->len > capacity - size)
        return size;
    return fuzz_replace(data, size, capacity, at, 0, act->data, act->len);
}

static size_t change(uint8_t *data, size_t size, size_t capacity, const Act *act)
{
    const size_t rest = size - act->length;
    size = fuzz_mutate_part(data, size, MIN(capacity, rest + UINT16_MAX), act->body, act->length);
    uint16_t length = (uint16_t)(size - rest);
    Coder coder = coder_encode_fixed(data + act->at + LENGTH_AT, sizeof length);
    code_u16(&coder, &length);
    return size;
}

static Act any_act(const GArray *acts)
{
    return g_array_index(acts, Act, fuzz_below(acts->len));
}

size_t acts_mutate(uint8_t *data, size_t size, size_t capacity)
{
    if (size == 0 || fuzz_below(8) == 0)
        return LLVMFuzzerMutate(data, size, capacity);
    g_autoptr(GArray) acts = g_array_new(FALSE, FALSE, sizeof(Act));
    size_t at = 1;
    for (Act act; acts_next(data, size, &at, &act);)
        g_array_append_val(acts, act);
    if (acts->len == 0)
        return insert(data, 1, capacity, 1);
    const Act act = any_act(acts), place = any_act(acts);
    const size_t length = act.body + act.length - act.at;
    g_autofree uint8_t *copy = g_memdup2(data + act.at, length);
    switch (fuzz_below(6)) {
    case 0:
        return fuzz_replace(data, size, capacity, act.at, length, NULL, 0);
    case 1:
        return length <= capacity - size
                   ? fuzz_replace(data, size, capacity, place.at, 0, copy, length)
                   : size;
    case 2:
        return insert(data, size, capacity, place.at);
    case 3:
        return insert(data, size, capacity, size);
    default:
        return change(data, size, capacity, &act);
    }
}
