class Broken {
  public static void main(String[] args) {
    System.out.println("it ran") // broken
  }
}
