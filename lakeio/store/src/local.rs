//! Files of this machine. Calls block; they are short, and a deadline is looked at between them.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use url::Url;

use crate::error::{Class, Error, Result};
use crate::store::ObjectMeta;

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
            Class::StoreRefused,
            "a directory is where a file was expected".to_string(),
        ),
        ErrorKind::InvalidFilename => (
            Class::StoreRefused,
            "the file system does not allow the name".to_string(),
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
    if meta.is_dir() {
        return Err(io_error(&ErrorKind::IsADirectory.into(), path));
    }
    Ok(ObjectMeta {
        name: String::new(),
        size: meta.len(),
        modified_ms: modified_ms(&meta),
    })
}

pub(crate) fn read(path: &Path) -> Result<Bytes> {
    let attempt = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let size = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        let mut bytes = Vec::with_capacity(size);
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    attempt().map(Bytes::from).map_err(|e| io_error(&e, path))
}

pub(crate) fn read_range(path: &Path, start: u64, length: usize) -> Result<Bytes> {
    let file = File::open(path).map_err(|e| io_error(&e, path))?;
    read_range_of(&file, path, start, length)
}

pub(crate) fn read_range_of(file: &File, path: &Path, start: u64, length: usize) -> Result<Bytes> {
    let size = file.metadata().map_err(|e| io_error(&e, path))?.len();
    if start
        .checked_add(length as u64)
        .is_none_or(|end| end > size)
    {
        return Err(io_error(&ErrorKind::UnexpectedEof.into(), path)
            .with("size", size)
            .with("needed", start.saturating_add(length as u64)));
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, start)
        .map_err(|e| io_error(&e, path))?;
    Ok(Bytes::from(bytes))
}

/// Files directly in `directory` whose names are at or after `from`, sorted by name.
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
        let meta = match fs::metadata(entry.path()) {
            Ok(meta) => meta,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(io_error(&e, &entry.path())),
        };
        if meta.is_file() {
            found.push(ObjectMeta {
                name,
                size: meta.len(),
                modified_ms: modified_ms(&meta),
            });
        }
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
        fs::create_dir_all(directory).map_err(|e| io_error(&e, directory))?;
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
        if let Some(directory) = self.target.parent() {
            let handle = File::open(directory).map_err(|e| io_error(&e, directory))?;
            handle.sync_all().map_err(|e| io_error(&e, directory))?;
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).map_err(|e| io_error(&e, from))?;
    source
        .seek(SeekFrom::Start(0))
        .map_err(|e| io_error(&e, from))?;
    let mut draft = Draft::create(to)?;
    std::io::copy(&mut source, &mut draft.file).map_err(|e| io_error(&e, to))?;
    draft.publish(true)
}

pub(crate) fn delete(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(|e| io_error(&e, path))
}
