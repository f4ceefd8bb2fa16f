// One operation on files, named by the first argument.
use std::{env, fs, os::unix::fs::symlink, process::Command};

fn main() {
    match env::args().nth(1).unwrap().as_str() {
        "read" => drop(fs::read("f").unwrap()),
        "missing" => drop(fs::exists("nope").unwrap()),
        "create" => drop(fs::File::create("n").unwrap()),
        "append" => drop(fs::File::options().append(true).create(true).open("f").unwrap()),
        "rename" => fs::rename("f", "g").unwrap(),
        "unlink" => fs::remove_file("f").unwrap(),
        "mkdir" => fs::create_dir("d").unwrap(),
        "list" => fs::read_dir(".").unwrap().for_each(drop),
        "stat" => drop(fs::metadata("f").unwrap()),
        "symlink" => symlink("f", "n").unwrap(),
        "readlink" => drop(fs::read_link("l").unwrap()),
        "chdir" => {
            env::set_current_dir("d").unwrap();
            fs::read("f").unwrap();
        }
        "spawn" => assert!(Command::new("./prog").status().unwrap().success()),
        other => panic!("{other}"),
    }
}
