//! Inputs that tools track and nobody saw read: file times tell whether they changed meanwhile.

use cache::Workspace;
use policy::{Hinted, NotCachedKind};

use crate::scene::{How, Scene, Told, emit, run, run_as, spec};

/// A run of the second step, which tracks `out` and began `later_ns` after its last change.
fn tracks(
    scene: &Scene,
    workspace: &Workspace,
    later_ns: i64,
    work: impl FnOnce(&mut Told<'_>),
) -> Option<NotCachedKind> {
    let changed_ns = stat::lstat(stat::as_bytes(&scene.path("out"))).unwrap().ctime_ns;
    let hinted = Hinted { tracked_inputs: [b"out".to_vec()].into(), ..Hinted::default() };
    let how = How { started_ns: changed_ns + later_ns, hinted, ..How::default() };
    run_as(scene, workspace, 1, how, work)
}

fn opened(scene: &Scene) -> Workspace {
    let workspace = scene.open();
    workspace.add(spec(0, "emit", &[])).unwrap();
    workspace.add(spec(1, "use", &[0])).unwrap();
    workspace
}

fn makes_another(told: &mut Told<'_>) {
    told.writes("final", "");
}

#[test]
fn what_a_step_left_in_the_tick_in_which_the_next_began_is_an_input() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = opened(&scene);
    assert_eq!(run(&scene, &workspace, 0, emit), None);
    assert_eq!(tracks(&scene, &workspace, 0, makes_another), None);
}

#[test]
fn what_somebody_left_in_that_tick_may_have_come_after_it_was_read() {
    let scene = Scene::new();
    scene.write("out", "theirs");
    let refused = |later_ns| tracks(&scene, &opened(&scene), later_ns, makes_another);
    assert_eq!(refused(0), Some(NotCachedKind::InputModified));
    assert_eq!(refused(1), None);
}

#[test]
fn what_changed_after_the_run_began_is_none_though_a_step_wrote_it() {
    let scene = Scene::new();
    scene.write("src/a", "one");
    let workspace = opened(&scene);
    assert_eq!(run(&scene, &workspace, 0, emit), None);
    let refused = tracks(&scene, &workspace, -1, makes_another);
    assert_eq!(refused, Some(NotCachedKind::InputModified));
}
