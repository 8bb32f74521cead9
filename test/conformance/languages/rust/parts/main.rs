mod helper;
mod shapes;

fn main() {
    println!("parts {}", helper::plus(shapes::square::area(6)));
}
