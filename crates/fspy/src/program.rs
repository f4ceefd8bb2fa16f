//! Finds the program of a step: in the `PATH` that the step itself will see.

use rustix::fs::{AtFlags, CWD};
use stat::{Kind, join};

use crate::error::SpawnError;

/// Where to look if there is no `PATH`, as `execvp` does.
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";

/// Path of `program`, absolute or relative to `cwd`.
pub(crate) fn find(
    program: &[u8],
    env: &[(Vec<u8>, Vec<u8>)],
    cwd: &[u8],
) -> Result<Vec<u8>, SpawnError> {
    if program.contains(&b'/') {
        return Ok(program.to_vec());
    }
    let path = env.iter().find(|(name, _)| name == b"PATH").map(|(_, value)| value.as_slice());
    let path = path.unwrap_or(DEFAULT_PATH);
    let mut refused = None;
    for dir in path.split(|&byte| byte == b':') {
        // An empty element is the working directory.
        let candidate = join(if dir.is_empty() { b"." } else { dir }, program);
        match look(&candidate, cwd) {
            Found::Program => return Ok(candidate),
            Found::Refused => refused = refused.or(Some(candidate)),
            Found::Nothing => {}
        }
    }
    Err(missing(program, path, refused))
}

enum Found {
    Program,
    /// A file that may not be executed.
    Refused,
    Nothing,
}

fn look(candidate: &[u8], cwd: &[u8]) -> Found {
    let absolute =
        if candidate.starts_with(b"/") { candidate.to_vec() } else { join(cwd, candidate) };
    let is_file =
        rustix::fs::stat(&absolute).is_ok_and(|found| Kind::of_mode(found.st_mode) == Kind::File);
    let access = rustix::fs::Access::EXEC_OK;
    match is_file {
        true if rustix::fs::accessat(CWD, &absolute, access, AtFlags::EACCESS).is_ok() => {
            Found::Program
        }
        true => Found::Refused,
        false => Found::Nothing,
    }
}

fn missing(program: &[u8], path: &[u8], refused: Option<Vec<u8>>) -> SpawnError {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let program = text(program);
    match refused {
        Some(found) => SpawnError::NotExecutable { program, found: text(&found) },
        None => SpawnError::NotFound { program, path: text(path) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn path(value: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        vec![(b"PATH".to_vec(), value.as_bytes().to_vec())]
    }

    #[test]
    fn the_first_executable_in_path_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        for (sub, mode) in [("plain", 0o644), ("good", 0o755), ("later", 0o755)] {
            let file = dir.path().join(sub).join("tool");
            fs::create_dir(dir.path().join(sub)).unwrap();
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        let cwd = stat::as_bytes(dir.path());
        assert_eq!(find(b"tool", &path("none:plain:good:later"), cwd).unwrap(), b"good/tool");
        let refused = find(b"tool", &path("none:plain"), cwd).unwrap_err();
        assert!(
            matches!(refused, SpawnError::NotExecutable { ref found, .. } if found == "plain/tool")
        );
        assert_eq!(refused.exit_code(), 126);
        let missing = find(b"tool", &path("none"), cwd).unwrap_err();
        assert_eq!(missing.exit_code(), 127);
        let path = "none".to_owned();
        assert_eq!(missing, SpawnError::NotFound { program: "tool".to_owned(), path });
    }

    #[test]
    fn a_name_with_a_slash_is_not_looked_for() {
        assert_eq!(find(b"./x", &path("/bin"), b"/").unwrap(), b"./x");
    }

    #[test]
    fn directories_and_empty_elements_are_what_they_are() {
        assert!(find(b"bin", &path("/usr:/"), b"/").is_err());
        assert_eq!(find(b"sh", &path(":/nowhere"), b"/bin").unwrap(), b"./sh");
    }
}
