//! Every byte of an image, fetched and verified as it comes.
//!
//! ```text
//! blob stream ─► digest ─► decompression ─► diff id
//!  (transfer)   (digest)      (decode)         └─► archive ─► members ─► owners
//!                  └─► layout                       (tar)       (entries)
//! ```
//!
//! Nothing is unpacked: names and owners are judged as engines judge them, and are let go. Memory
//! does not grow with the image: chunks go round, windows of decoders share one bound (`room`),
//! names are bounded in length, and paths are remembered as hashes, so many of them and no more.
//! Time is bounded by [`Pull::total`], silence by [`crate::Options::timeout`].

mod asker;
mod config;
mod decode;
mod digest;
mod entries;
mod gunzip;
mod kinds;
mod known;
mod layer;
mod layout;
mod limits;
mod outline;
mod paths;
mod pax;
mod room;
mod sparse;
mod standing;
mod tar;
mod tell;
mod transfer;
mod way;

#[cfg(test)]
mod tests;

pub(crate) use config::verified;
pub(crate) use digest::Wanted;
pub use layout::check_layout;
pub use outline::{LayerOutline, read_layer};

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pullwhy_model::{Hop, Image, Status};

use crate::LayerProgress;
use crate::engine::again::Asked;
use crate::hops::manifest::{Blob, Manifest, Reader};
use crate::hops::registry::Session;
use crate::net::{Deadline, lock};
use crate::options::{IdRange, Pull};
use crate::rows::{Row, Rows};
use crate::store::{Measured, StorePlan};

use asker::Asker;
use decode::Compression;
use entries::Entries;
use layer::{Bench, wants_threads};
use layout::Layout;
use paths::Paths;
use room::Room;
use standing::Layer;
use tar::Archive;
use tell::{Meant, Told};
use transfer::{Failed, Transfer};

/// Layers fetched at a time, as containers/image does; Docker and containerd take three.
const AT_ONCE: usize = 6;
/// How often progress is told.
const TICK: Duration = Duration::from_millis(100);

/// Fetches and verifies configuration and layers.
pub(crate) fn pull(
    session: &Session<'_, '_>,
    manifest: &Manifest,
    image: &Image,
    wish: &Pull,
    rows: &mut Rows<'_>,
) -> Measured {
    let ends = Deadline::after(wish.total);
    session.net.pulls_until(ends);
    session.net.expect_blobs(manifest.layers.len().min(AT_ONCE));
    let asker = Asker::new(session, ends);
    let (layout, unwritable) = match wish.layout.as_deref().map(Layout::begin).transpose() {
        Ok(layout) => (layout, None),
        Err(error) => (None, Some(error)),
    };
    let reader = Reader::of(session.net.options);
    let mut aside = rows.aside();
    let config = config::fetch(&asker, manifest, layout.as_ref(), &mut aside);
    let mut made = aside.done();
    for row in &mut made {
        let digest = manifest.config.as_ref().map_or("", |blob| &blob.digest);
        limits::config(row, digest, reader);
    }
    let verified = config.verified && made.iter().all(|row| row.status != Status::Failed);
    rows.replay(made);
    let work = Work {
        asker: &asker,
        layers: &manifest.layers,
        diff_ids: config.diff_ids.as_deref(),
        range: wish.userns,
        reader,
        swell: wish.swell,
        layout: layout.as_ref(),
        room: Room::new(),
        paths: paths::Shared::new(),
        unkept: Mutex::default(),
    };
    let (whole, measured) = work.run(rows);
    let whole = whole && verified;
    let unkept = lock(&work.unkept).take().or(unwritable);
    if let Some(folder) = &wish.layout {
        let kept = match (unkept, layout) {
            (Some(error), _) => Some(Err(error)),
            (None, Some(layout)) if whole => Some(keep(layout, manifest, image)),
            _ => None,
        };
        rows.push(tell::kept(folder, kept));
    }
    measured
}

/// Puts all that was verified in its place.
fn keep(layout: Layout, manifest: &Manifest, image: &Image) -> std::io::Result<layout::Kept> {
    let own = Wanted::parse(&crate::hops::manifest::digest(&manifest.bytes));
    let own = own.ok_or(std::io::ErrorKind::InvalidData)?;
    let named = manifest.config.iter().chain(&manifest.layers);
    let mut blobs: Vec<Wanted> = named.filter_map(|b| Wanted::parse(&b.digest)).collect();
    blobs.sort_by(|a, b| a.text().cmp(b.text()));
    blobs.dedup_by(|a, b| a.text() == b.text());
    let content = (
        manifest.bytes.as_slice(),
        manifest.media_type.as_str(),
        &own,
    );
    layout.finish(&blobs, content, image.tag.as_deref())
}

/// What layers are worked on with.
struct Work<'w, 's, 'n, 'o> {
    asker: &'w Asker<'s, 'n, 'o>,
    layers: &'w [Blob],
    diff_ids: Option<&'w [Wanted]>,
    /// Whose engine it is fetched for.
    reader: Reader,
    range: Option<IdRange>,
    swell: u64,
    layout: Option<&'w Layout>,
    room: Room,
    paths: Arc<paths::Shared>,
    /// Why bytes could not be kept.
    unkept: Mutex<Option<std::io::Error>>,
}

impl<'w, 's, 'n, 'o> Work<'w, 's, 'n, 'o> {
    /// Works on all layers, some at a time; rows come in their order. Whether all is as it must be,
    /// and what was counted.
    fn run(&self, rows: &mut Rows<'_>) -> (bool, Measured) {
        let started = Instant::now();
        let mut measured = Measured::default();
        if self.layers.is_empty() {
            rows.push(Row::new(Hop::Layer, "").skipped("the image has no layers"));
            return (true, measured);
        }
        let mut firsts: HashMap<&str, usize> = HashMap::new();
        for (at, blob) in self.layers.iter().enumerate() {
            firsts.entry(blob.digest.as_str()).or_insert(at);
        }
        // Hosts that the layers are sent to make their rows once, before all others.
        let mut first = Transfer::new(self.asker, &self.layers[0], Asked::Layer);
        let opened = if self.is_known(&self.layers[0]) {
            first.open(rows)
        } else {
            Ok(())
        };
        let first = Mutex::new(Some((first, opened)));
        let got: Vec<AtomicU64> = self.layers.iter().map(|_| AtomicU64::new(0)).collect();
        let done: Vec<AtomicBool> = self.layers.iter().map(|_| AtomicBool::new(false)).collect();
        let next = AtomicUsize::new(0);
        let (tell, told) = std::sync::mpsc::channel();
        let mut unpacked = Vec::with_capacity(self.layers.len());
        let mut paths: Vec<Option<Paths>> = Vec::with_capacity(self.layers.len());
        let mut whole = true;
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(self.layers.len()) {
                let tell = tell.clone();
                let (first, firsts, next, got, done) = (&first, &firsts, &next, &got, &done);
                scope.spawn(move || {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        if at >= self.layers.len() {
                            break;
                        }
                        let again = firsts.get(self.layers[at].digest.as_str());
                        let told = match again {
                            Some(earlier) if *earlier != at => self.again(at, *earlier),
                            _ if at == 0 => self.one(at, lock(first).take(), &got[at]),
                            _ => self.one(at, None, &got[at]),
                        };
                        done[at].store(true, Ordering::Relaxed);
                        // The other side stays until all have ended.
                        let _ = tell.send((at, told));
                    }
                });
            }
            drop(tell);
            let mut early: BTreeMap<usize, Told> = BTreeMap::new();
            loop {
                match told.recv_timeout(TICK) {
                    Ok((at, told)) => {
                        early.insert(at, told);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                while let Some(told) = early.remove(&unpacked.len()) {
                    whole &= told.is_whole();
                    measured.layers.push(told.counted);
                    rows.push(told.layer);
                    unpacked.push(told.unpack);
                    paths.push(told.paths);
                }
                let layers = self.layers.iter().zip(got.iter().zip(&done));
                let progress: Vec<LayerProgress<'_>> = layers
                    .map(|(blob, (got, done))| LayerProgress {
                        digest: &blob.digest,
                        size: blob.size,
                        got: got.load(Ordering::Relaxed),
                        done: done.load(Ordering::Relaxed),
                    })
                    .collect();
                rows.progress(&progress);
            }
        });
        let copies = self.layer(0).copies;
        let lost = paths::lost(&paths);
        for (at, (row, lost)) in unpacked.into_iter().zip(lost).enumerate() {
            let row = match lost {
                Some(lost) => tell::lost(row, lost, copies),
                None => row,
            };
            let row = limits::layers(row, at, self.layers.len(), self.reader);
            whole &= !row.is_failure();
            rows.push(row);
        }
        measured.bytes = got.iter().map(|got| got.load(Ordering::Relaxed)).sum();
        measured.took = started.elapsed();
        for (at, blob) in self.layers.iter().enumerate() {
            let earlier = firsts.get(blob.digest.as_str()).copied();
            let counted = earlier.and_then(|at| measured.layers.get(at).copied());
            if let (Some(own), Some(counted)) = (measured.layers.get_mut(at), counted) {
                *own = counted;
            }
        }
        (whole, measured)
    }

    fn layer(&self, at: usize) -> Layer {
        let store = self.asker.session().net.options.store.as_ref();
        Layer {
            upper: at > 0,
            copies: store.is_some_and(StorePlan::copies),
        }
    }

    /// A layer that the manifest names twice.
    fn again(&self, at: usize, earlier: usize) -> Told {
        let id = |at: usize| self.diff_ids.and_then(|ids| ids.get(at)).map(Wanted::text);
        Told {
            // What it holds is known from there.
            paths: Some(Paths::new(Arc::clone(&self.paths))),
            ..tell::again(&self.layers[at], earlier, (id(at), id(earlier)))
        }
    }

    fn one(
        &self,
        at: usize,
        opened: Option<(Transfer<'w, 's, 'n, 'o>, Result<(), Failed>)>,
        watched: &AtomicU64,
    ) -> Told {
        let blob = &self.layers[at];
        let host = &self.asker.session().origin.host;
        if !self.is_known(blob) {
            return self.unknown(blob, host);
        }
        if self.reader.is_containerd() && blob.size == 0 {
            let says = "the manifest gives it no size, and containerd refuses that".to_owned();
            return tell::unsupported(blob, host, says);
        }
        let Some(wanted) = Wanted::parse(&blob.digest) else {
            let says = "a digest of a kind that engines do not know".to_owned();
            return tell::unsupported(blob, host, says);
        };
        if let Some(says) = limits::refused(blob, self.reader) {
            return tell::unsupported(blob, host, says);
        }
        if opened.is_none() && self.asker.is_silent() {
            return tell::passed_over(blob, host);
        }
        let (mut transfer, opened) =
            opened.unwrap_or_else(|| (Transfer::new(self.asker, blob, Asked::Layer), Ok(())));
        if let Err(failed) = opened {
            return tell::failed(&transfer, failed);
        }
        let diff = self.diff_ids.and_then(|ids| ids.get(at));
        let all = self.layers.iter().map(|blob| blob.size);
        let all = all.fold(0, u64::saturating_add);
        let (came, kept) = loop {
            let mut kept = self
                .layout
                .and_then(|layout| self.kept(layout.blob(&wanted)));
            let came = layer::fetch(
                &mut transfer,
                &wanted,
                &mut kept,
                Bench {
                    diff: diff.cloned().unwrap_or_else(Wanted::any),
                    archive: Archive::new(Entries::new(
                        self.range,
                        Paths::new(Arc::clone(&self.paths)),
                        self.reader,
                        self.layer(at),
                    )),
                    swell: self.swell,
                    room: &self.room,
                    in_threads: wants_threads(blob.size, all),
                    watched,
                },
            );
            let wrong = came.failed.is_none() && came.digest != wanted.text();
            if !(wrong && transfer.starts_over()) {
                break (came, kept);
            }
        };
        if let Some(error) = came.unkept {
            self.kept::<()>(Err(error));
        }
        if let Some(kept) = kept {
            self.kept(kept.end());
        }
        let right = came.failed.is_none() && came.digest == wanted.text();
        if let (false, Some(layout)) = (right, self.layout) {
            layout.forget(&wanted);
        }
        let wrong = !right && matches!(came.failed, None | Some(Failed::TooLong));
        let repeats = wrong.then(|| self.once_more(blob, &wanted, &came.digest));
        let told = tell::layer(
            &transfer,
            (came.failed, came.digest, repeats),
            came.unpacked,
            &Meant {
                promised: Compression::promised(&blob.media_type),
                diff,
                reader: self.reader,
            },
        );
        limits::digests(told, blob, diff, self.reader)
    }

    /// Notes why bytes are not kept.
    fn kept<T>(&self, result: std::io::Result<T>) -> Option<T> {
        match result {
            Ok(kept) => Some(kept),
            Err(error) => {
                lock(&self.unkept).get_or_insert(error);
                None
            }
        }
    }

    /// Fetches a blob with wrong bytes once more: a fault of the way passes, or is another one.
    fn once_more(&self, blob: &Blob, wanted: &Wanted, before: &str) -> Repeats {
        let mut transfer = Transfer::new(self.asker, blob, Asked::Layer);
        let mut digester = wanted.begin();
        let mut buffer = vec![0; 128 << 10];
        loop {
            match transfer.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => digester.update(&buffer[..read]),
                Err(Failed::TooLong) => return Repeats::Same,
                Err(_) => return Repeats::Unknown,
            }
        }
        match digester.done() {
            own if own == wanted.text() => Repeats::Not,
            own if own == before => Repeats::Same,
            _ => Repeats::Otherwise,
        }
    }
}

/// What came of a second try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeats {
    /// The same wrong bytes.
    Same,
    /// Other wrong bytes.
    Otherwise,
    /// The right ones.
    Not,
    /// Nothing came.
    Unknown,
}
