#include "core/transport.h"
