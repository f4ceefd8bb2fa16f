//! Look-up, record and restore on a real disk, with traces told by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cache::{Options, RunEnd, StepSpec, Workspace};
use digest::hash_bytes;
use fspy_trace::{Change, Fidelity, Fold, Op, State, Trace};
use policy::{Hinted, MissKind, NotCachedKind};

/// A workspace in a temporary directory.
struct Scene {
    _dir: tempfile::TempDir,
    root: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = dir.path().canonicalize().unwrap().join("ws");
        fs::create_dir(&root).unwrap();
        Self { _dir: dir, root }
    }

    fn open(&self) -> Workspace {
        self.open_with_cache(&self.root.join(".taskrunner/cache"))
    }

    fn open_with_cache(&self, cache_dir: &Path) -> Workspace {
        Workspace::open(&Options {
            root: self.root.clone(),
            cache_dir: cache_dir.to_path_buf(),
            state_dir: self.root.join(".taskrunner"),
            home: PathBuf::from("/nonexistent-home"),
            temp: PathBuf::from("/tmp"),
            runner: PathBuf::new(),
            environment: vec![],
        })
        .unwrap()
    }

    fn path(&self, rel: &str) -> PathBuf {
        self.root.join(rel)
    }

    fn write(&self, rel: &str, text: &str) {
        let path = self.path(rel);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, rel: &str) -> Option<String> {
        fs::read_to_string(self.path(rel)).ok()
    }

    fn state(&self, rel: &str) -> State {
        match stat::lstat(stat::as_bytes(&self.path(rel))) {
            Ok(id) if id.kind() == stat::Kind::Link => {
                State::Link(id, stat::as_bytes(&fs::read_link(self.path(rel)).unwrap()).to_vec())
            }
            Ok(id) => State::Present(id),
            Err(_) => State::Absent,
        }
    }
}

fn spec(id: u32, task: &str, before: &[u32]) -> StepSpec {
    StepSpec {
        id,
        package: "p".into(),
        task: task.into(),
        index: 0,
        args: vec![],
        weak: hash_bytes(task.as_bytes()),
        description: task.as_bytes().to_vec(),
        argv: vec![],
        env: vec![(b"PATH".to_vec(), b"/nonexistent".to_vec())],
        untracked_env: vec![],
        cwd: b"/".to_vec(),
        before: before.iter().copied().collect(),
        cached: true,
        traced: true,
        interactive: false,
        noise: vec![],
        input: (true, vec![], vec![]),
        output: (true, vec![], vec![]),
    }
}

/// What a command does, told to the fold while it is done.
struct Told<'a> {
    scene: &'a Scene,
    fold: Fold,
}

impl Told<'_> {
    fn event(&mut self, rel: &str, op: Op) {
        let path = self.scene.path(rel);
        self.fold.add(stat::as_bytes(&path), op, &self.scene.state(rel));
    }

    fn reads(&mut self, rel: &str) -> String {
        self.event(rel, Op::Read);
        self.scene.read(rel).unwrap_or_default()
    }

    fn writes(&mut self, rel: &str, text: &str) {
        let exists = self.scene.path(rel).exists();
        self.event(rel, Op::Change(if exists { Change::Replace } else { Change::Create }));
        self.scene.write(rel, text);
    }

    fn lists(&mut self, rel: &str) {
        let mut names: Vec<_> = fs::read_dir(self.scene.path(rel))
            .unwrap()
            .map(|entry| (entry.unwrap().file_name().into_vec(), stat::Kind::File))
            .collect();
        names.sort();
        self.event(rel, Op::List(names));
    }

    fn makes_dir(&mut self, rel: &str) {
        self.event(rel, Op::Exists);
        if !self.scene.path(rel).exists() {
            self.event(rel, Op::Change(Change::Create));
            fs::create_dir(self.scene.path(rel)).unwrap();
        }
    }
}

/// Runs a step whose command is `work`, and stores the result.
fn run(
    scene: &Scene,
    workspace: &Workspace,
    id: u32,
    work: impl FnOnce(&mut Told<'_>),
) -> Option<NotCachedKind> {
    run_to(scene, workspace, id, 0, work)
}

/// The same, with the exit code that the command ends with.
fn run_to(
    scene: &Scene,
    workspace: &Workspace,
    id: u32,
    code: i32,
    work: impl FnOnce(&mut Told<'_>),
) -> Option<NotCachedKind> {
    workspace.prepare(id);
    let mut told = Told { scene, fold: Fold::new() };
    work(&mut told);
    let trace = Trace {
        fidelity: Fidelity::Notify,
        records: told.fold.into_records(),
        execs: vec![],
        renames: vec![],
        peers: vec![],
        incomplete: vec![],
        started_ns: 0,
        calls: 0,
        recorded: 0,
    };
    let end = RunEnd {
        code: (code < 128).then_some(code),
        signal: (code > 128).then(|| code - 128),
        cancelled: false,
        trace: Ok(trace),
        log: vec![(1, b"did it\n".to_vec())],
        wall: Duration::from_millis(5),
        hinted: Hinted::default(),
    };
    let recorded = workspace.record(id, end);
    match recorded.pending {
        Some(pending) => workspace.pack(&pending).err().map(|reason| reason.kind),
        None => recorded.refused.map(|reason| reason.kind),
    }
}

fn build(told: &mut Told<'_>) {
    let text = told.reads("src/a");
    told.makes_dir("out");
    told.writes("out/a", &text.to_uppercase());
}

fn miss(workspace: &Workspace, id: u32) -> Option<MissKind> {
    workspace.check(&[id])[0].miss.as_ref().map(|miss| miss.kind)
}

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

fn stateful(told: &mut Told<'_>) {
    let state = told.reads("state");
    let text = told.reads("src/a");
    if state != text {
        told.writes("out", &text);
        told.writes("state", &text);
    }
}

fn opened(scene: &Scene) -> Workspace {
    let workspace = scene.open();
    workspace.add(spec(0, "tsc", &[])).unwrap();
    workspace
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
    assert_eq!(run_to(&scene, &opened(&scene), 0, 1, failing), Some(NotCachedKind::Failed));
    let finishing = |told: &mut Told<'_>| {
        told.reads("half");
        told.reads("src/a");
        told.writes("out", "whole");
    };
    assert_eq!(run(&scene, &opened(&scene), 0, finishing), None);
    scene.write("src/header", "two");
    assert_eq!(miss(&opened(&scene), 0), Some(MissKind::InputChanged), "the header counts");
}

fn two_steps(scene: &Scene) -> Workspace {
    let workspace = scene.open();
    workspace.add(spec(0, "emit", &[])).unwrap();
    workspace.add(spec(1, "shrink", &[0])).unwrap();
    workspace
}

fn emit(told: &mut Told<'_>) {
    let text = told.reads("src/a");
    told.writes("out", &text.to_uppercase());
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
    let end = run_to(&scene, &opened(&scene), 0, 137, killed);
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
