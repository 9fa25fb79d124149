/* The records of a customer's state, whatever they hold: refused, or a customer that its own
 * encoding brings back and that can be described. What it would do then is no question: a checksum
 * stands between a disk's damage and records that nobody wrote. */
#include <string.h>

#include "core/customer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/records.h"

static const CustomerConfig CONFIG = {.client = 1000,
                                      .seed = 1,
                                      .bank = {0x7f000001, 8600},
                                      .ip = 0x7f000001,
                                      .port1 = 8501,
                                      .port2 = 8502,
                                      .retries = RETRIES_UNLIMITED};

/* The account's own name is needed to load it, and only loading tells the name. */
static Customer *load(const Shelf *shelf, LoadResult *result)
{
    CustomerConfig config = CONFIG;
    Customer *customer = customer_new(&config);
    *result = customer_load(customer, shelf);
    if (*result == LOAD_WRONG_NAME) {
        config.resume = *customer_name(customer);
        customer_free(customer);
        customer = customer_new(&config);
        *result = customer_load(customer, shelf);
    }
    return customer;
}

static void expect_same_again(const Customer *customer)
{
    CustomerConfig config = CONFIG;
    config.resume = *customer_name(customer);
    Coder before = coder_encode_growing(), after = coder_encode_growing();
    Customer *copy = customer_new(&config);
    customer_encode(customer, &before);
    INVARIANT(customer_decode(copy, before.bytes, before.length));
    customer_encode(copy, &after);
    INVARIANT_THAT(before.length, ==, after.length);
    INVARIANT(memcmp(before.bytes, after.bytes, before.length) == 0);
    customer_free(copy);
    coder_deinit(&before);
    coder_deinit(&after);
}

static void look_in(const Customer *customer)
{
    char why[200];
    g_autoptr(GString) description = g_string_new(NULL);
    customer_describe(customer, description);
    customer_idle(customer, why, sizeof why);
    customer_lost(customer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Shelf *shelf = shelf_new();
    LoadResult result;
    records_read(data, size, shelf);
    Customer *customer = load(shelf, &result);
    if (result == LOAD_OK) {
        expect_same_again(customer);
        look_in(customer);
    }
    customer_free(customer);
    shelf_free(shelf);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    fuzz_seed(seed);
    return records_mutate(data, size, capacity);
}
