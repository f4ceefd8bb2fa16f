//! Counts the words of standard input's lines, one number to a line.

use std::io::BufRead;

fn main() {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        println!("{}", line.split_whitespace().count());
    }
}
