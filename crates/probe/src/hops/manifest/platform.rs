//! The platform of a manifest that does not say it: its configuration does.

use pullwhy_model::Hop;

use super::document::KEPT;
use super::{Open, Reader, as_engines_read};
use crate::options::Options;
use crate::platform::Platform;
use crate::rows::Row;

/// What a configuration says of the platform; `None`: it did not come.
pub(crate) fn told(configuration: Option<&[u8]>, open: Open, options: &Options) -> Row {
    let wanted = &options.platform;
    let row = Row::new(Hop::Platform, wanted.to_string()).fact("platform", wanted.to_string());
    let Some(bytes) = configuration else {
        return row.skipped("the configuration, which tells the platform, did not come");
    };
    let value = as_engines_read(bytes).unwrap_or_default();
    let Some(own) = Platform::read(&value) else {
        return row.skipped("neither manifest nor configuration says for which platform it is");
    };
    let row = row.fact("offered", own.to_string());
    if wanted.rank(&own).is_some() {
        return row.ok(format!("{own}, as the configuration says"));
    }
    let reader = Reader::of(options);
    let says = format!("it is for {own} only, as its configuration says");
    if open == Open::InIndex && Reader::keeps(options) {
        return row.warning("none", format!("{says}; {KEPT}"));
    }
    if open == Open::InIndex && reader.is_containerd() {
        return row.failed("none", says);
    }
    // Tried with Docker 20.10, on Linux: Windows is no system of its (moby, `distribution/config.go`).
    let foreign = !own.os.is_empty() && !own.os.eq_ignore_ascii_case(&wanted.os);
    if foreign && reader.is_docker() {
        return row.failed(
            "none",
            format!("{says}, and Docker refuses what is for another system"),
        );
    }
    if foreign && reader == Reader::Any {
        let says = format!(
            "{says}: Docker refuses it, other engines pull it, and it does not run on {wanted}"
        );
        return row.warning("other-platform", says);
    }
    row.warning(
        "other-platform",
        format!(
            "{says}: engines pull it all the same, and on {wanted} it ends with `exec format error` unless that is emulated"
        ),
    )
}
