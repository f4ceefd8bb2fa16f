//! One step: stored, hit, restored; missed when it has to.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use cache::StepSpec;
use fspy_trace::Op;
use policy::MissKind;

use crate::scene::{Scene, Told, build, emit, miss, opened, run, spec};

#[test]
fn a_result_is_stored_hit_restored_missed_and_hit_again() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    assert_eq!(miss(&workspace, 0), Some(MissKind::NeverRun));
    assert_eq!(run(&scene, &workspace, 0, build), None);

    assert_eq!(miss(&workspace, 0), None, "second look-up");
    let restored = workspace.restore(0).unwrap();
    assert_eq!(restored.files, 0, "everything was in place");
    assert_eq!(restored.log, [(1, b"did it\n".to_vec())]);

    fs::remove_dir_all(scene.path("out")).unwrap();
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    assert_eq!(miss(&workspace, 0), None, "outputs deleted");
    workspace.restore(0).unwrap();
    assert_eq!(scene.read("out/a").as_deref(), Some("ONE"));

    scene.write("src/a", "two");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    assert_eq!(miss(&workspace, 0), Some(MissKind::InputChanged));
    assert_eq!(run(&scene, &workspace, 0, build), None);
    assert_eq!(scene.read("out/a").as_deref(), Some("TWO"));

    scene.write("src/a", "one");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    assert_eq!(miss(&workspace, 0), None, "undone");
    workspace.restore(0).unwrap();
    assert_eq!(scene.read("out/a").as_deref(), Some("ONE"));
}

#[test]
fn an_edited_output_without_condition_is_repaired_and_the_edit_kept() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    run(&scene, &workspace, 0, build);
    scene.write("out/a", "by hand");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    assert_eq!(miss(&workspace, 0), None);
    let restored = workspace.restore(0).unwrap();
    assert_eq!(scene.read("out/a").as_deref(), Some("ONE"));
    assert_eq!(restored.replaced.len(), 1);
    let kept = walk(&scene.path(".taskrunner/replaced"));
    assert_eq!(
        kept.iter().map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>(),
        ["by hand"]
    );
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

#[test]
fn what_the_new_result_lacks_is_removed_and_a_users_file_beside_it_stays() {
    let scene = Scene::new();
    scene.write("src/a", "x");
    let generate = |told: &mut Told<'_>| {
        let name = told.reads("src/a");
        told.makes_dir("out");
        told.writes(&format!("out/{name}"), "generated");
    };
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    run(&scene, &workspace, 0, generate);
    scene.write("out/mine", "a user's");
    scene.write("src/a", "y");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    assert!(miss(&workspace, 0).is_some());
    run(&scene, &workspace, 0, generate);
    assert_eq!(scene.read("out/x"), None, "the stale output is gone after a run");
    assert_eq!(scene.read("out/y").as_deref(), Some("generated"));

    scene.write("src/a", "x");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    assert_eq!(miss(&workspace, 0), None);
    workspace.restore(0).unwrap();
    assert_eq!(scene.read("out/y"), None, "and after a hit");
    assert_eq!(scene.read("out/x").as_deref(), Some("generated"));
    assert_eq!(scene.read("out/mine").as_deref(), Some("a user's"));
}

#[test]
fn outputs_below_a_users_symbolic_link_are_not_written() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    run(&scene, &workspace, 0, build);
    fs::remove_dir_all(scene.path("out")).unwrap();
    scene.write("elsewhere/keep", "mine");
    symlink("elsewhere", scene.path("out")).unwrap();
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    if miss(&workspace, 0).is_none() {
        assert!(workspace.restore(0).is_err());
    }
    assert_eq!(walk(&scene.path("elsewhere")), [scene.path("elsewhere/keep")]);
}

#[test]
fn a_damaged_archive_is_an_error_once_and_then_a_miss() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    run(&scene, &workspace, 0, build);
    for archive in walk(&scene.path(".taskrunner/cache/archives")) {
        fs::set_permissions(&archive, fs::Permissions::from_mode(0o600)).unwrap();
        let mut bytes = fs::read(&archive).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(&archive, bytes).unwrap();
    }
    fs::remove_dir_all(scene.path("out")).unwrap();
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    assert_eq!(miss(&workspace, 0), None);
    assert!(workspace.restore(0).is_err());
    assert_eq!(scene.read("out/a"), None, "the workspace is as before");
    workspace.revoke(0);
    assert!(miss(&workspace, 0).is_some());
}

#[test]
fn a_copied_cache_brings_entries_and_no_ownership() {
    let (here, there) = (Scene::new(), Scene::new());
    for scene in [&here, &there] {
        scene.write("src/a", "one");
    }
    let workspace = here.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    run(&here, &workspace, 0, build);
    workspace.finish();
    drop(workspace);

    let cache_dir = here.path(".taskrunner/cache");
    there.write("out/a", "a user's own file");
    let workspace = there.open_with_cache(&cache_dir);
    workspace.add(spec(0, "build", &[])).unwrap();
    assert_eq!(miss(&workspace, 0), Some(MissKind::OutputEdited), "`out` was looked at");
    fs::remove_dir_all(there.path("out")).unwrap();
    let workspace = there.open_with_cache(&cache_dir);
    workspace.add(spec(0, "build", &[])).unwrap();
    assert_eq!(miss(&workspace, 0), None);
    workspace.restore(0).unwrap();
    assert_eq!(there.read("out/a").as_deref(), Some("ONE"));
}

#[test]
fn an_output_that_names_the_workspace_is_right_only_there() {
    let (here, there) = (Scene::new(), Scene::new());
    let embed = |told: &mut Told<'_>| {
        let text = format!("prefix={}", told.scene.root.display());
        told.writes("config", &text);
    };
    let workspace = here.open();
    workspace.add(spec(0, "configure", &[])).unwrap();
    run(&here, &workspace, 0, embed);
    workspace.finish();
    assert_eq!(miss(&workspace, 0), None, "a hit where it was made");
    let cache_dir = here.path(".taskrunner/cache");
    let elsewhere = there.open_with_cache(&cache_dir);
    elsewhere.add(spec(0, "configure", &[])).unwrap();
    assert_eq!(miss(&elsewhere, 0), Some(MissKind::RootMoved));
}

#[test]
fn an_explanation_names_what_differs_from_the_nearest_entry() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    scene.write("src/b", "same");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    let nothing = workspace.explain(0);
    assert_eq!((nothing.hit, nothing.entries), (false, 0));
    run(&scene, &workspace, 0, |told| {
        told.reads("src/b");
        build(told);
    });
    assert!(workspace.explain(0).hit);

    scene.write("src/a", "two");
    let workspace = scene.open();
    workspace.add(spec(0, "build", &[])).unwrap();
    let explained = workspace.explain(0);
    assert_eq!((explained.hit, explained.entries, explained.path_sets), (false, 1, 1));
    let differing: Vec<_> = explained.compared.iter().filter(|one| one.kind.is_some()).collect();
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert_eq!(differing[0].kind, Some(MissKind::InputChanged));
    assert_eq!(differing[0].path.as_deref(), Some(stat::as_bytes(&scene.path("src/a"))));
    assert!(differing[0].old.starts_with("file ") && differing[0].old != differing[0].new);
    let unchanged = stat::as_bytes(&scene.path("src/b")).to_vec();
    assert!(explained.compared.iter().any(|one| one.path.as_ref() == Some(&unchanged)));
}

#[test]
fn a_source_at_a_path_where_a_step_once_left_something_else_is_listed() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = scene.open();
    workspace.add(spec(7, "gone", &[])).unwrap();
    run(&scene, &workspace, 7, |told| told.writes("src/b", "generated"));
    fs::remove_file(scene.path("src/b")).unwrap();

    let list = |told: &mut Told<'_>| {
        told.lists("src");
        told.writes("names", "a");
    };
    run(&scene, &opened(&scene), 0, list);
    assert_eq!(miss(&opened(&scene), 0), None);
    scene.write("src/b", "written by hand");
    assert_eq!(miss(&opened(&scene), 0), Some(MissKind::ListingChanged));
}

#[test]
fn what_was_listed_and_then_replaced_must_be_there_again() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    scene.write("src/gen", "committed");
    let work = |told: &mut Told<'_>| {
        told.lists("src");
        told.writes("src/gen", "made");
    };
    run(&scene, &opened(&scene), 0, work);
    assert_eq!(miss(&opened(&scene), 0), None, "second look-up");
    fs::remove_file(scene.path("src/gen")).unwrap();
    assert_eq!(miss(&opened(&scene), 0), Some(MissKind::InputRemoved));
}

#[test]
fn something_of_another_kind_at_an_outputs_place_is_left_to_the_command() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    run(&scene, &opened(&scene), 0, emit);
    fs::remove_file(scene.path("out")).unwrap();
    symlink(scene.path("src"), scene.path("out")).unwrap();
    assert_eq!(miss(&opened(&scene), 0), Some(MissKind::OutputEdited));
}

#[test]
fn where_several_results_fit_the_one_that_stands_is_taken() {
    let scene = Scene::new();
    scene.write("src/a", "a");
    scene.write("src/b", "b");
    let of_a = |told: &mut Told<'_>| {
        told.reads("src/a");
        told.writes("out", "of a");
    };
    let of_both = |told: &mut Told<'_>| {
        told.reads("src/b");
        told.reads("src/a");
        told.writes("out", "of both");
    };
    assert_eq!(run(&scene, &opened(&scene), 0, of_a), None);
    assert_eq!(run(&scene, &opened(&scene), 0, of_both), None);
    scene.write("src/b", "other");
    let workspace = opened(&scene);
    assert_eq!(miss(&workspace, 0), None, "the first still fits");
    workspace.restore(0).unwrap();
    assert_eq!(scene.read("out").as_deref(), Some("of a"));
    scene.write("src/b", "b");
    let workspace = opened(&scene);
    assert_eq!(miss(&workspace, 0), None);
    assert_eq!(workspace.restore(0).unwrap().files, 0, "though the other is newer");
}

#[test]
fn a_file_that_may_not_be_executed_is_another_answer_of_the_path() {
    let scene = Scene::new();
    scene.write("src/a", "a");
    fs::create_dir(scene.path("bin")).unwrap();
    let path = format!("{}", scene.path("bin").display());
    let opened = || {
        let workspace = scene.open();
        let env = vec![(b"PATH".to_vec(), path.clone().into_bytes())];
        workspace.add(StepSpec { env, ..spec(0, "tool || echo none", &[]) }).unwrap();
        workspace
    };
    let asks = |told: &mut Told<'_>| {
        told.event("bin/tool", Op::Stat);
        told.writes("out", "none");
    };
    assert_eq!(run(&scene, &opened(), 0, asks), None);
    assert_eq!(miss(&opened(), 0), None);
    scene.write("bin/tool", "no program");
    assert_eq!(miss(&opened(), 0), Some(MissKind::LookupChanged));
}
