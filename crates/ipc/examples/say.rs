//! Says one verb to the runner, by the Rust client: `say VERB ARGUMENT...`. For tests, and as an example.
#![expect(clippy::print_stdout, reason = "that is how it shows an answer")]

use std::process::ExitCode;

use ipc::client::Client;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let client = Client::from_env();
    match words[..] {
        ["ignore_input", path] => drop(client.ignore_input(path)),
        ["ignore_output", path] => drop(client.ignore_output(path)),
        ["track_input", path] => drop(client.track_input(path)),
        ["track_output", path] => drop(client.track_output(path)),
        ["track_value", key, value] => drop(client.track_value(key.as_bytes(), value.as_bytes())),
        ["disable_cache"] => drop(client.disable_cache(None)),
        ["disable_cache", reason] => drop(client.disable_cache(Some(reason))),
        ["is_managed"] => println!("{}", client.is_managed()),
        ["get_env", name] => println!("{:?}", client.get_env(name, true)),
        ["get_envs_glob", glob] => println!("{:?}", client.get_envs(glob, true)),
        ["get_envs_prefix", prefix] => println!("{:?}", client.get_envs_with_prefix(prefix, true)),
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}
