#include "core/coder.h"
