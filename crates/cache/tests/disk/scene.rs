//! A workspace on the disk, and commands that are told to the fold while they are done.

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cache::{Options, RunEnd, StepSpec, Workspace};
use digest::hash_bytes;
use fspy_trace::{Change, Fidelity, Fold, Op, State, Trace};
use policy::{Hinted, MissKind, NotCachedKind};

/// A workspace in a temporary directory.
pub(crate) struct Scene {
    pub(crate) _dir: tempfile::TempDir,
    pub(crate) root: PathBuf,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = dir.path().canonicalize().unwrap().join("ws");
        fs::create_dir(&root).unwrap();
        Self { _dir: dir, root }
    }

    pub(crate) fn open(&self) -> Workspace {
        self.open_with_cache(&self.root.join(".taskrunner/cache"))
    }

    pub(crate) fn open_with_cache(&self, cache_dir: &Path) -> Workspace {
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

    pub(crate) fn path(&self, rel: &str) -> PathBuf {
        self.root.join(rel)
    }

    pub(crate) fn write(&self, rel: &str, text: &str) {
        let path = self.path(rel);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, rel: &str) -> Option<String> {
        fs::read_to_string(self.path(rel)).ok()
    }

    pub(crate) fn state(&self, rel: &str) -> State {
        match stat::lstat(stat::as_bytes(&self.path(rel))) {
            Ok(id) if id.kind() == stat::Kind::Link => {
                State::Link(id, stat::as_bytes(&fs::read_link(self.path(rel)).unwrap()).to_vec())
            }
            Ok(id) => State::Present(id),
            Err(_) => State::Absent,
        }
    }
}

pub(crate) fn spec(id: u32, task: &str, before: &[u32]) -> StepSpec {
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
pub(crate) struct Told<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) fold: Fold,
}

impl Told<'_> {
    pub(crate) fn event(&mut self, rel: &str, op: Op) {
        let path = self.scene.path(rel);
        self.fold.add(stat::as_bytes(&path), op, &self.scene.state(rel));
    }

    pub(crate) fn reads(&mut self, rel: &str) -> String {
        self.event(rel, Op::Read);
        self.scene.read(rel).unwrap_or_default()
    }

    pub(crate) fn writes(&mut self, rel: &str, text: &str) {
        let exists = self.scene.path(rel).exists();
        self.event(rel, Op::Change(if exists { Change::Replace } else { Change::Create }));
        self.scene.write(rel, text);
    }

    pub(crate) fn lists(&mut self, rel: &str) {
        let mut names: Vec<_> = fs::read_dir(self.scene.path(rel))
            .unwrap()
            .map(|entry| (entry.unwrap().file_name().into_vec(), stat::Kind::File))
            .collect();
        names.sort();
        self.event(rel, Op::List(names));
    }

    pub(crate) fn makes_dir(&mut self, rel: &str) {
        self.event(rel, Op::Exists);
        if !self.scene.path(rel).exists() {
            self.event(rel, Op::Change(Change::Create));
            fs::create_dir(self.scene.path(rel)).unwrap();
        }
    }
}

/// Runs a step whose command is `work`, and stores the result.
pub(crate) fn run(
    scene: &Scene,
    workspace: &Workspace,
    id: u32,
    work: impl FnOnce(&mut Told<'_>),
) -> Option<NotCachedKind> {
    run_as(scene, workspace, id, How::default(), work)
}

/// What else is known of a run.
#[derive(Default)]
pub(crate) struct How {
    /// The exit code that the command ends with, or 128 and the signal that killed it.
    pub(crate) code: i32,
    pub(crate) started_ns: i64,
    pub(crate) hinted: Hinted,
}

/// The same, with all that is known of it.
pub(crate) fn run_as(
    scene: &Scene,
    workspace: &Workspace,
    id: u32,
    how: How,
    work: impl FnOnce(&mut Told<'_>),
) -> Option<NotCachedKind> {
    let How { code, started_ns, hinted } = how;
    workspace.prepare(id);
    let mut told = Told { scene, fold: Fold::new() };
    work(&mut told);
    let trace = Trace {
        fidelity: Fidelity::Notify,
        records: told.fold.into_records(),
        execs: vec![],
        renames: vec![],
        peers: vec![],
        variables: vec![],
        incomplete: vec![],
        started_ns,
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
        hinted,
    };
    let recorded = workspace.record(id, end);
    match recorded.pending {
        Some(pending) => workspace.pack(&pending).err().map(|reason| reason.kind),
        None => recorded.refused.map(|reason| reason.kind),
    }
}

pub(crate) fn build(told: &mut Told<'_>) {
    let text = told.reads("src/a");
    told.makes_dir("out");
    told.writes("out/a", &text.to_uppercase());
}

pub(crate) fn miss(workspace: &Workspace, id: u32) -> Option<MissKind> {
    workspace.check(&[id])[0].miss.as_ref().map(|miss| miss.kind)
}

pub(crate) fn opened(scene: &Scene) -> Workspace {
    let workspace = scene.open();
    workspace.add(spec(0, "tsc", &[])).unwrap();
    workspace
}

/// A step that makes `out` of `src/a`.
pub(crate) fn emit(told: &mut Told<'_>) {
    let text = told.reads("src/a");
    told.writes("out", &text.to_uppercase());
}
