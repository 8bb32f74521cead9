pub fn plus(n: i32) -> i32 {
    n + 6
}
