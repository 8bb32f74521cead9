#include "helper.hpp"
int plus_six(int n) { return n + 6; }
