//! Two walks over the same path from different places: what differs, and what follows from it.

use pullwhy_model::{Difference, Hop, HopRow, Status};

/// Facts that tell two walks apart: others differ from run to run.
const TELLING: [&str; 6] = [
    "address",
    "aliases",
    "certificate_issuer",
    "http_status",
    "proxy",
    "error_code",
];

/// Sets a walk made here beside one made elsewhere, in path order.
pub fn compare(here: &[HopRow], there: &[HopRow]) -> Vec<Difference> {
    let same = |a: &HopRow, b: &HopRow| a.hop == b.hop && a.target == b.target && a.role == b.role;
    let mut found: Vec<Difference> = here
        .iter()
        .filter_map(|own| match there.iter().find(|other| same(own, other)) {
            Some(other) => differ(own, other),
            None => Some(only(own, true)),
        })
        .collect();
    found.extend(
        there
            .iter()
            .filter(|other| !here.iter().any(|own| same(own, other)))
            .map(|other| only(other, false)),
    );
    found.retain(|d| d.here != d.there);
    // Which engines a machine has is no matter of the way.
    let failed = |d: &Difference| {
        here.iter()
            .any(|r| r.hop == d.hop && r.status == Status::Failed)
    };
    found.retain(|d| d.hop != Hop::Store || failed(d));
    found
}

fn differ(own: &HopRow, other: &HopRow) -> Option<Difference> {
    let fact = |row: &HopRow, name: &str| row.facts.get(name).map(ToString::to_string);
    let told = TELLING.iter().find_map(|name| {
        let (a, b) = (fact(own, name), fact(other, name));
        (a != b).then(|| (*name, a.unwrap_or_default(), b.unwrap_or_default()))
    });
    let failed = |row: &HopRow| row.status == Status::Failed;
    if failed(own) == failed(other) && told.is_none() {
        return None;
    }
    let follows = follows(own, other, told.as_ref());
    let (here, there) = match told {
        Some((name, a, b)) if failed(own) == failed(other) => {
            (format!("{name} {a}"), format!("{name} {b}"))
        }
        _ => (says(own), says(other)),
    };
    Some(Difference {
        hop: own.hop,
        target: own.target.clone(),
        here,
        there,
        follows,
    })
}

fn says(row: &HopRow) -> String {
    format!("{}: {}", row.status, row.summary)
}

fn only(row: &HopRow, here: bool) -> Difference {
    let (asked, not) = (says(row), "not on this way".to_owned());
    let (here, there) = if here { (asked, not) } else { (not, asked) };
    Difference {
        hop: row.hop,
        target: row.target.clone(),
        here,
        there,
        follows: (row.hop == Hop::Proxy)
            .then(|| "one of the two ways leads through a proxy".to_owned()),
    }
}

/// What a difference means.
fn follows(own: &HopRow, other: &HopRow, told: Option<&(&str, String, String)>) -> Option<String> {
    let failed = |row: &HopRow| row.status == Status::Failed;
    let text = match (own.hop, told.map(|t| t.0)) {
        (Hop::Dns, _) if failed(own) && !failed(other) => {
            "the name is known there and not to the resolvers here: a private zone that is not linked to this network, or another resolver"
        }
        (Hop::Dns, Some("address" | "aliases")) => {
            "the two places get different addresses: split DNS, or a private endpoint on one side"
        }
        (Hop::Tls, Some("certificate_issuer")) => {
            "the two places are shown different certificates: something opens TLS on one of the two ways"
        }
        (Hop::Tcp, _) if failed(own) && !failed(other) => {
            "the host can be reached from there and not from here: a firewall, a route or a security group on this side"
        }
        (Hop::Ping | Hop::Manifest, _) if denied(own) && !failed(other) => {
            "it is refused here only: the registry's firewall goes by the client's address, or the two use different credentials"
        }
        (Hop::Credentials | Hop::Token, _) if failed(own) != failed(other) => {
            "the two places use different credentials"
        }
        (_, _) if failed(own) && failed(other) => return None,
        (_, _) if failed(own) => "it fails here and works there: what lies between is on this side",
        (_, _) if failed(other) => "it works here and fails there",
        _ => return None,
    };
    Some(text.to_owned())
}

fn denied(row: &HopRow) -> bool {
    let status = row.facts.get("http_status").map(ToString::to_string);
    row.status == Status::Failed && matches!(status.as_deref(), Some("401" | "403"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pullwhy_model::{Fact, Facts};

    fn row(hop: Hop, status: Status, facts: &[(&str, &str)]) -> HopRow {
        HopRow {
            hop,
            target: "r.test".to_owned(),
            status,
            elapsed_ms: 1.0,
            summary: String::new(),
            facts: facts
                .iter()
                .map(|(k, v)| ((*k).to_owned(), Fact::from(*v)))
                .collect::<Facts>(),
            cause: None,
            role: None,
            saw: None,
        }
    }

    #[test]
    fn equal_walks_have_no_difference() {
        let rows = [row(Hop::Dns, Status::Ok, &[("address", "10.0.0.4")])];
        assert!(compare(&rows, &rows).is_empty());
    }

    #[test]
    fn differences_say_what_follows() {
        let ok = Status::Ok;
        for (here, there, word) in [
            (
                row(Hop::Dns, ok, &[("address", "20.1.1.1")]),
                row(Hop::Dns, ok, &[("address", "10.0.0.4")]),
                "private endpoint",
            ),
            (
                row(Hop::Tls, ok, &[("certificate_issuer", "Proxy CA")]),
                row(Hop::Tls, ok, &[("certificate_issuer", "Public CA")]),
                "opens TLS",
            ),
            (
                row(Hop::Tcp, Status::Failed, &[]),
                row(Hop::Tcp, ok, &[]),
                "firewall",
            ),
            (
                row(Hop::Manifest, Status::Failed, &[("http_status", "403")]),
                row(Hop::Manifest, ok, &[("http_status", "200")]),
                "client's address",
            ),
        ] {
            let found = compare(&[here], &[there]);
            assert_eq!(found.len(), 1);
            let follows = found[0].follows.as_deref().unwrap_or_default();
            assert!(follows.contains(word), "{follows}");
        }
    }
}
