//! Files of this machine. Calls block; they are short, and a deadline is looked at between them.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::{pread, retry_on_intr};
use url::Url;

use crate::error::{Class, Error, Result};
use crate::object_reader::CHANGED;
use crate::store::ObjectMeta;

/// Linux's ELOOP.
const LINKS_IN_A_CIRCLE: i32 = 40;

/// The path that a `file:` URL names.
pub(crate) fn path_of(url: &Url) -> Result<PathBuf> {
    url.to_file_path().map_err(|()| {
        Error::new(Class::InvalidLocation, "the URL does not name a local file").at(url)
    })
}

/// An error of the file system met at `path`.
pub(crate) fn io_error(error: &std::io::Error, path: &Path) -> Error {
    let object = Url::from_file_path(path)
        .map_or_else(|()| path.display().to_string(), |url| url.to_string());
    let (class, message) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            (Class::ObjectNotFound, "the file does not exist".to_string())
        }
        ErrorKind::AlreadyExists => (Class::AlreadyExists, "the file exists already".to_string()),
        ErrorKind::PermissionDenied => (
            Class::StoreAuthentication,
            "the file system refuses access; grant the process's user access to it".to_string(),
        ),
        ErrorKind::UnexpectedEof => (
            Class::ObjectTruncated,
            "the file is shorter than expected".to_string(),
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (Class::StoreFull, "no space is left; make room".to_string())
        }
        ErrorKind::IsADirectory => (
            Class::NotAFile,
            "a directory is where a file was expected".to_string(),
        ),
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput => (
            Class::NotAFile,
            "the file system does not allow the name".to_string(),
        ),
        _ if error.raw_os_error() == Some(LINKS_IN_A_CIRCLE) => (
            Class::NotAFile,
            "symbolic links lead in a circle where a file was expected".to_string(),
        ),
        _ => (
            Class::StoreUnreachable,
            format!("the file system fails: {error}"),
        ),
    };
    Error::new(class, message).at(object)
}

fn modified_ms(meta: &fs::Metadata) -> i64 {
    match meta.modified().map(|time| time.duration_since(UNIX_EPOCH)) {
        Ok(Ok(after)) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Ok(Err(before)) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

pub(crate) fn head(path: &Path) -> Result<ObjectMeta> {
    let meta = fs::metadata(path).map_err(|e| io_error(&e, path))?;
    check_file(&meta, path)?;
    Ok(ObjectMeta {
        name: String::new(),
        size: meta.len(),
        modified_ms: modified_ms(&meta),
    })
}

/// Fails with NOT_A_FILE when what is at `path` is no file.
fn check_file(meta: &fs::Metadata, path: &Path) -> Result<()> {
    if meta.is_dir() {
        return Err(io_error(&ErrorKind::IsADirectory.into(), path));
    }
    if !meta.is_file() {
        let message = "a pipe or device is where a file was expected";
        let error = io_error(&ErrorKind::IsADirectory.into(), path);
        return Err(Error::new(Class::NotAFile, message).at(error.object()));
    }
    Ok(())
}

/// A file that ranges are read from. Its deletion meanwhile does no harm; that it is written to
/// fails whatever is read afterwards.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: File,
    path: PathBuf,
    size: u64,
    modified: Option<SystemTime>,
}

impl OpenFile {
    /// Opens the file at `path`. Fails with NOT_A_FILE for anything else than a file, of which a
    /// pipe would be waited for without end.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |error: std::io::Error| io_error(&error, path);
        check_file(&fs::metadata(path).map_err(failed)?, path)?;
        let file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        Ok(OpenFile {
            file,
            path: path.to_path_buf(),
            size: meta.len(),
            modified: meta.modified().ok(),
        })
    }

    /// Bytes of the file when it was opened.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The `length` bytes from `start` on. Fails with OBJECT_TRUNCATED when the file ends before,
    /// and with OBJECT_CHANGED when it was written to since it was opened.
    pub(crate) fn read(&self, start: u64, length: usize) -> Result<Bytes> {
        let failed = |error: std::io::Error| io_error(&error, &self.path);
        let end = start.saturating_add(length as u64);
        if end > self.size {
            return Err(failed(ErrorKind::UnexpectedEof.into())
                .with("size", self.size)
                .with("needed", end));
        }
        let read = read_at(&self.file, start, length);
        let now = self.file.metadata().map_err(failed)?;
        if now.len() != self.size || now.modified().ok() != self.modified {
            return Err(Error::new(Class::ObjectChanged, CHANGED)
                .at(failed(ErrorKind::UnexpectedEof.into()).object()));
        }
        read.map(Bytes::from).map_err(failed)
    }
}

/// `length` bytes of `file` from `start` on, into memory that nobody has to set to zero first.
fn read_at(file: &File, start: u64, length: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = start + bytes.len() as u64;
        let read = retry_on_intr(|| pread(file, spare_capacity(&mut bytes), at))?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

pub(crate) fn read(path: &Path) -> Result<Bytes> {
    let mut open = OpenFile::open(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(open.size).unwrap_or(0));
    open.file
        .read_to_end(&mut bytes)
        .map_err(|e| io_error(&e, path))?;
    Ok(Bytes::from(bytes))
}

pub(crate) fn read_range(path: &Path, start: u64, length: usize) -> Result<Bytes> {
    OpenFile::open(path)?.read(start, length)
}

/// What stands directly in `directory` under names at or after `from`, sorted by name. What is no
/// file is among it, and a link that leads nowhere: a name that ought to be a file's fails when it
/// is read, rather than not to be there.
pub(crate) fn list(directory: &Path, from: &str) -> Result<Vec<ObjectMeta>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(|e| io_error(&e, directory))? {
        let entry = entry.map_err(|e| io_error(&e, directory))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if name.as_str() < from {
            continue;
        }
        // A file may vanish between the two calls; then it is as if it had gone before.
        let path = entry.path();
        let meta = match fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path)) {
            Ok(meta) => meta,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(io_error(&e, &path)),
        };
        found.push(ObjectMeta {
            name,
            size: meta.len(),
            modified_ms: modified_ms(&meta),
        });
    }
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// A file being written under a name that nobody reads; it appears under its own name at the end.
#[derive(Debug)]
pub(crate) struct Draft {
    file: File,
    hidden: PathBuf,
    target: PathBuf,
    done: bool,
}

impl Draft {
    pub(crate) fn create(target: &Path) -> Result<Self> {
        let directory = target.parent().unwrap_or(Path::new("/"));
        make_folders(directory)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let hidden = directory.join(format!(".{name}.{}.tmp", uuid::Uuid::new_v4().simple()));
        let file = File::create_new(&hidden).map_err(|e| io_error(&e, &hidden))?;
        Ok(Draft {
            file,
            hidden,
            target: target.to_path_buf(),
            done: false,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|e| io_error(&e, &self.target))
    }

    /// Makes the file appear, durably: over another of the name, or only when there is none.
    pub(crate) fn publish(mut self, replace: bool) -> Result<()> {
        self.file
            .sync_all()
            .map_err(|e| io_error(&e, &self.target))?;
        if replace {
            fs::rename(&self.hidden, &self.target).map_err(|e| io_error(&e, &self.target))?;
            self.done = true;
        } else {
            fs::hard_link(&self.hidden, &self.target).map_err(|e| io_error(&e, &self.target))?;
        }
        self.target.parent().map_or(Ok(()), sync_folder)
    }
}

/// Makes `directory` and those above it that are missing, durably.
fn make_folders(directory: &Path) -> Result<()> {
    let missing: Vec<&Path> = directory
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .collect();
    fs::create_dir_all(directory).map_err(|e| io_error(&e, directory))?;
    let above = missing.into_iter().filter_map(Path::parent);
    above.into_iter().try_for_each(sync_folder)
}

/// Makes the names in `directory` durable.
fn sync_folder(directory: &Path) -> Result<()> {
    let handle = File::open(directory).map_err(|e| io_error(&e, directory))?;
    handle.sync_all().map_err(|e| io_error(&e, directory))
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut source = OpenFile::open(from)?;
    let mut draft = Draft::create(to)?;
    std::io::copy(&mut source.file, &mut draft.file).map_err(|e| io_error(&e, to))?;
    draft.publish(true)
}

pub(crate) fn delete(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|e| io_error(&e, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_to_is_not_read_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, "old bytes").unwrap();
        let open = OpenFile::open(&path).unwrap();
        assert_eq!(&open.read(0, 3).unwrap()[..], b"old");
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "new bytes").unwrap();
        let late = before + std::time::Duration::from_millis(1);
        File::open(&path).unwrap().set_modified(late).unwrap();
        let error = open.read(4, 5).unwrap_err();
        assert_eq!(error.class(), Class::ObjectChanged);
        assert!(error.object().ends_with("/a"), "{error}");
        // One that was replaced, or deleted, is read to its end.
        let open = OpenFile::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "third").unwrap();
        assert_eq!(&open.read(0, 9).unwrap()[..], b"new bytes");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let circle = directory.path().join("circle");
        std::os::unix::fs::symlink(&circle, &circle).unwrap();
        let pipe = directory.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let impossible = directory.path().join("a\0b");
        for path in [directory.path(), &circle, &pipe, &impossible] {
            let class = |result: Result<()>| result.map_err(|error| error.class());
            let refused = Err(Class::NotAFile);
            assert_eq!(class(OpenFile::open(path).map(drop)), refused, "{path:?}");
            assert_eq!(class(read(path).map(drop)), refused, "{path:?}");
            assert_eq!(class(head(path).map(drop)), refused, "{path:?}");
        }
    }

    #[test]
    fn a_listing_leaves_nothing_out() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "1").unwrap();
        fs::create_dir(directory.path().join("b")).unwrap();
        std::os::unix::fs::symlink("/nowhere", directory.path().join("c")).unwrap();
        let found = list(directory.path(), "").unwrap();
        let names: Vec<&str> = found.iter().map(|meta| meta.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }
}
