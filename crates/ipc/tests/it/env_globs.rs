//! The table of `env_globs.json`, which the Python client's tests read too.

use ipc::env_glob::{EnvGlob, of_prefix};
use serde_json::Value;

fn names<'a>(case: &'a Value, key: &str) -> Vec<&'a str> {
    case[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn every_case_of_the_shared_table() {
    let table: Vec<Value> = serde_json::from_str(include_str!("../env_globs.json")).unwrap();
    for case in &table {
        let text = case["glob"].as_str().unwrap();
        let glob = EnvGlob::new(text.as_bytes());
        assert_eq!(glob.is_err(), case["bad"] == true, "{text}");
        let Ok(glob) = glob else { continue };
        for name in names(case, "yes") {
            assert!(glob.matches(name.as_bytes()), "{text} should match {name}");
        }
        for name in names(case, "no") {
            assert!(!glob.matches(name.as_bytes()), "{text} should not match {name}");
        }
    }
}

#[test]
fn a_prefix_is_literal() {
    let glob = EnvGlob::new(&of_prefix(b"A*[{,\\")).unwrap();
    assert!(glob.matches(b"A*[{,\\rest"));
    assert!(!glob.matches(b"AA[{,\\rest"));
}

#[test]
fn a_glob_over_the_limit_is_refused() {
    assert!(EnvGlob::new(&[b'A'; 1025]).is_err());
}
