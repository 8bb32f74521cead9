use std::collections::BTreeMap;
use std::io::{self, Read};
use std::{env, fs, process, thread};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let mut input = String::new();
    match args[0].as_str() {
        "unicode" => {
            println!("héllo 世界 🎉");
            io::stdin().read_line(&mut input).unwrap();
            println!("{}", input.trim());
        }
        "args" => args[1..].iter().for_each(|arg| println!("{arg}")),
        "eof" => println!("{}", io::stdin().read_to_string(&mut input).unwrap()),
        "files" => {
            let n: i32 = fs::read_to_string("data/in.txt").unwrap().trim().parse().unwrap();
            fs::write("/mnt/data/out.txt", (2 * n).to_string()).unwrap();
        }
        "exit" => process::exit(7),
        "crash" => {
            let nothing: Vec<i32> = args.iter().skip(9).map(|_| 1).collect();
            println!("{}", nothing[5]); // the line that fails
        }
        "threads" => {
            let threads: Vec<_> = [10, 20, 30, 40].map(|n| thread::spawn(move || (0..n).sum::<i64>())).into();
            println!("{}", threads.into_iter().map(|it| it.join().unwrap()).sum::<i64>());
        }
        "library" => {
            let mut words = BTreeMap::new();
            for word in "banana apple apple".split(' ') {
                *words.entry(word).or_insert(0) += 1;
            }
            let all: Vec<String> = words.iter().map(|(word, count)| format!("{word}:{count}")).collect();
            println!("{}", all.join(" "));
        }
        "work" => {
            let mut count = 0;
            for n in 2..args[1].parse::<u32>().unwrap() {
                let mut d = 2;
                while d * d <= n && n % d != 0 {
                    d += 1;
                }
                count += (d * d > n) as u32;
            }
            println!("{count}");
        }
        _ => {
            println!("before");
            loop {
                std::hint::spin_loop();
            }
        }
    }
}
