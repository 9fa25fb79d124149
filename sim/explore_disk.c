#include "sim/explore_disk.h"

#include "core/panic.h"

Customer *disk_load(const Shelf *disk, const CustomerConfig *config)
{
    Customer *customer = customer_new(config);
    LoadResult loaded = customer_load(customer, disk);
    INVARIANT_THAT(loaded, ==, LOAD_OK);
    return customer;
}

void disk_encode(const Shelf *disk, const CustomerConfig *config, uint32_t tries_max, Coder *out)
{
    Customer *customer = disk_load(disk, config);
    canonical_forget(customer, tries_max);
    customer_encode(customer, out);
    customer_free(customer);
}

Shelf *disk_decode(const uint8_t *bytes, size_t length, const CustomerConfig *config)
{
    Effects *effects = effects_new();
    Shelf *disk = shelf_new();
    Customer *customer = customer_new(config);
    bool decoded = customer_decode(customer, bytes, length);
    INVARIANT(decoded);
    canonical_save(customer, effects);
    shelf_apply(disk, effects);
    customer_free(customer);
    effects_free(effects);
    return disk;
}
