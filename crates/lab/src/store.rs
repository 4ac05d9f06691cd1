//! The store of a registry on disk, written by hand: no client has to push
//! (distribution, `registry/storage/paths.go`).

use std::io;
use std::path::Path;

use crate::content::{Content, digest};

/// Puts an image into a store, under the tag `1`.
pub fn write(root: &Path, repository: &str, content: &Content) -> io::Result<()> {
    let root = root.join("docker/registry/v2");
    let repository = root.join("repositories").join(repository);
    let hex = |bytes: &[u8]| digest(bytes).trim_start_matches("sha256:").to_owned();
    let own = [&content.config, &content.manifest];
    for bytes in content.layers.iter().chain(own) {
        let hex = hex(bytes);
        let place = root.join("blobs/sha256").join(&hex[..2]).join(&hex);
        put(&place.join("data"), bytes)?;
        let link = repository.join("_layers/sha256").join(&hex).join("link");
        put(&link, digest(bytes).as_bytes())?;
    }
    let (own, link) = (hex(&content.manifest), digest(&content.manifest));
    for place in [
        format!("_manifests/revisions/sha256/{own}/link"),
        "_manifests/tags/1/current/link".to_owned(),
        format!("_manifests/tags/1/index/sha256/{own}/link"),
    ] {
        put(&repository.join(place), link.as_bytes())?;
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(path, bytes)
}
