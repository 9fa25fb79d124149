#include "core/wire.h"
