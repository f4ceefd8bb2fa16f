//! The cases that need nothing but a directory and an expectation.

use super::{Case, program};

/// A test for each case, and all of them as a table for other programs to run through.
macro_rules! cases {
    ($($name:ident $given:tt => $expected:tt;)*) => {
        pub(crate) const CASES: &[Case] = &[$(cases!(@case $name $given $expected)),*];
        $(#[test]
        fn $name() {
            if let Some(program) = program() {
                cases!(@case $name $given $expected).check(program);
            }
        })*
    };
    (@case $name:ident [$($path:literal: $what:literal),*] [$($line:literal),*]) => {
        Case { name: stringify!($name), given: &[$(($path, $what)),*], expected: &[$($line),*] }
    };
}

/// Where musl makes other calls: its `nftw` knows no `FTW_CHDIR`.
pub(crate) const MUSL: &[Case] = &[cases!(@case nftw ["d/e/f": "file"]
    ["d dir stat exists list[e]", "d/e dir stat exists list[f]", "d/e/f file stat"])];

cases! {
    open_read ["f": "file"] => ["f file read"];
    open_missing [] => ["nope absent exists"];
    open_missing_deep [] => ["a absent exists"];
    open_through_file ["f": "file"] => ["f file exists"];
    open_loop ["a": "b", "b": "a"] => ["a link follow", "b link follow"];
    open_empty [] => [];
    open_path_too_long [] => [];
    open_dots ["one/deep": "dir", "one/f": "file", "x": "one/deep", "f": "file"] =>
        ["one/f file read", "x link follow"];
    create [] => ["n absent exists create"];
    create_rdwr [] => ["n absent exists create"];
    create_read ["f": "file"] => ["f file read"];
    create_excl ["f": "file"] => ["f file exists"];
    create_excl_link ["l": "nowhere"] => ["l link exists"];
    create_in_missing [] => ["d absent exists"];
    open_trunc ["f": "file"] => ["f file exists overwrite"];
    open_rdwr_trunc ["f": "file"] => ["f file exists overwrite"];
    create_trunc ["f": "file"] => ["f file replace"];
    open_rdwr ["f": "file"] => ["f file exists modify"];
    open_write ["f": "file"] => ["f file exists write"];
    create_write ["f": "file"] => ["f file write"];
    open_append ["f": "file"] => ["f file exists append"];
    open_nofollow ["f": "file", "l": "f"] => ["l link follow"];
    open_dir ["d": "dir"] => ["d dir exists"];
    open_dir_write ["d": "dir"] => ["d dir exists"];
    open_directory_flag ["f": "file"] => ["f file exists"];
    tmpfile_link [] => [". dir exists", "n absent exists create"];
    tmpfile_link_empty [] => [". dir exists", "n absent exists create"];
    path_then_proc ["f": "file"] => ["f file read exists"];
    creat [] => ["n absent create"];
    creat_existing ["f": "file"] => ["f file replace"];
    openat_dir ["d/f": "file"] => ["d dir exists", "d/f file read"];
    openat_moved_dir ["d/f": "file"] =>
        ["d dir exists delete", "d/f file delete", "e absent create", "e/f absent create"];
    openat_file ["f": "file"] => ["f file read exists"];
    openat2_beneath ["d/f": "file", "f": "file"] => ["d dir exists", "d/f file read"];
    openat2_in_root ["d/f": "file", "f": "file"] => ["d dir exists", "d/f file read"];
    openat2_no_symlinks ["f": "file", "l": "f"] => ["l link follow"];
    openat2_plain [] => ["n absent exists create"];

    chdir_open ["d/f": "file"] => ["d dir exists", "d/f file read"];
    fchdir_open ["d/f": "file"] => ["d dir exists", "d/f file read"];
    chdir_in_thread ["d/f": "file"] => ["d dir exists", "d/f file read"];
    unshare_fs_thread ["d/f": "file", "f": "file"] =>
        ["d dir exists", "d/f file read", "f file read"];
    clone_fs ["d/f": "file"] => ["d dir exists", "d/f file read"];
    spawn_chdir ["d/f": "file"] => ["d dir exists", "d/f file read"];
    cwd_deleted [] => ["d absent exists create"];
    proc_cwd ["f": "file"] => ["f file read"];
    dev_fd ["f": "file"] => ["f file read exists"];

    stat ["f": "file"] => ["f file stat"];
    stat_missing [] => ["nope absent exists"];
    stat_dir ["d": "dir"] => ["d dir stat"];
    stat_link ["f": "file", "l": "f"] => ["f file stat", "l link follow"];
    lstat_link ["f": "file", "l": "f"] => ["l link follow"];
    fstatat_nofollow ["f": "file", "l": "f"] => ["l link follow"];
    statx ["f": "file"] => ["f file stat"];
    fstat_only ["f": "file"] => ["f file read"];
    access_all ["f": "file", "g": "file", "h": "file"] =>
        ["f file exists", "g file access4", "h file access3", "nope absent exists"];
    faccessat2 ["f": "file", "l": "f"] => ["f file access4", "l link follow"];
    readlink ["l": "nowhere"] => ["l link follow"];
    readlink_file ["f": "file"] => ["f file exists"];
    realpath ["a": "b", "b": "c", "c": "f", "f": "file"] =>
        ["a link follow", "b link follow", "c link follow", "f file exists"];
    open_link ["l": "no/where"] => ["l link follow", "no absent exists"];
    open_linked_dir ["d/f": "file", "l": "d"] => ["d/f file read", "l link follow"];
    create_dangling ["l": "t"] => ["l link follow", "t absent exists create"];
    retarget ["f": "file", "g": "file", "l": "f"] => ["l link follow delete"];
    list ["f": "file", "d": "dir"] => [". dir exists list[d,f]"];
    fdlist ["d/f": "file"] => ["d dir exists list[f]"];
    list_raw ["d/f": "file", "d/g": "f"] => ["d dir exists list[f,g]"];
    list_half ["d/a": "file", "d/b": "file", "d/c": "file"] => ["d dir exists list[a,b,c]"];
    directory_only ["d/f": "file"] => ["d dir exists"];
    glob ["a.h": "file", "b.c": "file"] => [". dir exists list[a.h,b.c]"];
    nftw ["d/e/f": "file"] =>
        [". dir exists", "d dir stat exists list[e]", "d/e dir stat exists list[f]",
         "d/e/f file stat"];
    scandir ["d/f": "file"] => ["d dir exists list[f]"];
    getxattr ["f": "file"] => ["f file exists"];
    statfs ["f": "file"] => ["f file exists"];

    rename_over ["f": "file"] => ["f file replace", "t absent exists create"];
    rename_tree ["d/a/f": "file", "d/l": "a"] =>
        ["d dir delete", "d/a dir delete", "d/a/f file delete", "d/l link delete",
         "e absent create", "e/a absent create", "e/a/f absent create", "e/l absent create"];
    rename_exchange ["f": "file", "g": "dir"] => ["f file replace", "g dir replace"];
    rename_exchange_dirs ["d/a": "file", "e/b": "file", "d/both": "file", "e/both": "file"] =>
        ["d dir replace", "d/a file delete", "d/b absent create", "d/both file delete",
         "e dir replace", "e/a absent create", "e/b file delete", "e/both file replace"];
    rename_noreplace ["f": "file", "g": "file"] => ["f file exists", "g file exists"];
    rename_missing ["g": "file"] => ["nope absent exists"];
    rename_same ["f": "file"] => ["f file exists"];
    rename_into_missing ["f": "file"] => ["a absent exists", "f file exists"];
    rename_dir_over_file ["d": "dir", "f": "file"] => ["d dir exists", "f file exists"];
    rename_dir_over_full ["d": "dir", "e/f": "file"] => ["d dir exists", "e dir exists"];
    create_unlink [] => ["n absent exists create"];
    unlink ["f": "file"] => ["f file delete"];
    unlink_missing [] => ["nope absent exists"];
    unlink_dir ["d": "dir"] => ["d dir exists"];
    unlink_recreate ["f": "file"] => ["f file delete"];
    link_read ["f": "file"] => ["f file read touched", "n absent exists create"];
    link_existing ["f": "file", "g": "file"] => ["g file exists"];
    link_missing [] => ["nope absent exists"];
    link_own [] => ["a absent exists create touched", "b absent exists create"];
    symlink [] => ["n absent exists create"];
    symlink_existing ["f": "file"] => ["f file exists"];
    mkdir_p ["d": "dir"] =>
        ["d dir exists", "d/e absent exists create", "d/e/f absent exists create"];
    mkdir_slash [] => ["n absent exists create"];
    rmdir ["d": "dir"] => ["d dir delete"];
    rmdir_full ["d/f": "file"] => ["d dir exists"];
    rmdir_file ["f": "file"] => ["f file exists"];
    mkfifo [] => ["p absent exists create"];
    bind [] => ["s absent exists create"];
    open_socket [] => ["s absent exists create"];
    list_passed ["d/f": "file"] => ["d dir exists list[f]"];
    chmod_own [] => ["n absent exists create touched"];
    chmod ["f": "file"] => ["f file touched"];
    chmod_then_write ["f": "file"] => ["f file exists write touched"];
    fchmodat2 ["f": "file"] => ["f file touched"];
    chown ["f": "file", "l": "f"] => ["f file touched", "l link touched"];
    fchownat_empty ["f": "file"] => ["f file exists touched"];
    touch ["f": "file"] => ["f file touched"];
    futimens ["f": "file"] => ["f file read touched"];
    setxattr ["f": "file"] => ["f file touched"];
    truncate ["f": "file", "g": "file"] => ["f file exists modify", "g file exists overwrite"];
    write_then_truncate ["f": "file"] => ["f file replace"];
    ftruncate ["f": "file"] => ["f file exists modify"];
    fallocate ["f": "file"] => ["f file exists modify"];
    copy_file_range ["f": "file"] => ["f file read", "n absent exists create"];
    map_shared ["f": "file"] => ["f file exists modify"];

    page_end ["f": "file"] => ["f file read"];
    close_all ["f": "file"] => ["f file read"];
    x32 ["f": "file"] => [];
    fork_in_handler ["f": "file", "g": "file"] => ["f file read", "g file read"];
    execve_missing [] => ["nope absent exists"];
    execve_plain_file ["f": "file"] => ["f file access1"];
    vfork_failing_exec [] => ["nope absent exists"];
}
