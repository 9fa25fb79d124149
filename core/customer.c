#include "core/customer.h"
