# Runs in the finished root as its superuser, in a sandbox without network: what compilers and interpreters would do at every
# start, or cannot do on a read-only root, is done here once.
set -eu
place=/usr/lib/dragoman

# Commands that were asked for by other names, and those of npm packages.
ln -s /usr/bin/fdfind /usr/local/bin/fd
for command in npm/bin/npm-cli.js:npm npm/bin/npx-cli.js:npx typescript/bin/tsc:tsc; do
  file=/node_modules/${command%%:*}
  if [ -e "$file" ]; then chmod +x "$file" && ln -s "$file" "/usr/local/bin/${command##*:}"; fi
done

# ImageMagick of Debian refuses PDF, which is no danger here: everything it reads is the caller's own.
sed -i '/rights="none" pattern="\(PS\|PS2\|PS3\|EPS\|PDF\|XPS\)"/d' /etc/ImageMagick-*/policy.xml

# The tables by which LaTeX finds files, with ours in them.
mktexlsr > /dev/null 2>&1

# kaleido looks for what Debian keeps elsewhere.
plotly=/usr/lib/python3/dist-packages/plotly/package_data
mkdir -p $plotly
ln -s /usr/share/python3-plotly/plotly.js $plotly/plotly.min.js
ln -s /usr/share/python3-plotly/datasets /usr/share/python3-plotly/templates $plotly/

# What helps no program goes before anything is compiled. Links to what is left out go with it.
python3 $place/slim.py
find /usr -xdev -xtype l -delete
rm -f /usr/lib/jvm/*/lib/server/classes_nocoops*.jsa /usr/lib/jvm/*/lib/server/classes_coh.jsa

# Sample data of seaborn, nltk and spaCy; where PyPI could not be reached there is none.
if [ -d /usr/local/lib/python3.13/dist-packages/llama_index ]; then python3 $place/data/install.py; fi

# Bytecode of what came from PyPI, and of what was changed.
python3 -m compileall -q -j 0 /usr/lib/python3/dist-packages/seaborn /usr/lib/python3/dist-packages/nltk > /dev/null || true
python3 -m compileall -q -j 0 /usr/local/lib/python3* > /dev/null || true

# Loops that numba compiles, where the packages that have them are there.
if [ -d /usr/local/lib/python3.13/dist-packages/umap ]; then
  python3 -W ignore $place/data/compile_loops.py
  python3 -m compileall -q /usr/lib/python3/dist-packages/numba/core > /dev/null || true
fi

# Go compiles its standard library on first use, which takes 20 s, and keeps it in a cache that a sandbox does not have. The
# list of what is where lets the compiler and the linker do without the go command.
mkdir -p $place/go
export GOCACHE=$place/go/cache GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-buildvcs=false GOTELEMETRY=off CGO_ENABLED=0
go list -export -f '{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}' std > $place/go/importcfg
rm -f $GOCACHE/README $GOCACHE/trim.txt
# The link step of a first program reads what `go build` would.
echo 'package main; func main() {}' > /tmp/main.go
go build -o /tmp/empty /tmp/main.go

# With C in it: the part of the standard library that cgo links.
printf 'package main\n\n// static int one(void) { return 1; }\nimport "C"\n\nfunc main() { println(C.one()) }\n' > /tmp/c.go
CGO_ENABLED=1 go build -o /tmp/c /tmp/c.go

# Crates of Rust, compiled once: a program links what it names. The sources are Debian's, and go.
cd $place/rust
mkdir -p /tmp/cargo
printf '[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "/usr/share/cargo/registry"\n' > /tmp/cargo/config.toml
cp Cargo.toml /tmp/cargo/ && : > /tmp/cargo/lib.rs
(cd /tmp/cargo && CARGO_HOME=/tmp/cargo CARGO_TARGET_DIR=/tmp/target cargo build --offline --release --quiet)
mkdir -p deps
cp /tmp/target/release/deps/*.rlib /tmp/target/release/deps/*.so deps/
rm -f deps/liblibraries-*
# What only the macros above were made of.
rm -f deps/libsyn-* deps/libquote-* deps/libproc_macro2-* deps/libunicode_ident-* deps/libautocfg-*
printf -- '-Ldependency=%s\n' $place/rust/deps > externs
for crate in $(sed -n '/^\[dependencies\]/,/^\[profile/s/^\([a-z0-9_-]*\) = .*/\1/p' Cargo.toml | tr - _); do
  printf -- '--extern\n%s=%s\n' $crate "$(echo $place/rust/deps/lib$crate-*.rlib)" >> externs
done
rm -rf /usr/share/cargo/registry

# Programs include <Eigen/Dense>; Debian keeps it a folder deeper.
ln -s eigen3/Eigen eigen3/unsupported /usr/include/

# The header of everything takes g++ seconds, the one of streams half a second. runtimes/cpp/build.sh puts one in front of a source
# that includes it anyway; it is taken only by a compiler with these very options. What formats text is compiled here for good:
# C++23's streams use it, and so every program would compile a second's worth of templates, whether it formats or not.
cd $place/cpp
options='-std=gnu++23 -O2 -pthread'
g++ $options -c format.cpp -o /tmp/format.o
ar rcs libformat.a /tmp/format.o
for header in iostream bits/stdc++.h; do
  name=$(basename $header)
  printf '#include "format.h"\n#include <%s>\n' $header > $name
  mkdir -p $name.gch
  g++ $options -x c++-header $name -o $name.gch/O2
done

# The compiler for Java in one start of the virtual machine, with its classes loaded and linked ahead of time.
cd $place/java
javac -d /tmp/classes Compile.java
jar --create --file compile.jar --main-class Compile -C /tmp/classes .
cat > /tmp/Sample.java <<'J'
import java.util.*;
import java.util.concurrent.*;
import java.util.function.*;
import java.util.stream.*;
import java.nio.file.*;
public class Sample {
  record Point(int x, int y) {}
  sealed interface Shape permits Circle, Square {}
  record Circle(double r) implements Shape {}
  record Square(double a) implements Shape {}
  static double area(Shape s) { return switch (s) { case Circle c -> Math.PI * c.r() * c.r(); case Square q -> q.a() * q.a(); }; }
  static <T extends Comparable<T>> T max(List<T> list) { return list.stream().max(Comparator.naturalOrder()).orElseThrow(); }
  public static void main(String[] args) throws Exception {
    Map<String, List<Integer>> map = new TreeMap<>();
    for (int i = 0; i < 10; i++) map.computeIfAbsent("k" + i % 3, k -> new ArrayList<>()).add(i);
    System.out.println(map + " " + max(List.of(1, 2, 3)) + " " + area(new Circle(1)));
    System.out.printf("%d %s%n", IntStream.range(0, 5).sum(), Stream.of("a", "b").collect(Collectors.joining(",")));
    ExecutorService pool = Executors.newFixedThreadPool(2);
    System.out.println(pool.submit(() -> new Point(1, 2)).get());
    pool.shutdown();
    try (Scanner in = new Scanner("1 2")) { System.out.println(in.nextInt()); }
    StringBuilder b = new StringBuilder();
    for (String s : "a b c".split(" ")) b.append(s);
    System.out.println(b.reverse() + " " + Optional.of(1).map(x -> x + 1).get() + " " + Files.exists(Path.of("/tmp")));
  }
}
J
java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:AOTCacheOutput=compile.aot -jar $place/java/compile.jar /tmp/Sample.java /tmp/sample.jar

# The classes such a program uses, for every start of the virtual machine that runs one. It must not depend on where the program
# is: the sample's own classes are left out.
machine='-XX:+UseSerialGC -XX:-UsePerfData'
java $machine -XX:DumpLoadedClassList=/tmp/classes.list -jar /tmp/sample.jar > /dev/null
java $machine -XX:+AOTClassLinking -Xshare:dump -XX:SharedClassListFile=/tmp/classes.list -XX:SharedArchiveFile=run.jsa \
  -cp /nonexistent
java $machine -Xshare:on -XX:SharedArchiveFile=run.jsa -jar /tmp/sample.jar > /dev/null

# The compiler of TypeScript, started, with its library read: a check takes a quarter of the time.
compiler=/node_modules/typescript/lib/typescript.js
if [ -e $compiler ]; then
  { cat $compiler; echo ";"; cat $place/typescript/check.js; } > /tmp/check.js
  node --snapshot-blob $place/typescript/check.blob --build-snapshot /tmp/check.js
fi

chmod -R a+rX $place
