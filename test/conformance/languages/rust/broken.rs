fn main() {
    println!("it ran");
    let broken: i32 = "text";
}
