//! The configuration: fetched whole, and set beside the manifest.

mod form;

use std::time::Instant;

use pullwhy_model::text::size;
use pullwhy_model::{Hop, Target};
use serde_json::Value;

use super::asker::Asker;
use super::digest::Wanted;
use super::layout::Layout;
use super::transfer::{Failed, Transfer};
use crate::engine::again::Asked;
use crate::hops::manifest::{Manifest, Reader, as_engines_read, platform};
use crate::platform::Platform;
use crate::rows::{Row, Rows};

/// Bytes of a configuration; containers/image takes as much.
const MOST: u64 = 4 << 20;

/// What the configuration promises.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// What each layer must be once it is unpacked; `None`: it does not say.
    pub diff_ids: Option<Vec<Wanted>>,
    /// It came, and it is the one that the manifest means.
    pub verified: bool,
}

/// Fetches it and tells what is wrong with it.
pub(super) fn fetch(
    asker: &Asker<'_, '_, '_>,
    manifest: &Manifest,
    layout: Option<&Layout>,
    rows: &mut Rows<'_>,
) -> Config {
    let told = |bytes: Option<&[u8]>, rows: &mut Rows<'_>| {
        let options = asker.session().net.options;
        if let Some(open) = manifest.open {
            let row = platform(bytes, open, options);
            rows.push(row);
        }
    };
    let Some(blob) = &manifest.config else {
        told(None, rows);
        rows.push(Row::new(Hop::ConfigBlob, "").skipped("the manifest names none"));
        return Config::default();
    };
    let row = Row::new(Hop::ConfigBlob, blob.digest.clone())
        .role(Target::Registry)
        .fact("digest", blob.digest.as_str())
        .fact("size", i64::try_from(blob.size).unwrap_or(i64::MAX))
        .fact("host", asker.session().origin.host.as_str());
    let Some(wanted) = Wanted::parse(&blob.digest) else {
        rows.push(row.failed("unsupported", "a digest of a kind that engines do not know"));
        return Config::default();
    };
    if blob.size == 0 && Reader::of(asker.session().net.options).is_containerd() {
        let says = "the manifest gives it no size, and containerd refuses that";
        rows.push(row.failed("unsupported", says));
        return Config::default();
    }
    if blob.size > MOST {
        rows.push(row.failed("unsupported", "a configuration of more than 4 MiB"));
        return Config::default();
    }
    let started = Instant::now();
    let mut transfer = Transfer::new(asker, blob, Asked::Config);
    let came = whole(&mut transfer, rows);
    let row = row
        .role(transfer.role)
        .fact("host", transfer.host.as_str())
        .fact("http_status", i64::from(transfer.status))
        .took(started);
    let row = match transfer.attempts {
        0 | 1 => row,
        more => row.fact("attempts", i64::from(more)),
    };
    let bytes = match came {
        Ok(bytes) => bytes,
        Err(failed) => {
            told(None, rows);
            rows.push(transfer.tell(failed, row));
            return Config::default();
        }
    };
    let row = verified(row, &wanted, &bytes);
    if row.is_failure() {
        rows.push(row);
        return Config::default();
    }
    let refused = transfer.refused_for_size();
    let follows = Reader::of(asker.session().net.options) != Reader::Any;
    if let Some(says) = refused.as_ref().filter(|_| follows) {
        rows.push(row.failed("wrong-size", says.as_str()));
        return Config::default();
    }
    let kept = layout.map_or(Ok(()), |layout| {
        let mut kept = layout.blob(&wanted)?;
        kept.write(&bytes)?;
        kept.end()
    });
    told(Some(&bytes), rows);
    let (row, diff_ids) = read(row, &bytes, manifest, asker);
    let row = match refused {
        Some(says) if !row.is_failure() => row.and_warns("wrong-size", &says),
        _ => row,
    };
    let row = transfer.tell_passed(row);
    let verified = kept.is_ok() && !row.is_failure();
    rows.push(row);
    Config { diff_ids, verified }
}

/// Holds bytes against the digest that the manifest names.
pub(crate) fn verified(row: Row, wanted: &Wanted, bytes: &[u8]) -> Row {
    let own = wanted.of(bytes);
    if own == wanted.text() {
        return row;
    }
    row.fact("expected_digest", wanted.text())
        .fact("actual_digest", own.as_str())
        .failed("digest-mismatch", format!("the bytes are those of {own}"))
}

fn whole(transfer: &mut Transfer<'_, '_, '_, '_>, rows: &mut Rows<'_>) -> Result<Vec<u8>, Failed> {
    transfer.open(rows)?;
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = transfer.read(&mut buffer)?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&buffer[..read]);
        // A size that does not count bounds nothing.
        if bytes.len() as u64 > MOST {
            return Err(Failed::TooLong);
        }
    }
}

fn read(
    row: Row,
    bytes: &[u8],
    manifest: &Manifest,
    asker: &Asker<'_, '_, '_>,
) -> (Row, Option<Vec<Wanted>>) {
    let Some(value) = as_engines_read(bytes).filter(Value::is_object) else {
        return (
            row.failed("config-mismatch", "the configuration is no JSON"),
            None,
        );
    };
    if let Some(says) = form::unreadable(&value) {
        return (row.failed("unsupported", says), None);
    }
    let reader = Reader::of(asker.session().net.options);
    let word = |name: &str| value[name].as_str().unwrap_or_default();
    let row = row
        .fact("os", word("os"))
        .fact("architecture", word("architecture"));
    let Some(listed) = value["rootfs"]["diff_ids"].as_array() else {
        // Tried with containerd 1.6: where there is no layer, nothing is missed.
        if reader.is_containerd() && manifest.layers.is_empty() {
            let says = format!("{} bytes, and there are no layers", bytes.len());
            return (row.ok(says), Some(Vec::new()));
        }
        let says = "the configuration does not say what its layers hold (`rootfs.diff_ids`)";
        return (row.failed("config-mismatch", says), None);
    };
    let ids: Vec<Wanted> = listed
        .iter()
        .filter_map(|id| Wanted::parse(id.as_str()?))
        .collect();
    let row = row.fact("diff_ids", i64::try_from(listed.len()).unwrap_or(i64::MAX));
    if ids.len() != listed.len() || ids.len() != manifest.layers.len() {
        let says = format!(
            "the configuration lists {} layers, the manifest {}",
            listed.len(),
            manifest.layers.len()
        );
        let says = and_of_podman(says, reader);
        return (row.failed("config-mismatch", says), None);
    }
    let wanted = &asker.session().net.options.platform;
    // An image whose manifest does not say so has a row of its own for it.
    let fits = Platform::read(&value).is_none_or(|own| wanted.rank(&own).is_some());
    let row = if fits || manifest.open.is_some() {
        row.ok(format!(
            "{}, of {} layers",
            size(bytes.len() as u64),
            ids.len()
        ))
    } else {
        row.warning(
            "other-platform",
            format!(
                "it is for {}/{}: engines pull it with a warning, and it does not run on {wanted}",
                word("os"),
                word("architecture")
            ),
        )
    };
    let row = match too_much_history(&value, ids.len()) {
        Some(says) if reader.is_docker() => row.failed("config-mismatch", says),
        Some(says) if reader == Reader::Any => row.and_warns("history", &says),
        _ => row,
    };
    (row, Some(ids))
}

/// A history of more layers than there are. Tried with Docker 20.10, which refuses it when all is unpacked
/// (moby, `image/store.go`); containerd 1.6 and Podman 4.3 do not look.
fn too_much_history(config: &Value, layers: usize) -> Option<String> {
    let history = config["history"].as_array()?;
    let full = history.iter().filter(|one| one["empty_layer"] != true);
    let told = full.count();
    (told > layers)
        .then(|| format!("its history is of {told} layers, and it has {layers}: Docker refuses it"))
}

/// Says since when Podman holds layers against the configuration: containers/image does from 5.34 on.
/// Tried with Podman 4.3, which pulls, and 5.8.
pub(super) fn and_of_podman(says: String, reader: Reader) -> String {
    match reader {
        Reader::Podman => format!("{says}, which Podman takes no more from 5.4 on"),
        _ => says,
    }
}
