#include <iostream>
int main() {
  std::cout << "it ran" // broken
}
