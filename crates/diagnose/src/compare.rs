//! Two walks over the same path from different places: what differs, and what follows from it.

use pullwhy_model::{Difference, Hop, HopRow, Status, Target};

/// Facts that tell two walks apart: others differ from run to run.
const TELLING: [&str; 7] = [
    "reads_as",
    "address",
    "aliases",
    "certificate_issuer",
    "http_status",
    "proxy",
    "error_code",
];

/// Sets a walk made here beside one made elsewhere, in path order. What one of the two did not come
/// to, because it ended before, is no difference: it follows from one.
pub fn compare(here: &[HopRow], there: &[HopRow]) -> Vec<Difference> {
    let mut found: Vec<Difference> = here
        .iter()
        .filter(|own| was_asked(own, there))
        .filter_map(|own| match there.iter().find(|other| same(own, other)) {
            Some(other) => differ(own, other),
            None => Some(only(own, true)),
        })
        .collect();
    found.extend(
        there
            .iter()
            .filter(|other| was_asked(other, here))
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

fn same(a: &HopRow, b: &HopRow) -> bool {
    a.hop == b.hop && (a.hop == Hop::Reference || a.target == b.target && a.role == b.role)
}

/// Whether both walks came to where this row is from.
fn was_asked(row: &HopRow, other: &[HopRow]) -> bool {
    let skips = |hop: Hop| {
        let mut rows = other.iter();
        rows.any(|r| r.hop == hop && r.status == Status::Skipped && r.target.is_empty())
    };
    // The ways to further hosts are taken for the hops that need them.
    let for_what = match row.role {
        Some(Target::Token) => Hop::Token,
        Some(Target::Blob) => Hop::Layer,
        _ => row.hop,
    };
    row.status != Status::Skipped && !skips(row.hop) && !skips(for_what)
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
        (Hop::Reference, Some("reads_as")) => {
            "these are two images: what differs below may come from that"
        }
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
    fn what_a_walk_did_not_come_to_is_no_difference() {
        let ok = Status::Ok;
        let skipped = |hop| HopRow {
            target: String::new(),
            ..row(hop, Status::Skipped, &[])
        };
        let of = |role, mut row: HopRow| {
            row.role = Some(role);
            row
        };
        let here = [
            of(Target::Registry, row(Hop::Tcp, Status::Failed, &[])),
            skipped(Hop::Ping),
            skipped(Hop::Token),
            skipped(Hop::Manifest),
            skipped(Hop::Layer),
        ];
        let there = [
            of(Target::Registry, row(Hop::Tcp, ok, &[])),
            of(Target::Registry, row(Hop::Ping, ok, &[])),
            of(Target::Token, row(Hop::Dns, ok, &[])),
            of(Target::Token, row(Hop::Token, ok, &[])),
            of(Target::Registry, row(Hop::Manifest, ok, &[])),
            of(Target::Blob, row(Hop::Tls, ok, &[])),
            of(Target::Blob, row(Hop::Layer, ok, &[])),
        ];
        for (a, b) in [(&here[..], &there[..]), (&there[..], &here[..])] {
            let found = compare(a, b);
            let hops: Vec<Hop> = found.iter().map(|d| d.hop).collect();
            assert_eq!(hops, [Hop::Tcp]);
        }
    }

    #[test]
    fn two_images_are_told_apart() {
        let named = |name: &str| row(Hop::Reference, Status::Ok, &[("reads_as", name)]);
        let found = compare(&[named("r.test/a:1")], &[named("r.test/b:1")]);
        assert_eq!(found.len(), 1);
        let follows = found[0].follows.as_deref().unwrap_or_default();
        assert!(follows.contains("two images"), "{follows}");
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
