# Every compiler makes a program that runs.
set -euo pipefail
cd /tmp
echo 'int puts(const char *); int main(void) { puts("c"); return 0; }' > a.c
gcc -o a a.c && ./a
printf '#include <bits/stdc++.h>\nint main() { std::cout << "c++\\n"; }\n' > a.cpp
g++ -std=gnu++23 -O2 -pthread -Winvalid-pch -Werror -o a a.cpp && ./a
printf '#include <iostream>\nint main() { std::cout << "c++\\n"; }\n' > a.cpp
g++ -std=gnu++23 -O2 -pthread -Winvalid-pch -Werror -include /usr/lib/dragoman/cpp/iostream -o a a.cpp && ./a
printf "print '(a)', 'fortran'\nend\n" > a.f90
gfortran -o a a.f90 && ./a
echo 'import std.stdio; void main() { writeln("d"); }' > a.d
ldc2 -of=a a.d && ./a
echo 'fn main() { println!("rust"); }' > a.rs
rustc -o a a.rs && ./a
printf 'package main\nimport "fmt"\nfunc main() { fmt.Println("go") }\n' > a.go
tools=$(echo /usr/lib/go-*/pkg/tool/*)
"$tools/compile" -p main -pack -importcfg /usr/lib/dragoman/go/importcfg -o a.a a.go
"$tools/link" -importcfg /usr/lib/dragoman/go/importcfg -o a a.a && ./a
echo 'class A { public static void main(String[] args) { System.out.println("java"); } }' > a.java
java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:AOTMode=on -XX:AOTCache=/usr/lib/dragoman/java/compile.aot \
  -jar /usr/lib/dragoman/java/compile.jar a.java a.jar
java -jar a.jar
echo '<?php echo mb_strtoupper("php\n"); new PDO("sqlite::memory:"); json_encode(gmp_init(1));' > a.php
php a.php
