#include <stdio.h>
int main(void) {
  puts("it ran") // broken
}
