import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

public class AnyNameAtAll {
  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "unicode" -> {
        System.out.println("héllo 世界 🎉");
        System.out.println(new String(System.in.readAllBytes(), "UTF-8").trim());
      }
      case "args" -> Arrays.stream(args).skip(1).forEach(System.out::println);
      case "eof" -> System.out.println(System.in.readAllBytes().length);
      case "files" -> files();
      case "exit" -> System.exit(7);
      case "crash" -> {
        Object nothing = null;
        System.out.println(nothing.hashCode()); // the line that fails
      }
      case "threads" -> {
        try (var pool = Executors.newFixedThreadPool(4)) {
          long total = 0;
          var sums = List.of(10, 20, 30, 40).stream().map(n -> pool.submit(() -> LongStream.range(0, n).sum())).toList();
          for (Future<Long> sum : sums) total += sum.get();
          System.out.println(total);
        }
      }
      case "library" -> {
        var words = Arrays.stream("banana apple apple".split(" "))
            .collect(Collectors.groupingBy(word -> word, TreeMap::new, Collectors.counting()));
        System.out.println(
            words.entrySet().stream().map(it -> it.getKey() + ":" + it.getValue()).collect(Collectors.joining(" ")));
      }
      case "work" -> {
        int count = 0;
        for (int n = 2; n < Integer.parseInt(args[1]); n++) {
          int d = 2;
          while (d * d <= n && n % d != 0) d++;
          if (d * d > n) count++;
        }
        System.out.println(count);
      }
      case "endless" -> {
        System.out.println("before");
        for (;;) Thread.onSpinWait();
      }
    }
  }

  private static void files() throws IOException {
    int n = Integer.parseInt(Files.readString(Path.of("data/in.txt")).trim());
    Files.writeString(Path.of("/mnt/data/out.txt"), String.valueOf(2 * n));
  }
}
