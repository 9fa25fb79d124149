#include "core/bank.h"
