//! Outputs that are second names of files which the step reads: `cp -l`, `ln`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use fspy_trace::{Change, Op};

use crate::scene::{Scene, Told, miss, opened, run};

/// `rm -f out; ln src/a out`.
fn link(told: &mut Told<'_>) {
    told.event("out", Op::Stat);
    if told.scene.path("out").exists() {
        told.event("out", Op::Change(Change::Delete));
        fs::remove_file(told.scene.path("out")).unwrap();
    }
    told.reads("src/a");
    told.event("src/a", Op::Change(Change::LinkCount));
    told.event("out", Op::Change(Change::Create));
    fs::hard_link(told.scene.path("src/a"), told.scene.path("out")).unwrap();
}

#[test]
fn a_second_name_is_the_steps_own_though_its_bytes_moved_with_the_source() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    assert_eq!(run(&scene, &opened(&scene), 0, link), None);
    scene.write("src/a", "two");
    assert_eq!(scene.read("out").as_deref(), Some("two"), "written in place");
    assert_eq!(run(&scene, &opened(&scene), 0, link), None, "it takes its own away");
    fs::remove_file(scene.path("out")).unwrap();
    assert_eq!(miss(&opened(&scene), 0), None, "whether it stood there is no input");
}

#[test]
fn other_bytes_in_the_place_of_a_second_name_are_the_users() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    scene.write("by hand", "two");
    assert_eq!(run(&scene, &opened(&scene), 0, link), None);
    fs::remove_file(scene.path("out")).unwrap();
    fs::hard_link(scene.path("by hand"), scene.path("out")).unwrap();
    assert_ne!(miss(&opened(&scene), 0), None, "a link to something else is seen as it is");
}

#[test]
fn the_bits_of_a_source_stay_where_its_second_name_is_an_output() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    assert_eq!(run(&scene, &opened(&scene), 0, link), None);
    let bits = |rel: &str| fs::metadata(scene.path(rel)).unwrap().permissions().mode() & 0o777;
    fs::set_permissions(scene.path("out"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(bits("src/a"), 0o600, "the user's wish, for both names");
    let workspace = opened(&scene);
    workspace.prepare(0);
    assert_eq!((bits("src/a"), bits("out")), (0o600, 0o644), "as the result had it");
    assert_eq!(scene.read("out").as_deref(), Some("one"));
}
