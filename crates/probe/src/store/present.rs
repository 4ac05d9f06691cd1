//! Layers that a store has already, read from its files: no daemon is asked.
//!
//! Docker knows by `distribution/diffid-by-digest` what a packed layer unpacks to, and has it if the
//! chain of it and all below is in `layerdb` (moby, `distribution/xfer/download.go`). containerd has a
//! blob once it stands in `blobs` with its whole size; while it comes it is in `ingest`. Podman has it
//! if a layer of `layers.json` was made of the same packed bytes.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256};
use serde::Deserialize;

use super::plan::{StoreKind, StorePlace};
use crate::hops::manifest::Blob;

/// Bytes of Podman's list of layers.
const LIST: u64 = 64 << 20;

/// What a store has of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing.
    Absent,
    /// Its packed bytes; whether they are unpacked too is not told here.
    Packed,
    /// All of it.
    Unpacked,
}

/// What a store has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub layers: Vec<Presence>,
    /// Drivers with layers.
    pub drivers: Vec<String>,
}

/// Looks for layers. An error where the store is there and cannot be read.
pub(super) fn find(place: &StorePlace, layers: &[Blob]) -> io::Result<Found> {
    match place.kind {
        StoreKind::Docker => docker(place, layers),
        StoreKind::Containerd => Ok(Found {
            layers: content(&place.root, layers)?,
            drivers: snapshotters(&place.root),
        }),
        StoreKind::Containers => containers(place, layers),
    }
}

/// Names in a folder; none where it is not there.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// `sha256:HEX` as a part of a path; `None` where it is something else.
fn hex(digest: &str) -> Option<&str> {
    let hex = digest.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())).then_some(hex)
}

fn docker(place: &StorePlace, layers: &[Blob]) -> io::Result<Found> {
    let root = &place.root;
    let mut drivers = names(&root.join("image"))?;
    drivers.retain(|name| root.join("image").join(name).join("layerdb").is_dir());
    let own = match &place.driver {
        Some(driver) => drivers.iter().find(|name| *name == driver),
        None => drivers.first(),
    };
    let Some(driver) = own else {
        // With containerd's stores, whose root is below dockerd's where dockerd starts it.
        let below = root.join("containerd/daemon");
        let layers = content(&below, layers)?;
        return Ok(Found { layers, drivers });
    };
    let image = root.join("image").join(driver);
    let known = image.join("distribution/diffid-by-digest/sha256");
    let chains = image.join("layerdb/sha256");
    // Whoever may look into one may look into the other.
    names(&chains)?;
    let mut chain: Option<String> = None;
    let mut whole = true;
    let presence = layers.iter().map(|blob| {
        let diff = hex(&blob.digest).and_then(|hex| short(&known.join(hex)));
        whole = whole
            && diff.is_some_and(|diff| {
                let id = match &chain {
                    None => diff,
                    Some(below) => chained(below, &diff),
                };
                let there = hex_folder(&chains, &id);
                chain = Some(id);
                there
            });
        if whole {
            Presence::Unpacked
        } else {
            Presence::Absent
        }
    });
    Ok(Found {
        layers: presence.collect(),
        drivers,
    })
}

fn hex_folder(folder: &Path, digest: &str) -> bool {
    hex(digest).is_some_and(|hex| folder.join(hex).is_dir())
}

/// A file with one digest in it.
fn short(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(256)
        .read_to_string(&mut text)
        .ok()?;
    Some(text.trim().to_owned())
}

/// OCI image specification, "Layer `ChainID`": the digest of the chain below, a blank, the layer.
fn chained(below: &str, diff: &str) -> String {
    let mut context = Context::new(&SHA256);
    context.update(format!("{below} {diff}").as_bytes());
    let mut id = String::from("sha256:");
    for byte in context.finish().as_ref() {
        id.push_str(&format!("{byte:02x}"));
    }
    id
}

fn content(root: &Path, layers: &[Blob]) -> io::Result<Vec<Presence>> {
    let blobs = root.join("io.containerd.content.v1.content/blobs/sha256");
    let one = |blob: &Blob| {
        let Some(hex) = hex(&blob.digest) else {
            return Ok(Presence::Absent);
        };
        match std::fs::metadata(blobs.join(hex)) {
            Ok(file) if file.len() == blob.size => Ok(Presence::Packed),
            Ok(_) => Ok(Presence::Absent),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Presence::Absent),
            Err(error) => Err(error),
        }
    };
    layers.iter().map(one).collect()
}

/// Snapshotters that have something.
fn snapshotters(root: &Path) -> Vec<String> {
    let prefix = "io.containerd.snapshotter.v1.";
    let all = names(root).unwrap_or_default();
    let all = all.iter().filter_map(|name| name.strip_prefix(prefix));
    all.filter(|name| {
        let folder = root.join(format!("{prefix}{name}")).join("snapshots");
        names(&folder).is_ok_and(|names| !names.is_empty())
    })
    .map(str::to_owned)
    .collect()
}

/// An entry of `layers.json`; the rest of it is passed over.
#[derive(Deserialize)]
struct Listed {
    #[serde(default, rename = "compressed-diff-digest")]
    packed: String,
    #[serde(default, rename = "diff-digest")]
    plain: String,
    #[serde(default)]
    flags: serde_json::Value,
}

fn containers(place: &StorePlace, layers: &[Blob]) -> io::Result<Found> {
    let mut known = HashSet::new();
    let mut drivers = Vec::new();
    for root in [&place.root].into_iter().chain(&place.further) {
        for (driver, list) in lists(root)? {
            let other = place.driver.as_ref().is_some_and(|own| *own != driver);
            if !drivers.contains(&driver) {
                drivers.push(driver);
            }
            // What another driver has, Podman does not see.
            if !other {
                read_list(&list, &mut known)?;
            }
        }
    }
    let presence = layers.iter().map(|blob| {
        if known.contains(&blob.digest) {
            Presence::Unpacked
        } else {
            Presence::Absent
        }
    });
    Ok(Found {
        layers: presence.collect(),
        drivers,
    })
}

/// Lists of layers by driver: `overlay-layers/layers.json`, and those that do not outlive a boot.
fn lists(root: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for name in names(root)? {
        let Some(driver) = name.strip_suffix("-layers") else {
            continue;
        };
        for file in ["layers.json", "volatile-layers.json"] {
            let list = root.join(&name).join(file);
            if list.is_file() {
                found.push((driver.to_owned(), list));
            }
        }
    }
    Ok(found)
}

fn read_list(list: &Path, known: &mut HashSet<String>) -> io::Result<()> {
    let file = BufReader::new(File::open(list)?.take(LIST));
    let listed: Vec<Listed> = serde_json::from_reader(file)?;
    for layer in listed {
        // One that was being written when its engine ended is thrown away at its next start.
        if layer.flags["incomplete"].as_bool() == Some(true) {
            continue;
        }
        for digest in [layer.packed, layer.plain] {
            if !digest.is_empty() {
                known.insert(digest);
            }
        }
    }
    Ok(())
}
