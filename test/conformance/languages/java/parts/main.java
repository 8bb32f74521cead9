import shapes.Square;

class Application {
  public static void main(String[] args) {
    System.out.println("parts " + Helper.plus(Square.area(6)));
  }
}
