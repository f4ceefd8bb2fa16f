//! Runs that find their own earlier result, whole or not.

use std::fs;

use cache::StepSpec;
use digest::hash_bytes;
use fspy_trace::Op;
use policy::{MissKind, NotCachedKind};

use crate::scene::{How, Scene, Told, miss, opened, run, run_as, spec};

fn ended(code: i32) -> How {
    How { code, ..How::default() }
}

/// A make of two objects: remakes what is older than its source, by what it remembers.
fn make(told: &mut Told<'_>) {
    for name in ["a", "b"] {
        let object = format!("{name}.o");
        told.event(&format!("src/{name}"), Op::Stat);
        let source = told.scene.read(&format!("src/{name}"));
        told.event(&object, Op::Stat);
        if told.scene.read(&object) != source.as_deref().map(|text| text.trim_end().to_owned()) {
            let text = told.reads(&format!("src/{name}"));
            told.writes(&object, text.trim_end());
        }
    }
}

#[test]
fn a_result_built_on_a_whole_one_takes_over_what_it_did_not_touch() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    scene.write("src/b", "bee");
    let opened = |scene: &Scene| {
        let workspace = scene.open();
        workspace.add(spec(0, "make", &[])).unwrap();
        workspace
    };
    assert_eq!(run(&scene, &opened(&scene), 0, make), None);
    scene.write("src/a", "two");
    assert!(miss(&opened(&scene), 0).is_some());
    assert_eq!(run(&scene, &opened(&scene), 0, make), None, "stored, though b.o was not remade");
    for object in ["a.o", "b.o"] {
        fs::remove_file(scene.path(object)).unwrap();
    }
    let workspace = opened(&scene);
    assert_eq!(miss(&workspace, 0), None);
    workspace.restore(0).unwrap();
    assert_eq!(scene.read("a.o").as_deref(), Some("two"));
    assert_eq!(scene.read("b.o").as_deref(), Some("bee"), "part of the result");
}

#[test]
fn a_result_whose_source_changed_unseen_is_stale_and_the_next_run_starts_from_nothing() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    scene.write("src/option", "-O1");
    // Looks at the option only if there is no object: as make does with a changed `CFLAGS` file.
    let incremental = |told: &mut Told<'_>| {
        told.event("object", Op::Stat);
        if told.scene.read("object").is_none() {
            let text = told.reads("src/a") + &told.reads("src/option");
            told.writes("object", &text);
        }
    };
    let opened = |scene: &Scene| {
        let workspace = scene.open();
        workspace.add(spec(0, "make", &[])).unwrap();
        workspace
    };
    assert_eq!(run(&scene, &opened(&scene), 0, incremental), None);
    scene.write("src/option", "-O2");
    assert!(miss(&opened(&scene), 0).is_some());
    let refused = run(&scene, &opened(&scene), 0, incremental);
    assert_eq!(refused, Some(NotCachedKind::BuiltOnItself));
    assert_eq!(run(&scene, &opened(&scene), 0, incremental), None);
    assert_eq!(scene.read("object").as_deref(), Some("one-O2"));
}

#[test]
fn an_output_deleted_beside_kept_state_is_put_back_before_the_run() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let stateful = |told: &mut Told<'_>| {
        let state = told.reads("state");
        let text = told.reads("src/a");
        if state.is_empty() {
            told.writes("other", "made once");
        }
        told.writes("state", &text);
    };
    let opened = |scene: &Scene| {
        let workspace = scene.open();
        workspace.add(spec(0, "tsc", &[])).unwrap();
        workspace
    };
    assert_eq!(run(&scene, &opened(&scene), 0, stateful), None);
    fs::remove_file(scene.path("other")).unwrap();
    scene.write("src/a", "two");
    assert_eq!(run(&scene, &opened(&scene), 0, stateful), None);
    assert_eq!(scene.read("other").as_deref(), Some("made once"), "`other` was put back");
    for name in ["other", "state"] {
        fs::remove_file(scene.path(name)).unwrap();
    }
    let workspace = opened(&scene);
    assert_eq!(miss(&workspace, 0), None);
    workspace.restore(0).unwrap();
    assert_eq!(scene.read("other").as_deref(), Some("made once"), "the result is whole");
}

fn stateful(told: &mut Told<'_>) {
    let state = told.reads("state");
    let text = told.reads("src/a");
    if state != text {
        told.writes("out", &text);
        told.writes("state", &text);
    }
}

#[test]
fn a_result_with_a_strangers_bytes_in_it_is_right_in_place_only() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    assert_eq!(run(&scene, &opened(&scene), 0, stateful), None);
    // By hand: the state is nobody's now, `out` is still the step's own.
    scene.write("src/a", "two");
    scene.write("state", "two");
    let relying = |told: &mut Told<'_>| {
        told.reads("out");
        stateful(told);
    };
    assert_eq!(run(&scene, &opened(&scene), 0, relying), None, "stored in place only");
    assert_eq!(miss(&opened(&scene), 0), None, "the same tree hits");
    for name in ["out", "state"] {
        fs::remove_file(scene.path(name)).unwrap();
    }
    assert_ne!(miss(&opened(&scene), 0), None, "no whole result, so none for a clean tree");
    assert_eq!(run(&scene, &opened(&scene), 0, stateful), None);
    assert_eq!(scene.read("out").as_deref(), Some("two"));
}

#[test]
fn starting_from_nothing_does_not_take_away_beside_a_strangers_state() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    run(&scene, &opened(&scene), 0, stateful);
    scene.write("state", "by hand");
    let workspace = scene.open();
    let other_flags = StepSpec { weak: hash_bytes(b"other flags"), ..spec(0, "tsc", &[]) };
    workspace.add(other_flags).unwrap();
    workspace.prepare(0);
    assert_eq!(scene.read("out").as_deref(), Some("one"), "the state may say it is there");
}

#[test]
fn a_failed_run_is_built_on_with_what_it_read() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    scene.write("src/header", "one");
    let failing = |told: &mut Told<'_>| {
        told.reads("src/header");
        told.writes("half", "made of the header");
    };
    assert_eq!(run_as(&scene, &opened(&scene), 0, ended(1), failing), Some(NotCachedKind::Failed));
    let finishing = |told: &mut Told<'_>| {
        told.reads("half");
        told.reads("src/a");
        told.writes("out", "whole");
    };
    assert_eq!(run(&scene, &opened(&scene), 0, finishing), None);
    scene.write("src/header", "two");
    assert_eq!(miss(&opened(&scene), 0), Some(MissKind::InputChanged), "the header counts");
}

#[test]
fn a_changed_build_description_makes_the_step_start_from_nothing() {
    let scene = Scene::new();
    scene.write("Makefile", "old flags");
    let make = |told: &mut Told<'_>| {
        let flags = told.reads("Makefile");
        if told.reads("a.o").is_empty() {
            told.writes("a.o", &flags);
        }
    };
    run(&scene, &opened(&scene), 0, make);
    scene.write("Makefile", "new flags");
    assert_eq!(run(&scene, &opened(&scene), 0, make), None);
    assert_eq!(scene.read("a.o").as_deref(), Some("new flags"));
}

#[test]
fn an_absence_that_a_later_run_found_filled_is_no_input_any_more() {
    let scene = Scene::new();
    let make = |told: &mut Told<'_>| {
        told.lists("src");
        let extra = told.scene.path("src/local").exists();
        told.event("src/local", if extra { Op::Read } else { Op::Stat });
        if told.reads("out").is_empty() {
            told.writes("out", "made");
        }
    };
    scene.write("src/a", "one");
    run(&scene, &opened(&scene), 0, make);
    scene.write("src/local", "extra");
    assert_eq!(run(&scene, &opened(&scene), 0, make), None);
    assert_eq!(miss(&opened(&scene), 0), None);
}

#[test]
fn a_source_that_differs_and_was_only_looked_at_by_time_makes_what_stands_stale() {
    let scene = Scene::new();
    scene.write("a.c", "edited");
    let make = |told: &mut Told<'_>| {
        told.event("a.c", Op::Stat);
        if told.scene.read("a.o").is_none() {
            told.event("a.o", Op::Stat);
            let text = told.reads("a.c");
            told.writes("a.o", &text);
        } else {
            told.event("a.o", Op::Stat);
        }
    };
    run(&scene, &opened(&scene), 0, make);
    // Put back under its old time: make goes by the time, and says that all is up to date.
    scene.write("a.c", "first");
    assert_eq!(run(&scene, &opened(&scene), 0, make), Some(NotCachedKind::BuiltOnItself));
    assert_eq!(run(&scene, &opened(&scene), 0, make), None, "from nothing");
    assert_eq!(scene.read("a.o").as_deref(), Some("first"));
}

#[test]
fn a_result_that_is_right_in_place_only_takes_nothing_away() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let killed = |told: &mut Told<'_>| {
        told.writes("kept", "made before the end");
        told.writes("state", "half");
    };
    let end = run_as(&scene, &opened(&scene), 0, ended(137), killed);
    assert_eq!(end, Some(NotCachedKind::Killed));
    let relying = |told: &mut Told<'_>| {
        told.reads("kept");
        told.reads("src/a");
        told.writes("out", "x");
    };
    assert_eq!(run(&scene, &opened(&scene), 0, relying), None);
    let workspace = opened(&scene);
    assert_eq!(miss(&workspace, 0), None);
    workspace.restore(0).unwrap();
    assert!(scene.read("kept").is_some() && scene.read("state").is_some());
}

#[test]
fn a_hit_after_a_stale_run_leaves_nothing_of_it_behind() {
    let scene = Scene::new();
    scene.write("src", "one");
    // Names its output by the source, and replaces a note if it finds one.
    let command = |told: &mut Told<'_>| {
        let text = told.reads("src");
        told.writes(&format!("{text}.out"), &text);
        told.event("note", Op::Exists);
        if told.scene.read("note").is_some() {
            told.writes("note", "seen");
        }
    };
    assert_eq!(run(&scene, &opened(&scene), 0, command), None);
    scene.write("src", "two");
    scene.write("note", "a user's");
    let refused = run(&scene, &opened(&scene), 0, command);
    assert_eq!(refused, Some(NotCachedKind::ReplacedUnknown));
    scene.write("src", "one");
    fs::remove_file(scene.path("note")).unwrap();
    let workspace = opened(&scene);
    assert_eq!(miss(&workspace, 0), None);
    workspace.restore(0).unwrap();
    assert_eq!(scene.read("one.out").as_deref(), Some("one"));
    assert_eq!(scene.read("two.out"), None, "a run from nothing leaves one file");
}
