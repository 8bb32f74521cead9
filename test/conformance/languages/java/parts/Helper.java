class Helper {
  static int plus(int n) {
    return n + 6;
  }
}
