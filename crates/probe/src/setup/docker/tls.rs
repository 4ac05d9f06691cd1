//! The certificates with which dockerd itself listens: with `tls` or `tlsverify` it does not start
//! without them.

use serde_json::Value;

use super::File;
use crate::Environment;
use crate::setup::Setup;
use crate::setup::service::{Placed, Service};

/// Looks whether the files are there that the file or an option names.
pub(super) fn files(
    file: Option<&File>,
    service: &Service,
    environment: &Environment,
    setup: &mut Setup,
) {
    let verify = flag("tlsverify", file, service);
    // Docker takes any value of `tlsverify`, also false, for a wish for TLS.
    if verify.is_none() && flag("tls", file, service) != Some(true) {
        return;
    }
    let client = if verify == Some(true) {
        Some("tlscacert")
    } else {
        None
    };
    for key in ["tlscert", "tlskey"].into_iter().chain(client) {
        let given = service.option(key, "").into_iter().next_back();
        let Some((path, source)) = given.or_else(|| file?.text(key)) else {
            continue;
        };
        // What may not be looked at may be there.
        if path.starts_with('/') && matches!(environment.rooted(&path).try_exists(), Ok(false)) {
            let says = format!("`{key}`: there is no `{path}`: dockerd does not start");
            setup.breaks_start(service, &source, &says);
        }
    }
}

/// A flag of the command line, or else of the file; `None` where neither sets it.
fn flag(key: &str, file: Option<&File>, service: &Service) -> Option<bool> {
    let option = |(word, _): &Placed| {
        let rest = word.strip_prefix("--")?.strip_prefix(key)?;
        match rest.strip_prefix('=') {
            None => rest.is_empty().then_some(true),
            Some(value) => Some(matches!(value, "1" | "t" | "T" | "true" | "True" | "TRUE")),
        }
    };
    let given = service.words().iter().rev().find_map(option);
    given.or_else(|| file?.table.get(key).and_then(Value::as_bool))
}
