#include "core/notice.h"
