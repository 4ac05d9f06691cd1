//! What a handshake has shown, in words and facts: the chain, who vouches for it, and what the
//! registry's own settings have to do with it.

use super::certificate::Chain;
use super::clock;
use super::tls::{self, Failure, Secured, Trust};
use crate::engine::again::RESET;
use crate::rows::Row;
use crate::trust::RegistryTrust;

/// The row of a handshake that was completed.
pub(super) fn secured(row: Row, secured: &Secured, trust: &Trust) -> Row {
    let skip = trust.skip_verify();
    let trust = &trust.registry;
    let version = secured.tls.conn.protocol_version();
    let version = version.map_or(String::new(), |v| format!("{v:?}"));
    let chain = secured.chain.as_ref();
    let issuer = chain.map(|c| c.issuer.clone()).unwrap_or_default();
    let mut says = format!("{version}, certificate by {issuer}");
    let mut row = with_chain(row, chain);
    let verdict = &secured.verdict;
    let file = verdict.by_file.and_then(|at| trust.authorities.get(at));
    match (file, verdict.by_system) {
        (Some(file), true) => {
            row = row.fact("trusted_by", format!("system; {}", file.source));
        }
        (Some(file), false) => {
            row = row.fact("trusted_by", file.source.to_string());
            says.push_str(&format!(
                "; trusted only through {} (of {}), the system's store does not know the issuer",
                file.source, file.layout
            ));
        }
        (None, true) => {
            row = row.fact("trusted_by", "system");
            if let Some(other) = trust.authorities.first() {
                says.push_str(&format!(
                    "; trusted by the system's store, and {} is not its authority",
                    other.source
                ));
            }
        }
        (None, false) => {}
    }
    if let Some(wish) = &secured.wish {
        row = row.fact("client_certificate_asked", "yes");
        says.push_str("; it asks for a client certificate");
        if let Some(given) = &wish.given {
            row = row.fact("client_certificate", given.as_str());
            says.push_str(&format!(" and gets {given}"));
        }
    }
    let unchecked = skip.zip(verdict.refused.as_ref());
    match unchecked {
        Some((source, why)) => {
            let why = match why {
                rustls::Error::InvalidCertificate(why) => tls::certificate(why).1,
                other => other.to_string(),
            };
            row.fact("skip_verify", source.to_string()).warning(
                "not-verified",
                format!("{says}; not checked, as {source} says: {why}"),
            )
        }
        None => row.ok(says),
    }
}

/// The row of a handshake that was not.
pub(super) fn refusal(
    row: Row,
    failure: Failure,
    speaks_http: bool,
    ahead: Option<i64>,
    trust: &RegistryTrust,
) -> Row {
    let row = with_chain(row, failure.chain.as_deref());
    if speaks_http {
        return row.failed(
            "plain-http",
            "the server speaks plain HTTP on this port, not TLS",
        );
    }
    let Some(chain) = failure.chain else {
        return row.failed(failure.saw, failure.says);
    };
    let clock = ahead.and_then(clock::says);
    let clock = clock.map_or(String::new(), |says| format!("; {says}"));
    let row = match ahead {
        Some(ahead) => row.fact("clock_ahead_s", ahead),
        None => row,
    };
    let row = if failure.reset {
        row.fact(RESET, "yes")
    } else {
        row
    };
    let says = match failure.saw {
        "unknown-issuer" if chain.self_signed => {
            format!(
                "{}: it is signed by itself ({})",
                failure.says, chain.subject
            )
        }
        "unknown-issuer" => match chain.interceptor() {
            Some(product) => format!(
                "{}: its issuer names {product}, which opens TLS on the way ({})",
                failure.says, chain.issuer
            ),
            None if chain.length == 1 => format!(
                "{}: issuer {}; the server sends no intermediate certificate",
                failure.says, chain.issuer
            ),
            None => format!("{}: issuer {}", failure.says, chain.issuer),
        },
        "expired" => format!("{}: on {}{clock}", failure.says, chain.not_after),
        "not-yet-valid" => format!("{}: from {}{clock}", failure.says, chain.not_before),
        "name-mismatch" if chain.names.is_empty() => format!(
            "the certificate holds no subject alternative name, and engines do not read the old Common Name ({})",
            chain.subject
        ),
        "name-mismatch" => {
            let by = chain.interceptor().map_or(String::new(), |product| {
                format!("; its issuer names {product}, which opens TLS on the way")
            });
            format!("{}: {}{by}", failure.says, chain.names.join(", "))
        }
        _ => failure.says,
    };
    if failure.saw != "unknown-issuer" {
        return row.failed(failure.saw, says);
    }
    let saw = match chain.interceptor() {
        Some(_) => "interceptor",
        None => failure.saw,
    };
    let (row, beside) = strangers(row, trust);
    row.failed(saw, format!("{says}{beside}"))
}

/// Authorities that are configured, and are not the one that was needed.
fn strangers(row: Row, trust: &RegistryTrust) -> (Row, String) {
    let files: Vec<String> = trust
        .authorities
        .iter()
        .take(4)
        .map(|a| a.source.to_string())
        .collect();
    if !files.is_empty() {
        let files = files.join(", ");
        let says = format!("; neither the system's store nor {files}");
        return (row.fact("certs_tried", files), says);
    }
    match trust.misnamed.first() {
        Some(folder) => {
            let folder = folder.display().to_string();
            let says = format!("; {folder} is for another spelling of the registry");
            (row.fact("certs_misnamed", folder), says)
        }
        None => (row, String::new()),
    }
}

fn with_chain(row: Row, chain: Option<&Chain>) -> Row {
    let Some(chain) = chain else { return row };
    let names = match chain.names.as_slice() {
        [] => "no name (it has only the old Common Name)".to_owned(),
        names => names.join(", "),
    };
    row.fact("certificate_subject", chain.subject.as_str())
        .fact("certificate_issuer", chain.issuer.as_str())
        .fact("certificate_names", names)
        .fact("not_before", chain.not_before.as_str())
        .fact("not_after", chain.not_after.as_str())
        .fact("chain_length", i64::try_from(chain.length).unwrap_or(0))
}
