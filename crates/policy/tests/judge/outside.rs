//! Outside the workspace: the toolchain, temporary files, programs by name, other processes.

use fspy_trace::{Change, Incomplete, Op as Seen, Peer, State};
use policy::{Look, NotCachedKind, Place, Root, Value};

use crate::tree::{Run, Tree, content, inputs, outputs, refused};

#[test]
fn what_is_read_from_a_fifo_is_somebodys_answer() {
    let mut tree = Tree::default();
    let fifo = State::Present(tree.put("/ws/fifo", 0o010_644, b""));
    let judgement = Run::default().saw("/ws/fifo", Seen::Read, &fifo).judged(&tree);
    assert_eq!(refused(&judgement), Some(NotCachedKind::AskedPeer));
}

#[test]
fn a_temporary_file_moved_into_the_workspace_was_handed_over() {
    let mut tree = Tree::default();
    let given = tree.file("/tmp/given", "x");
    tree.remove("/tmp/given");
    tree.file("/ws/out", "x");
    let run = Run::default().did("/tmp/given", Change::Delete, &given);
    let judgement = run.did("/ws/out", Change::Create, &State::Absent).judged(&tree);
    assert_eq!(refused(&judgement), Some(NotCachedKind::ReadTemp));
}

#[test]
fn the_runner_s_own_files_are_no_hand_over_wherever_it_is_installed() {
    let mut tree = Tree::default();
    let plugin = tree.file("/tmp/runner/taskrunner/pytest_plugin.py", "x");
    let path = "/tmp/runner/taskrunner/pytest_plugin.py";
    let judgement = Run::default().saw(path, Seen::Read, &plugin).judged(&tree);
    assert_eq!(refused(&judgement), None);
    assert_eq!(judgement.inputs.len(), 1);
}

#[test]
fn a_flag_looked_for_among_temporary_files_is_an_input() {
    let tree = Tree::default();
    let judgement = Run::default().saw("/tmp/flag", Seen::Stat, &State::Absent).judged(&tree);
    assert_eq!(inputs(&judgement), [(Look::Kind, "flag".to_owned(), &Value::Absent)]);
}

#[test]
fn outside_the_workspace_reads_count_and_writes_forbid() {
    let mut tree = Tree::default();
    let header = tree.file("/usr/include/stdio.h", "h");
    tree.file("/home/ann/.local/bin/tool", "installed");
    let judged = Run::default().saw("/usr/include/stdio.h", Seen::Read, &header).judged(&tree);
    let expected = (Look::Content, "usr/include/stdio.h".into(), &content("h"));
    assert_eq!(inputs(&judged), [expected]);
    let judged = Run::default()
        .did("/home/ann/.local/bin/tool", Change::Create, &State::Absent)
        .judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::WroteOutside));
}

#[test]
fn a_temporary_file_of_ones_own_is_nothing_and_anothers_is_not_cached() {
    let mut tree = Tree::default();
    let other = tree.file("/tmp/x.json", "left by somebody");
    tree.file("/tmp/mine", "x");
    let own = Run::default().did("/tmp/mine", Change::Create, &State::Absent).judged(&tree);
    assert_eq!((inputs(&own), outputs(&own), refused(&own)), (vec![], vec![], None));
    let judged = Run::default().saw("/tmp/x.json", Seen::Read, &other).judged(&tree);
    assert_eq!(refused(&judged), Some(NotCachedKind::ReadTemp));
}

#[test]
fn installed_code_counts_even_below_a_temporary_directory() {
    let mut tree = Tree::default();
    let mark = tree.file("/tmp/venv/pyvenv.cfg", "home = /usr/bin");
    let library = tree.file("/tmp/venv/lib/python3/os.py", "x");
    let program = tree.put("/tmp/tools/gen", 0o100_755, b"elf");
    let judged = Run::default()
        .saw("/tmp/venv/pyvenv.cfg", Seen::Read, &mark)
        .saw("/tmp/venv/lib/python3/os.py", Seen::Read, &library)
        .saw("/tmp/tools/gen", Seen::Exec, &State::Present(program))
        .judged(&tree);
    assert_eq!(refused(&judged), None);
    assert_eq!(judged.inputs.len(), 3);
}

#[test]
fn a_program_found_on_the_path_is_an_input_by_name() {
    let mut tree = Tree::default();
    let program = tree.put("/usr/bin/cc", 0o100_755, b"elf");
    let place = Place { root: Root::Absolute, rel: b"usr/bin/cc".to_vec() };
    tree.programs.insert(b"cc".to_vec(), place);
    let judged =
        Run::default().saw("/usr/bin/cc", Seen::Exec, &State::Present(program)).judged(&tree);
    let looks: Vec<Look> = judged.inputs.iter().map(|(op, _)| op.look).collect();
    assert_eq!(looks, [Look::Content, Look::Lookup]);
}

#[test]
fn local_servers_forbid_and_remote_ones_do_not() {
    let judge_peer = |peer| {
        let run = Run { peers: vec![peer], ..Run::default() };
        refused(&run.judged(&Tree::default()))
    };
    assert_eq!(judge_peer(Peer::Loopback(5432)), Some(NotCachedKind::AskedPeer));
    assert_eq!(
        judge_peer(Peer::Unix(b"/var/run/docker.sock".to_vec())),
        Some(NotCachedKind::AskedPeer)
    );
    assert_eq!(judge_peer(Peer::Unix(b"/var/run/nscd/socket".to_vec())), None);
    assert_eq!(judge_peer(Peer::Remote("192.0.2.1:443".into())), None);
}

#[test]
fn an_incomplete_trace_is_never_cached() {
    for reason in [
        Incomplete::UnreadableMemory,
        Incomplete::ForeignNamespace,
        Incomplete::ForeignArchitecture,
        Incomplete::HelperLost,
        Incomplete::StillTalking,
        Incomplete::StillWriting(b"/ws/a".to_vec()),
    ] {
        let run = Run { incomplete: vec![reason.clone()], ..Run::default() };
        assert!(run.judged(&Tree::default()).refused.is_some(), "{reason:?}");
    }
}
