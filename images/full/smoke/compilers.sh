# Every compiler makes a program that runs.
set -euo pipefail
cd /tmp
echo 'int puts(const char *); int main(void) { puts("c"); return 0; }' > a.c
gcc -fuse-ld=mold -o a a.c && ./a
for header in bits/stdc++.h iostream; do
  printf '#include <%s>\n#include <print>\nint main() { std::println("c++ {:>6.2f}", 2.5); std::println(std::cout, "{}", 1); }\n' $header > a.cpp
  g++ -std=gnu++23 -O2 -pthread -Winvalid-pch -Werror -fuse-ld=mold -include "/usr/lib/dragoman/cpp/$(basename $header)" -o a a.cpp \
    -L/usr/lib/dragoman/cpp -lformat && ./a
done
printf '#include <Eigen/Dense>\n#include <nlohmann/json.hpp>\nint main() { return nlohmann::json(Eigen::Matrix2d::Identity().trace()).dump() != "2.0"; }\n' > a.cpp
g++ -std=gnu++23 -o a a.cpp && ./a
printf "print '(a)', 'fortran'\nend\n" > a.f90
gfortran -o a a.f90 && ./a
echo 'import std.stdio; void main() { writeln("d"); }' > a.d
ldc2 -linker=mold -of=a a.d && ./a
echo 'fn main() { println!("rust"); }' > a.rs
rustc -Clink-arg=-fuse-ld=mold -o a a.rs && ./a
printf 'package main\nimport "fmt"\nfunc main() { fmt.Println("go") }\n' > a.go
tools=$(echo /usr/lib/go-*/pkg/tool/*)
"$tools/compile" -p main -pack -importcfg /usr/lib/dragoman/go/importcfg -o a.a a.go
"$tools/link" -importcfg /usr/lib/dragoman/go/importcfg -o a a.a && ./a
echo 'class A { public static void main(String[] args) { System.out.println("java"); } }' > a.java
java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:AOTMode=on -XX:AOTCache=/usr/lib/dragoman/java/compile.aot \
  -jar /usr/lib/dragoman/java/compile.jar a.java a.jar
java -XX:+UseSerialGC -XX:-UsePerfData -Xshare:on -XX:SharedArchiveFile=/usr/lib/dragoman/java/run.jsa -jar a.jar
echo '<?php echo mb_strtoupper("php\n"); new PDO("sqlite::memory:"); json_encode(gmp_init(1));' > a.php
php a.php
