#include "shapes/square.h"
#include "helper.h"
#include <stdio.h>
int main(void) { printf("parts %d\n", plus(area(6))); }
