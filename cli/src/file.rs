//! Files that hold keys: whole or absent, readable by their owner alone.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use crate::error::{Error, Explain};

/// Creates the folder with `mode` if it is missing, its parents too.
pub fn create_folder(path: &Path, mode: u32) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(mode).create(path).explain(|| format!("cannot create {}", path.display()))
}

/// Replaces the file as a whole; mode 0600. A crash leaves either the old or the new content.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let fresh = path.with_added_extension("new");
    let write = || {
        match fs::remove_file(&fresh) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().explain(|| format!("cannot write {}", path.display()))
}

/// Reads the file; `None` when there is none. One that others may read is refused.
pub fn read_private(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let metadata = match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.explain(|| format!("cannot read {}", path.display()))?,
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::new(format!("{} holds keys, but has mode {mode:04o}: others may read it", path.display()))
            .advise(format!("chmod 600 {}", path.display())));
    }
    fs::read(path).map(Some).explain(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_private_and_one_that_is_not_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(read_private(&path).unwrap().is_none());
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(read_private(&path).unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_private(&path).unwrap_err().problem().contains("0640"));
    }
}
