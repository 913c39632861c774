//! Runs a load and prints its samples, for whoever wants to look at it with `time` or a profiler:
//! `cargo run --release -p unforked-heap --example soak -- LOAD [NAME=VALUE]..`.

use heap::soak::{Params, Sample, Soak};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let load = arguments.next().unwrap_or_else(|| "a0".to_owned());
    let mut params = Params::of(&load).expect("a load");
    for given in arguments {
        let (name, value) = given.split_once('=').expect("name=value");
        params.set(name, value).expect("a value");
    }
    let mut soak = Soak::new(&params).expect("it is simulated");
    println!("{}\n{}", Sample::COLUMNS.join(","), soak.loaded().csv());
    while soak.go_on().expect("it is simulated") {}
    soak.samples().iter().for_each(|it| println!("{}", it.csv()));
    soak.verdict().iter().for_each(|it| println!("{it}"));
}
