#include "core/command.h"
