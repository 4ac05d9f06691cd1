//! What a store is like, in a row. Failed is what leaves no way; a store that may be another
//! engine's only warns.

use std::io;

use pullwhy_model::text::size;

use super::Measured;
use super::host::{Ground, Space, ground, has_overlay, tells_kinds};
use super::need::{Need, driver};
use super::plan::{StoreKind, StorePlace, StorePlan};
use super::present::Found;
use crate::net::tcp;
use crate::rows::Row;

/// Something about a store: the word for it, and what it says.
type Remark = (&'static str, String);

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn none_found(plan: &StorePlan) -> Row {
    let sought: Vec<String> = plan
        .sought
        .iter()
        .map(|p| p.display().to_string())
        .collect();
    let why = format!(
        "no engine keeps images here (looked in {}): name its folder with --store",
        sought.join(", ")
    );
    Row::new(pullwhy_model::Hop::Store, "").skipped(why)
}

/// The row of a store. `seen`: the file system under it, and the layers in it.
pub(super) fn store(
    row: Row,
    plan: &StorePlan,
    place: &StorePlace,
    seen: (io::Result<Ground>, io::Result<Found>),
    need: &Need,
    measured: Option<&Measured>,
) -> Row {
    let (ground, found) = seen;
    let row = row.fact("engine", place.kind.name());
    let row = match place.named_by.as_str() {
        "" => row,
        named_by => row.fact("named_by", named_by),
    };
    let ground = match ground {
        Ok(ground) => ground,
        Err(error) => {
            return row.skipped(format!("cannot be looked at: {}", tcp::words(&error)));
        }
    };
    let row = facts(row, &ground, need);
    let driver = driver(place, found.as_ref().ok());
    let row = match driver {
        Some(driver) => row.fact("driver", driver),
        None => row,
    };
    if let Some((saw, says)) = fatal(place, &ground, need) {
        let row = if saw == "read-only" {
            row.fact("read_only", "yes")
        } else {
            row
        };
        return if plan.certain {
            row.failed(saw, says)
        } else {
            row.warning(
                saw,
                format!("{says}; name the engine with --as to judge by it"),
            )
        };
    }
    let mut remarks = Vec::new();
    remarks.extend(tight(place, &ground, need));
    remarks.extend(downloads(plan, place, &ground, need));
    remarks.extend(foundation(plan, &ground, driver));
    remarks.extend(other_driver(place, found.as_ref().ok()));
    let time = seconds(plan, need, measured);
    remarks.extend(late(plan, time));
    let row = match time {
        Some(time) => row.fact("estimated_seconds", number(time.ceil() as u64)),
        None => row,
    };
    let mut says = summary(&ground.space, need, found.as_ref().err());
    if let Some(time) = time.filter(|time| *time >= 1.0) {
        says.push_str(&format!(", about {time:.0} s"));
    }
    let Some((saw, _)) = remarks.first() else {
        return row.ok(says);
    };
    let saw = *saw;
    for (_, remark) in &remarks {
        says.push_str("; ");
        says.push_str(remark);
    }
    row.warning(saw, says)
}

fn facts(row: Row, ground: &Ground, need: &Need) -> Row {
    let space = &ground.space;
    let mut row = row
        .fact("free_bytes", number(space.free))
        .fact("layers_present", number(need.present as u64))
        .fact("download_bytes", number(need.download))
        .fact("unpacked_bytes", number(need.unpacked))
        .fact("needed_bytes", number(need.most))
        .fact("needed_inodes", number(need.entries))
        .fact("sizes", if need.counted { "counted" } else { "estimated" });
    if let Some(inodes) = space.inodes {
        row = row.fact("free_inodes", number(inodes));
    }
    if let Some(mount) = &ground.mount {
        row = row
            .fact("filesystem", mount.kind.as_str())
            .fact("mount", mount.at.display().to_string());
        let quotas = mount.quotas();
        if !quotas.is_empty() {
            row = row.fact("quotas", quotas.join(", "));
        }
    }
    row
}

/// `1.2 GiB needed of 30.0 GiB free; 2 of 5 layers are there, 80.1 MiB to fetch`
fn summary(space: &Space, need: &Need, unread: Option<&io::Error>) -> String {
    let free = size(space.free);
    let mut says = if need.present == need.layers {
        format!("{free} free; all {} layers are there", need.layers)
    } else {
        let how = if need.counted { "" } else { "an estimated " };
        format!(
            "{free} free, {how}{} needed; {} of {} layers are there, {} to fetch",
            size(need.most),
            need.present,
            need.layers,
            size(need.download)
        )
    };
    if let Some(error) = unread {
        says.push_str(&format!(
            " (what is there cannot be read: {}; all is counted as missing)",
            tcp::words(error)
        ));
    }
    says
}

/// What leaves no way.
fn fatal(place: &StorePlace, ground: &Ground, need: &Need) -> Option<Remark> {
    let (space, asked) = (&ground.space, ground.asked.display());
    if need.present == need.layers && need.most == 0 {
        return None;
    }
    if space.read_only {
        return Some((
            "read-only",
            format!("the file system of {asked} is read-only"),
        ));
    }
    if space
        .inodes
        .is_some_and(|left| left == 0 || need.counted && left < need.entries)
    {
        let left = space.inodes.unwrap_or_default();
        let needed = if need.counted {
            format!("{} are needed", need.entries)
        } else {
            "each file of the image needs one".to_owned()
        };
        return Some((
            "no-inodes",
            format!("no inodes: {left} are free at {asked}, {needed}"),
        ));
    }
    // Where the file system packs what is written, sizes say less.
    if need.counted && packs(ground) && need.download <= space.utmost {
        return None;
    }
    if space.utmost < need.least {
        let what = match (need.counted, place.kind) {
            (true, StoreKind::Containerd) => "packed and unpacked",
            (true, _) => "unpacked",
            (false, _) => "alone for the packed layers",
        };
        return Some((
            "no-room",
            format!(
                "{} are free at {asked}, {} are needed {what}",
                size(space.utmost),
                size(need.least)
            ),
        ));
    }
    None
}

fn packs(ground: &Ground) -> bool {
    ground.mount.as_ref().is_some_and(|mount| {
        let set = |option: &String| option.starts_with("compress");
        mount.kind == "zfs" || mount.options.iter().any(set)
    })
}

/// What fits, and perhaps not while it is pulled.
fn tight(place: &StorePlace, ground: &Ground, need: &Need) -> Option<Remark> {
    let space = &ground.space;
    let few = space.inodes.is_some_and(|left| left < need.entries);
    if few {
        let left = space.inodes.unwrap_or_default();
        let says = format!(
            "{left} inodes are free, an estimated {} needed",
            need.entries
        );
        return Some(("few-inodes", says));
    }
    // Podman's packed layers may lie elsewhere.
    let elsewhere = place
        .downloads
        .as_ref()
        .filter(|_| place.kind == StoreKind::Containers);
    let needed = match elsewhere {
        Some(_) => need.most.saturating_sub(need.download),
        None => need.most,
    };
    (space.free < needed).then(|| {
        let why = if need.counted {
            "it can run full while packed and unpacked layers lie side by side"
        } else {
            "it may not be enough; --pull counts what it takes"
        };
        ("tight", why.to_owned())
    })
}

/// Where Podman's packed layers lie until all are unpacked.
fn downloads(plan: &StorePlan, place: &StorePlace, own: &Ground, need: &Need) -> Option<Remark> {
    let folder = place.downloads.as_ref()?;
    let there = ground(folder, &plan.system).ok()?;
    let needed = if there.device == own.device {
        need.most
    } else {
        need.download
    };
    if there.space.read_only {
        let says = format!(
            "packed layers lie in {} meanwhile, which is read-only",
            folder.display()
        );
        return Some(("downloads", says));
    }
    (there.space.free < needed).then(|| {
        let says = format!(
            "packed layers lie in {} meanwhile, where {} are free, unless TMPDIR is set for {}",
            folder.display(),
            size(there.space.free),
            place.kind.name()
        );
        ("downloads", says)
    })
}

/// Whether layers can be laid over each other there. `driver`: the one in use, if that is known.
fn foundation(plan: &StorePlan, ground: &Ground, driver: Option<&str>) -> Option<Remark> {
    if driver.is_some_and(|driver| !driver.contains("overlay")) {
        return None;
    }
    let kind = ground
        .mount
        .as_ref()
        .map_or("", |mount| mount.kind.as_str());
    // overlayfs, kernel documentation: the upper file system must take its attributes.
    let bad = match kind {
        "overlay" => Some("overlay itself, as in a container"),
        "nfs" | "nfs4" | "cifs" | "smb3" => Some("one of another machine"),
        "vfat" | "exfat" | "ntfs" | "ntfs3" => Some("one without Unix owners"),
        _ => None,
    };
    if let Some(bad) = bad {
        let says = format!(
            "its file system ({kind}) is {bad}: overlay mounts are refused there, and engines fall back to `vfs`, which copies every layer in full, or stop"
        );
        return Some(("overlay", says));
    }
    if tells_kinds(&ground.asked) == Some(false) {
        let says = "its file system does not tell kinds of files (d_type; on XFS `ftype=0`): Docker and Podman refuse overlay there";
        return Some(("overlay", says.to_owned()));
    }
    if has_overlay(&plan.system) == Some(false) {
        let says = "this kernel has no overlay and no module of it: engines fall back to `vfs`, which copies every layer in full, or stop";
        return Some(("overlay", says.to_owned()));
    }
    None
}

/// Layers that were put there by another driver than the one that is set.
fn other_driver(place: &StorePlace, found: Option<&Found>) -> Option<Remark> {
    let (set, drivers) = (place.driver.as_ref()?, &found?.drivers);
    if drivers.is_empty() || drivers.contains(set) {
        return None;
    }
    let says = format!(
        "`{set}` is set, and what is there was put by `{}`: its layers are not seen, and are fetched again",
        drivers.join("`, `")
    );
    Some(("other-driver", says))
}

/// Seconds that fetching takes: at the rate that is given, or as fast as it just went.
fn seconds(plan: &StorePlan, need: &Need, measured: Option<&Measured>) -> Option<f64> {
    let rate = match (plan.rate, measured) {
        (Some(rate), _) => rate as f64,
        (None, Some(m)) if m.bytes > 0 => m.bytes as f64 / m.took.as_secs_f64().max(1e-3),
        _ => return None,
    };
    Some(need.download as f64 / rate.max(1.0))
}

fn late(plan: &StorePlan, time: Option<f64>) -> Option<Remark> {
    let (limit, time) = (plan.limit.as_ref()?, time?);
    (time > limit.seconds as f64).then(|| {
        let how = if plan.rate.is_some() {
            "at the given rate"
        } else {
            "if it goes as fast as just now"
        };
        let says = format!(
            "fetching alone takes about {time:.0} s {how}, and {} gives {} s for the whole start",
            limit.named_by, limit.seconds
        );
        ("slow", says)
    })
}
