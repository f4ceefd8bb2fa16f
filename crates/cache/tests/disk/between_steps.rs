//! What steps of one run are to each other: their results laid over the tree, their races.

use std::fs;

use cache::{StepSpec, Workspace};
use fspy_trace::{Change, Op};
use policy::NotCachedKind;

use crate::scene::{Scene, Told, build, emit, miss, run, spec};

#[test]
fn a_batch_is_judged_over_the_results_of_its_own_hits() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let use_it = |told: &mut Told<'_>| {
        let text = told.reads("out/a");
        told.writes("final", &text);
    };
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    workspace.add(spec(1, "use", &[0])).unwrap();
    run(&scene, &workspace, 0, build);
    run(&scene, &workspace, 1, use_it);
    fs::remove_dir_all(scene.path("out")).unwrap();
    fs::remove_file(scene.path("final")).unwrap();

    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    workspace.add(spec(1, "use", &[0])).unwrap();
    let checked = workspace.check(&[0, 1]);
    assert!(checked.iter().all(|checked| checked.miss.is_none()), "{checked:?}");
    assert_eq!(scene.read("out/a"), None, "looking changes nothing");
    workspace.restore(0).unwrap();
    workspace.restore(1).unwrap();
    assert_eq!(scene.read("final").as_deref(), Some("ONE"));
}

fn two_steps(scene: &Scene) -> Workspace {
    let workspace = scene.open();
    workspace.add(spec(0, "emit", &[])).unwrap();
    workspace.add(spec(1, "shrink", &[0])).unwrap();
    workspace
}

fn shrink(told: &mut Told<'_>) {
    let text = told.reads("out");
    told.writes("out", &text[..1]);
}

#[test]
fn a_step_may_change_in_place_what_a_step_before_it_left() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = two_steps(&scene);
    assert_eq!(run(&scene, &workspace, 0, emit), None);
    assert_eq!(run(&scene, &workspace, 1, shrink), None);
    assert_eq!(scene.read("out").as_deref(), Some("O"));
    for deleted in [false, true] {
        if deleted {
            fs::remove_file(scene.path("out")).unwrap();
        }
        let workspace = two_steps(&scene);
        assert!(workspace.check(&[0, 1]).iter().all(|checked| checked.miss.is_none()));
        assert_eq!(workspace.restore(0).unwrap().files, 0, "the final difference alone is written");
        workspace.restore(1).unwrap();
        assert_eq!(scene.read("out").as_deref(), Some("O"));
    }
}

#[test]
fn a_step_that_runs_after_all_finds_what_the_step_before_it_left() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = two_steps(&scene);
    run(&scene, &workspace, 0, emit);
    run(&scene, &workspace, 1, shrink);
    let workspace = two_steps(&scene);
    workspace.check(&[0, 1]);
    workspace.restore(0).unwrap();
    workspace.revoke(1);
    run(&scene, &workspace, 1, |told| assert_eq!(told.reads("out"), "ONE"));
}

#[test]
fn a_step_that_runs_again_finds_its_own_result_not_what_a_later_step_made_of_it() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = two_steps(&scene);
    run(&scene, &workspace, 0, emit);
    run(&scene, &workspace, 1, shrink);
    let workspace = two_steps(&scene);
    run(&scene, &workspace, 0, |told| assert_eq!(told.reads("out"), "ONE"));
}

fn unordered(scene: &Scene) -> Workspace {
    let workspace = scene.open();
    workspace.add(spec(0, "write", &[])).unwrap();
    workspace.add(spec(1, "other", &[])).unwrap();
    workspace
}

#[test]
fn who_reads_what_an_unordered_step_writes_is_not_stored_whichever_came_first() {
    let scene = Scene::new();
    let write = |told: &mut Told<'_>| told.writes("shared", "x");
    let read = |told: &mut Told<'_>| {
        let text = told.reads("shared");
        told.writes("copy", &text);
    };
    let workspace = unordered(&scene);
    assert_eq!(run(&scene, &workspace, 0, write), None);
    assert_eq!(run(&scene, &workspace, 1, read), Some(NotCachedKind::Race));

    let scene = Scene::new();
    let workspace = unordered(&scene);
    assert_eq!(run(&scene, &workspace, 1, read), None);
    assert_eq!(run(&scene, &workspace, 0, write), None);
    fs::remove_file(scene.path("shared")).unwrap();
    assert_ne!(miss(&unordered(&scene), 1), None, "its result was taken back");
}

#[test]
fn two_unordered_writers_of_one_file_race_and_of_one_directory_do_not() {
    let scene = Scene::new();
    let workspace = unordered(&scene);
    let into = |name: &'static str| {
        move |told: &mut Told<'_>| {
            told.makes_dir("out");
            told.writes(name, "x");
        }
    };
    assert_eq!(run(&scene, &workspace, 0, into("out/a")), None);
    assert_eq!(run(&scene, &workspace, 1, into("out/b")), None);
    let workspace = unordered(&scene);
    assert_eq!(run(&scene, &workspace, 0, into("out/same")), None);
    assert_eq!(run(&scene, &workspace, 1, into("out/same")), Some(NotCachedKind::Race));
}

#[test]
fn ordered_steps_never_race() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = two_steps(&scene);
    assert_eq!(run(&scene, &workspace, 0, emit), None);
    assert_eq!(run(&scene, &workspace, 1, shrink), None);
}

/// `cmake`: makes a dependency file where none is.
fn configure(told: &mut Told<'_>) {
    told.reads("src/list");
    told.event("compiler_depend.make", Op::Stat);
    if !told.scene.path("compiler_depend.make").exists() {
        told.writes("compiler_depend.make", "# none yet");
    }
}

/// `make`: goes by the dependency file, and rewrites it.
fn compile(told: &mut Told<'_>) {
    let known = told.reads("compiler_depend.make");
    let text = told.reads("src/a");
    told.event("a.o", Op::Stat);
    if told.scene.read("a.o").as_ref() != Some(&text) {
        told.writes("a.o", &text);
    }
    if known != "a.o: src/a" {
        told.writes("compiler_depend.make", "a.o: src/a");
    }
}

fn configured(scene: &Scene) -> Workspace {
    let workspace = scene.open();
    workspace.add(spec(0, "configure", &[])).unwrap();
    workspace.add(spec(1, "compile", &[0])).unwrap();
    workspace
}

/// The steps that hit, which are restored.
fn hits(workspace: &Workspace) -> Vec<u32> {
    let checked = workspace.check(&[0, 1]);
    let found = checked.iter().filter(|one| one.miss.is_none());
    found.map(|one| one.step).inspect(|id| assert!(workspace.restore(*id).is_ok())).collect()
}

#[test]
fn steps_of_one_build_tool_hand_on_its_state() {
    let scene = Scene::new();
    scene.write("src/list", "a");
    scene.write("src/a", "one");
    let workspace = configured(&scene);
    assert_eq!(run(&scene, &workspace, 0, configure), None);
    assert_eq!(run(&scene, &workspace, 1, compile), None);
    assert_eq!(hits(&configured(&scene)), [0, 1]);
    scene.write("src/a", "two");
    let workspace = configured(&scene);
    assert_eq!(hits(&workspace), [0], "what the later step keeps there is no reason to run");
    assert_eq!(scene.read("compiler_depend.make").as_deref(), Some("a.o: src/a"));
    assert_eq!(run(&scene, &workspace, 1, compile), None);
    scene.write("src/a", "one");
    assert_eq!(hits(&configured(&scene)), [0, 1], "undone");
    for name in ["compiler_depend.make", "a.o"] {
        fs::remove_file(scene.path(name)).unwrap();
    }
    assert_eq!(hits(&configured(&scene)), [0, 1], "deleted");
    assert_eq!(scene.read("compiler_depend.make").as_deref(), Some("a.o: src/a"));
}

#[test]
fn declared_inputs_are_those_that_earlier_hits_leave() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let opened = || {
        let workspace = scene.open();
        workspace.add(spec(0, "emit", &[])).unwrap();
        let input = (false, vec!["out*".to_owned()], vec![]);
        workspace.add(StepSpec { input, ..spec(1, "use", &[0]) }).unwrap();
        workspace
    };
    let use_it = |told: &mut Told<'_>| {
        let text = told.reads("out");
        told.writes("final", &text);
    };
    let workspace = opened();
    assert_eq!(run(&scene, &workspace, 0, emit), None);
    assert_eq!(run(&scene, &workspace, 1, use_it), None);
    assert_eq!(hits(&opened()), [0, 1]);
    fs::remove_file(scene.path("out")).unwrap();
    fs::remove_file(scene.path("final")).unwrap();
    assert_eq!(hits(&opened()), [0, 1], "what will be there counts as there");
    assert_eq!(scene.read("final").as_deref(), Some("ONE"));
}

#[test]
fn what_a_later_step_made_of_a_result_that_cant_be_put_back_goes_with_it() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let opened = |cache: &str| {
        let workspace = scene.open_with_cache(&scene.path(cache));
        workspace.add(spec(0, "emit", &[])).unwrap();
        workspace.add(spec(1, "append", &[0])).unwrap();
        workspace
    };
    let emit_once = |told: &mut Told<'_>| {
        told.event("out", Op::Stat);
        if !told.scene.path("out").exists() {
            emit(told);
        }
    };
    let append = |told: &mut Told<'_>| {
        told.event("out", Op::Change(Change::Append));
        let text = told.scene.read("out").unwrap_or_default();
        told.scene.write("out", &(text + "+"));
    };
    for cache in ["one cache", "another, which lacks it"] {
        let workspace = opened(cache);
        assert_eq!(run(&scene, &workspace, 0, emit_once), None);
        assert_eq!(run(&scene, &workspace, 1, append), None);
        assert_eq!(scene.read("out").as_deref(), Some("ONE+"), "{cache}");
    }
}
