#include <iostream>
#include <cstdlib>
#include <fstream>
#include <map>
#include <source_location>
#include <string>
#include <thread>
#include <utility>
#include <vector>

[[noreturn]] static void fail(const char *what, std::source_location at = std::source_location::current()) {
  std::cerr << at.file_name() << ":" << at.line() << ": " << what << '\n';
  std::abort();
}

int main(int argc, char **argv) {
  const std::string mode = argv[1];
  if (mode == "unicode") {
    std::string line;
    std::cout << "héllo 世界 🎉" << std::endl;
    std::getline(std::cin, line);
    std::cout << line << '\n';
  } else if (mode == "args") {
    for (int i = 2; i < argc; i++) std::cout << argv[i] << '\n';
  } else if (mode == "eof") {
    int count = 0;
    while (std::cin.get() != EOF) count++;
    std::cout << count << '\n';
  } else if (mode == "files") {
    int n;
    std::ifstream("data/in.txt") >> n;
    std::ofstream("/mnt/data/out.txt") << 2 * n;
  } else if (mode == "exit") {
    return 7;
  } else if (mode == "crash") {
    fail("an assumption is wrong"); // the line that fails
  } else if (mode == "threads") {
    std::vector<long> values{10, 20, 30, 40};
    std::vector<std::jthread> threads;
    for (auto &value : values)
      threads.emplace_back([&value] {
        long sum = 0;
        for (long i = 0; i < value; i++) sum += i;
        value = sum;
      });
    threads.clear();
    std::cout << values[0] + values[1] + values[2] + values[3] << '\n';
  } else if (mode == "library") {
    std::map<std::string, int> words;
    for (auto word : {"banana", "apple", "apple"}) words[word]++;
    const char *separator = "";
    for (auto &[word, count] : words) std::cout << std::exchange(separator, " ") << word << ':' << count;
    std::cout << '\n';
  } else if (mode == "work") {
    int count = 0;
    for (int n = 2; n < std::stoi(argv[2]); n++) {
      int d = 2;
      while (d * d <= n && n % d) d++;
      count += d * d > n;
    }
    std::cout << count << '\n';
  } else if (mode == "endless") {
    std::cout << "before\n";
    for (volatile int i = 0;;) i = i + 1;
  }
}
