#include "helper.h"
int plus(int n) { return n + 6; }
