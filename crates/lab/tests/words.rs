//! Every word by which a hop says why it failed leads to a cause, wherever it can be said.

use std::collections::BTreeSet;
use std::path::Path;

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::judge;
use pullwhy_model::{Facts, Hop, HopRow, Image, Status, Target};

/// Words of a request that got no answer, or one from elsewhere.
const BROKEN: &str = "timeout cut no-http refused unreachable failed bad-redirect redirect-loop \
                      proxy-refused";

/// What can be said where.
fn said() -> Vec<(Hop, Option<Target>, String)> {
    let (registry, token, blob, proxy) = (
        Some(Target::Registry),
        Some(Target::Token),
        Some(Target::Blob),
        Some(Target::Proxy),
    );
    let tls = "bad-name no-trust failed timeout cut unknown-issuer expired not-yet-valid \
               name-mismatch bad-certificate client-certificate client-certificate-refused unrecognised-name refused \
               incompatible not-tls plain-http interceptor";
    let blobs =
        format!("missing denied ip-denied rate-limited unavailable odd page wrong-size {BROKEN}");
    let mut table = vec![
        (Hop::Reference, None, "invalid short-name".to_owned()),
        (
            Hop::Credentials,
            None,
            "malformed by-chance config-unreadable helper-missing helper-failed".to_owned(),
        ),
        (
            Hop::Config,
            registry,
            "certs-unusable config-broken policy-rejects registry-blocked".to_owned(),
        ),
        (
            Hop::Config,
            Some(Target::Daemon),
            "daemon-absent daemon-bad-address daemon-refused daemon-no-context daemon-silent daemon-strange \
             daemon-denied"
                .to_owned(),
        ),
        (
            Hop::Proxy,
            proxy,
            "bad-setting authentication-required refused-tunnel no-proxy refused timeout reset \
             unreachable failed"
                .to_owned(),
        ),
        (
            Hop::Ping,
            registry,
            format!("page blocked ip-denied forbidden not-found rate-limited unavailable {BROKEN}"),
        ),
        (
            Hop::Token,
            token,
            format!(
                "no-realm page credential-refused credential-expired suspicious-refused \
                 anonymous-refused ip-denied denied anonymous-denied rate-limited unavailable odd no-token {BROKEN}"
            ),
        ),
        (
            Hop::Manifest,
            registry,
            format!(
                "too-large page no-json digest-mismatch wrong-size schema-1 not-an-image unsupported invalid refused-with-code \
                 ip-denied scope-refused anonymous-scope-refused credential-refused \
                 credential-expired suspicious-refused anonymous-refused blocked denied anonymous-denied unknown-repository unknown-repository-or-tag head-refused \
                 unknown-digest unknown-tag rate-limited unavailable odd no-signature signature-refused {BROKEN}"
            ),
        ),
        (Hop::Platform, None, "none".to_owned()),
    ];
    let came = "unsupported digest-mismatch";
    for role in [registry, blob] {
        let config = format!("{blobs} {came} config-mismatch");
        table.push((Hop::ConfigBlob, role, config));
        table.push((
            Hop::Layer,
            role,
            format!("{blobs} {came} unsupported-layer"),
        ));
    }
    let held = "corrupt cut-short bad-header bad-entry duplicate wrong-compression unmapped-id \
                diff-id bomb window whiteout-beside over-symlink too-many-layers link-below";
    table.push((Hop::Unpack, None, held.to_owned()));
    for role in [registry, token, blob, proxy] {
        let dns = "nxdomain empty servfail refused timeout unreachable nonsense";
        table.push((Hop::Dns, role, dns.to_owned()));
        let tcp = "refused timeout unreachable reset failed";
        table.push((Hop::Tcp, role, tcp.to_owned()));
        if role != proxy {
            table.push((Hop::Tls, role, tls.to_owned()));
        }
    }
    let each = table.into_iter().flat_map(|(hop, role, words)| {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        words.into_iter().map(move |word| (hop, role, word))
    });
    each.collect()
}

#[test]
fn every_word_leads_to_a_cause() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    let mut without = Vec::new();
    for (hop, role, word) in said() {
        let mut rows = [HopRow {
            hop,
            target: "registry.test".to_owned(),
            status: Status::Failed,
            elapsed_ms: 1.0,
            summary: "it failed".to_owned(),
            facts: Facts::new(),
            cause: None,
            role,
            saw: Some(word.clone()),
        }];
        let judged = judge(&catalogue, &Image::default(), &mut rows);
        if judged.incident.is_none() {
            let role = role.map_or(String::new(), |r| r.to_string());
            without.push(format!("{hop} {role} {word}"));
        }
    }
    assert!(without.is_empty(), "no cause for: {}", without.join(", "));
}

#[test]
fn every_word_of_the_probe_is_known_here() {
    let known: BTreeSet<String> = said().into_iter().map(|(_, _, word)| word).collect();
    let mut unknown = BTreeSet::new();
    let mut seen = 0;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../probe/src");
    let mut folders = vec![
        source.join("hops"),
        source.join("net"),
        source.join("content"),
    ];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the probe's source") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            for part in text.split(".failed(").skip(1) {
                let Some(rest) = part.trim_start().strip_prefix('"') else {
                    continue;
                };
                let word = rest.split('"').next().unwrap_or_default();
                seen += 1;
                if !known.contains(word) {
                    unknown.insert(word.to_owned());
                }
            }
        }
    }
    assert!(seen > 40, "only {seen} words were seen");
    assert!(unknown.is_empty(), "not in the table above: {unknown:?}");
}
