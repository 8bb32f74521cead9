# Programs in compiled languages find the libraries that they name.
set -euo pipefail
cd /tmp
cat > a.rs <<'R'
use itertools::Itertools;
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
#[derive(Serialize, Deserialize)]
struct Point { x: i32 }
#[tokio::main]
async fn main() {
    let n: u32 = rand::thread_rng().gen_range(1..=6);
    assert!((1..=6).contains(&n) && regex::Regex::new(r"\d+").unwrap().is_match("a1"));
    assert_eq!(serde_json::to_string(&Point { x: 1 }).unwrap(), r#"{"x":1}"#);
    assert_eq!((1..=3).into_par_iter().sum::<i32>(), [1, 2, 3].iter().tuple_windows().map(|(a, b): (&i32, &i32)| b - a).sum::<i32>() + 4);
    println!("{} {}", async { 42 }.await, chrono::NaiveDate::from_ymd_opt(2024, 3, 1).unwrap());
}
R
rustc --edition=2021 --crate-name=main @/usr/lib/dragoman/rust/externs -Clink-arg=-fuse-ld=mold -o a a.rs
[ "$(./a)" = '42 2024-03-01' ]
cat > b.rs <<'R'
use anyhow::Context;
use num::BigUint;
use once_cell::sync::Lazy;
use rand::SeedableRng;
use rand_distr::Distribution;
static ONE: Lazy<u32> = Lazy::new(|| 1);
#[derive(thiserror::Error, Debug)]
#[error("bad")]
struct Bad;
fn main() -> anyhow::Result<()> {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let x: f64 = rand_distr::Normal::new(0.0, 1.0)?.sample(&mut random);
    let rows = csv::Reader::from_reader("a,b\n1,2\n".as_bytes()).records().count();
    let big: BigUint = (1..=25u32).map(BigUint::from).product();
    let map: indexmap::IndexMap<_, _> = [("b", 2), ("a", 1)].into_iter().collect();
    let error = Err::<(), _>(Bad).context("outer").unwrap_err();
    println!("{} {rows} {big} {:?} {error} {}", x.abs() < 9.0, map.keys().collect::<Vec<_>>(), *ONE);
    Ok(())
}
R
rustc --edition=2021 --crate-name=main @/usr/lib/dragoman/rust/externs -Clink-arg=-fuse-ld=mold -o b b.rs
[ "$(./b)" = 'true 1 15511210043330985984000000 ["b", "a"] outer 1' ]
printf '#include <boost/algorithm/string.hpp>\n#include <boost/multiprecision/cpp_int.hpp>\n#include <iostream>\nint main() { std::string s = " a "; boost::trim(s); std::cout << s << boost::multiprecision::cpp_int(2); }\n' > a.cpp
g++ -o a a.cpp && [ "$(./a)" = a2 ]
printf 'import com.google.gson.Gson;\nimport static org.apache.commons.lang3.StringUtils.reverse;\nclass A { public static void main(String[] a) { System.out.println(new Gson().toJson(new int[] {1}) + reverse("ab")); } }\n' > a.java
java -XX:+UseSerialGC -jar /usr/lib/dragoman/java/compile.jar a.java a.jar && [ "$(java -jar a.jar)" = '[1]ba' ]
php -r 'exit(extension_loaded("mysqli") && extension_loaded("imagick") && extension_loaded("gd") && extension_loaded("intl") ? 0 : 1);'
Rscript --vanilla -e 'suppressPackageStartupMessages(library(tidyverse)); stopifnot(nrow(mtcars %>% group_by(cyl) %>% summarise(m = mean(mpg))) == 3); library(caret); library(forecast); library(randomForest)' > /dev/null 2>&1
printf 'package main\n\n// static int twice(int x) { return 2 * x; }\nimport "C"\n\nfunc main() { println(C.twice(21)) }\n' > a.go
cp -as /usr/lib/dragoman/go/cache /tmp/go-cache && GOCACHE=/tmp/go-cache CGO_ENABLED=1 GOTOOLCHAIN=local go build -o a a.go && ./a 2>&1 | grep -q 42
