template <typename T> T area(T side) { return side * side; }
