package shapes;

public record Square(int side) {
  public static int area(int side) {
    return side * side;
  }
}
