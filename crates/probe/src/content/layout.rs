//! An OCI image layout that holds what was fetched (`image-layout.md` of the OCI image
//! specification).
//!
//! Everything is written into a folder of its own inside, and moved to its place once all of the
//! image was found right: blobs first, each at once, the index last. What was there before stays.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::digest::Wanted;

/// What says that a folder is a layout.
const MARK: &str = "oci-layout";
const INDEX: &str = "index.json";
/// Annotation by which tools find an image in a layout.
const NAME: &str = "org.opencontainers.image.ref.name";
/// How folders begin in which images are put together.
const STAGING: &str = ".pullwhy-";
/// In such a folder, locked for as long as somebody works there.
const LOCK: &str = "lock";
/// How long nobody's folder is left alone.
const FRESH: Duration = Duration::from_secs(10);
/// How the types of OCI manifests and indexes begin.
const OCI: &str = "application/vnd.oci.image.";
/// Bytes of an index that is there already.
const MOST: u64 = 16 << 20;

/// A layout that is being filled.
pub(super) struct Layout {
    folder: PathBuf,
    staging: PathBuf,
    /// Holds the folder's lock.
    _lock: File,
    /// The index as it was.
    index: Value,
}

/// How an image was kept.
pub(super) struct Kept {
    /// The name that it has there.
    pub name: Option<String>,
    /// Another image had that name.
    pub replaced: bool,
    /// Tools find it by the name: containers/image passes over manifests of Docker's types, though it
    /// reads one that is asked for without a name.
    pub found_by_name: bool,
}

/// A blob that is being written.
pub(super) struct Blob {
    file: BufWriter<File>,
}

impl Blob {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// What is at a path itself: a link is not followed.
fn at(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an image can be kept in a folder: it is absent, empty, or a layout. Links inside could
/// lead out of it, so there must be none on the way.
pub fn check_layout(folder: &Path) -> io::Result<()> {
    read_index(folder).map(|_| ())
}

fn read_index(folder: &Path) -> io::Result<Value> {
    let empty = || json!({"schemaVersion": 2, "manifests": []});
    let entries = match fs::read_dir(folder) {
        Ok(mut entries) => entries.any(|entry| entry.map_or(true, |entry| !is_staging(&entry))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if !entries {
        return Ok(empty());
    }
    let mark = at(&folder.join(MARK))?;
    if !mark.is_some_and(|m| m.is_file()) {
        return Err(refused(
            "it is neither empty nor an OCI image layout".to_owned(),
        ));
    }
    for name in ["blobs", "blobs/sha256", "blobs/sha512"] {
        if at(&folder.join(name))?.is_some_and(|m| !m.is_dir()) {
            return Err(refused(format!("`{name}` in it is no folder")));
        }
    }
    let path = folder.join(INDEX);
    match at(&path)? {
        None => Ok(empty()),
        Some(metadata) if metadata.is_file() && metadata.len() <= MOST => {
            let mut text = Vec::new();
            File::open(&path)?.take(MOST).read_to_end(&mut text)?;
            let index: Value = serde_json::from_slice(&text)
                .map_err(|error| refused(format!("its `{INDEX}` cannot be read: {error}")))?;
            if index["manifests"].is_array() {
                Ok(index)
            } else {
                Err(refused(format!("its `{INDEX}` lists no manifests")))
            }
        }
        Some(_) => Err(refused(format!("its `{INDEX}` is no file, or a huge one"))),
    }
}

fn is_staging(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name();
    let is_named = name.to_str().is_some_and(|name| name.starts_with(STAGING));
    // What a link leads to is not ours.
    is_named && entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// Removes what was left behind by runs that were stopped: nobody holds its lock.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !is_staging(&entry) {
            continue;
        }
        let staging = entry.path();
        let lock = staging.join(LOCK);
        // Between the file and its lock is a moment.
        let is_old = |m: &fs::Metadata| {
            let age = m.modified().ok().and_then(|at| at.elapsed().ok());
            age.is_some_and(|age| age > FRESH)
        };
        let is_left = at(&lock)?.is_some_and(|m| m.is_file() && is_old(&m));
        if is_left && File::open(&lock).is_ok_and(|lock| lock.try_lock().is_ok()) {
            fs::remove_dir_all(staging)?;
        }
    }
    Ok(())
}

/// Makes a folder of its own to put an image together in; process ids repeat in containers.
fn stage(folder: &Path) -> io::Result<(PathBuf, File)> {
    for number in 0..1000 {
        let staging = folder.join(format!("{STAGING}{}-{number}", std::process::id()));
        // Whoever made it before us owns it: nothing is written through what is there.
        match fs::create_dir(&staging) {
            Ok(()) => {
                let lock = File::create_new(staging.join(LOCK))?;
                // File systems without locks have nobody to be told apart from.
                let _ = lock.try_lock();
                return Ok((staging, lock));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

impl Layout {
    /// Begins to fill a folder.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        let index = read_index(folder)?;
        fs::create_dir_all(folder)?;
        sweep(folder)?;
        let (staging, lock) = stage(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            staging,
            _lock: lock,
            index,
        })
    }

    /// Begins a blob; the digest was checked for its form.
    pub(super) fn blob(&self, digest: &Wanted) -> io::Result<Blob> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .open(self.staged(digest))?;
        Ok(Blob {
            file: BufWriter::with_capacity(256 << 10, file),
        })
    }

    fn staged(&self, digest: &Wanted) -> PathBuf {
        let (algorithm, value) = digest.parts();
        self.staging.join(format!("{algorithm}-{value}"))
    }

    /// Lets go what was written of a blob.
    pub(super) fn forget(&self, digest: &Wanted) {
        // It goes with the folder at the latest.
        let _ = fs::remove_file(self.staged(digest));
    }

    /// Puts all in its place: `blobs` were verified by who calls.
    pub(super) fn finish(
        mut self,
        blobs: &[Wanted],
        manifest: (&[u8], &str, &Wanted),
        name: Option<&str>,
    ) -> io::Result<Kept> {
        let (bytes, media_type, digest) = manifest;
        let mut own = self.blob(digest)?;
        own.write(bytes)?;
        own.end()?;
        for blob in blobs.iter().chain([digest]) {
            let (algorithm, value) = blob.parts();
            let folder = self.folder.join("blobs").join(algorithm);
            fs::create_dir_all(&folder)?;
            fs::rename(self.staged(blob), folder.join(value))?;
        }
        self.replace(MARK, &json!({"imageLayoutVersion": "1.0.0"}))?;
        let mut entry = json!({
            "mediaType": media_type,
            "digest": digest.text(),
            "size": bytes.len(),
        });
        if let Some(name) = name {
            entry["annotations"] = json!({NAME: name});
        }
        let mut replaced = false;
        if let Some(list) = self.index["manifests"].as_array_mut() {
            let other = |old: &Value| old["digest"] != digest.text();
            replaced = name.is_some_and(|name| {
                let named = |old: &&Value| old["annotations"][NAME].as_str() == Some(name);
                list.iter().filter(named).any(other)
            });
            list.retain(|old| match (name, old["annotations"][NAME].as_str()) {
                (Some(name), Some(old)) => name != old,
                (None, None) => old["digest"] != digest.text(),
                _ => true,
            });
            list.push(entry);
        }
        let index = self.index.take();
        self.replace(INDEX, &index)?;
        Ok(Kept {
            name: name.map(str::to_owned),
            replaced,
            found_by_name: media_type.starts_with(OCI),
        })
    }

    fn replace(&self, name: &str, value: &Value) -> io::Result<()> {
        let staged = self.staging.join(name);
        fs::write(&staged, value.to_string())?;
        fs::rename(staged, self.folder.join(name))
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        // What stays behind is under a name that no tool looks at.
        let _ = fs::remove_dir_all(&self.staging);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn put(folder: &Path, name: &str) -> Value {
        let layout = Layout::begin(folder).expect("a layout");
        let digest = Wanted::parse(EMPTY).expect("a digest");
        layout
            .finish(&[], (b"", "m", &digest), Some(name))
            .expect("kept");
        read_index(folder).expect("an index")
    }

    #[test]
    fn what_a_stopped_run_left_is_swept_and_what_a_running_one_has_is_not() {
        let root = std::env::temp_dir().join(format!("pullwhy-sweep-{}", std::process::id()));
        let folder = root.join("layout");
        let left = folder.join(".pullwhy-1-0");
        fs::create_dir_all(&left).expect("a folder");
        let lock = File::create(left.join(LOCK)).expect("a file");
        let before = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        lock.set_modified(before).expect("a time");
        fs::write(left.join("sha256-00"), "x").expect("a file");
        check_layout(&folder).expect("nothing but what a stopped run left");
        let running = Layout::begin(&folder).expect("a layout");
        assert!(!left.exists(), "nobody works there");
        let other = Layout::begin(&folder).expect("another");
        assert!(running.staging.exists() && other.staging.exists());
        assert_ne!(running.staging, other.staging);
        drop((running, other));
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
        fs::remove_dir_all(&root).expect("removed");
    }

    #[test]
    fn images_are_added_and_replaced_by_name_and_other_folders_are_left_alone() {
        let root = std::env::temp_dir().join(format!("pullwhy-layout-{}", std::process::id()));
        let folder = root.join("a/b");
        assert_eq!(
            put(&folder, "1")["manifests"].as_array().map(Vec::len),
            Some(1)
        );
        assert_eq!(
            put(&folder, "2")["manifests"].as_array().map(Vec::len),
            Some(2)
        );
        assert_eq!(
            put(&folder, "1")["manifests"].as_array().map(Vec::len),
            Some(2)
        );
        let names = fs::read_dir(&folder).expect("a folder").count();
        assert_eq!(names, 3, "blobs, index.json, oci-layout, and nothing else");
        assert!(check_layout(&root).is_err(), "a folder with other things");
        fs::remove_dir_all(folder.join("blobs")).expect("removed");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/tmp", folder.join("blobs")).expect("a link");
            assert!(check_layout(&folder).is_err(), "a link that leads out");
        }
        fs::remove_dir_all(&root).expect("removed");
    }
}
