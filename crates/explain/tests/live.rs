//! What a live check says to a failure in a log: the rules of ADR 16, case by case. What real
//! servers make of it is in the lab.

use std::collections::BTreeSet;

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{Walked, confront, judge, last_hop};
use pullwhy_explain::{Options, explain_text};
use pullwhy_model::{
    Condition, Facts, Hop, HopRow, Image, Incident, LiveFinding, LiveVerdict, Status, Target,
    Timestamp,
};

const UNAUTHORIZED: &str = r#"2026-01-01T10:00:01Z Error response from daemon: Head "https://r.test/v2/a/manifests/1": unauthorized: authentication required"#;
const DENIED: &str = r#"Failed to pull image "r.test/a:1": rpc error: code = Unknown desc = failed to pull and unpack image "r.test/a:1": failed to resolve reference "r.test/a:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"#;
const TIMEOUT: &str = r#"Error response from daemon: Head "https://r.test/v2/a/manifests/1": net/http: request canceled (Client.Timeout exceeded while awaiting headers)"#;
const MISSING: &str = "2026-01-01T10:00:01Z Error response from daemon: manifest for r.test/a:1 not found: manifest unknown: manifest unknown";
const BACK_OFF: &str = r#"Back-off pulling image "r.test/a:1""#;

/// The way up to the registry's first answer.
const THERE: &str = "dns tcp tls ping";

struct Case {
    rule: &'static str,
    log: &'static str,
    /// Hops: `name[@role][=saw]`; one with a word failed. `user` is a login that was found.
    walk: &'static str,
    same: &'static str,
    /// Cause, confidence and verdict.
    comes_to: &'static str,
    /// What is said of single causes.
    says: &'static [(&'static str, LiveFinding)],
}

use LiveFinding::{Confirmed, NotReproducible, RuledOut, Undecided};

const ALL: &str = "network credentials host platform";

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { rule: "with all the same, only what the hop that fails leaves open is left",
        log: UNAUTHORIZED, walk: "user THERE manifest=credential-refused", same: ALL,
        comes_to: "auth/credentials-invalid likely confirmed",
        says: &[("auth/credentials-invalid", Confirmed), ("auth/credentials-missing", RuledOut), ("auth/credentials-expired", Undecided), ("auth/access-denied", RuledOut)] },
    Case { rule: "what the hop proves by itself is certain, and closes the rest",
        log: UNAUTHORIZED, walk: "user THERE manifest=credential-expired", same: ALL,
        comes_to: "auth/credentials-expired certain confirmed",
        says: &[("auth/credentials-invalid", RuledOut), ("reference/denied-or-not-found", RuledOut)] },
    Case { rule: "a refusal of other credentials shows nothing",
        log: UNAUTHORIZED, walk: "user THERE manifest=credential-expired", same: "network",
        comes_to: "auth/unspecified likely undecided",
        says: &[("auth/credentials-expired", Undecided)] },
    Case { rule: "a refusal without credentials shows nothing of somebody else's",
        log: UNAUTHORIZED, walk: "THERE manifest=anonymous-refused", same: "",
        comes_to: "auth/unspecified likely undecided",
        says: &[("auth/credentials-missing", Undecided)] },
    Case { rule: "from another network an address-based cause leads, and is likely at most",
        log: TIMEOUT, walk: "dns tcp=timeout", same: "",
        comes_to: "network/connect-timeout likely confirmed",
        says: &[("network/connect-timeout", Confirmed), ("network/response-timeout", Undecided), ("orchestrator/pull-deadline", Undecided)] },
    Case { rule: "from the same network it can be certain",
        log: TIMEOUT, walk: "dns tcp=timeout", same: ALL,
        comes_to: "network/connect-timeout certain confirmed",
        says: &[("network/response-timeout", RuledOut)] },
    Case { rule: "a cause that the log does not name itself is likely at most",
        log: TIMEOUT, walk: "dns=servfail", same: ALL,
        comes_to: "network/dns-failure likely confirmed",
        says: &[("network/response-timeout", RuledOut)] },
    Case { rule: "a hop of this machine proves nothing where the log shows the registry's answer",
        log: UNAUTHORIZED, walk: "credentials=malformed THERE", same: ALL,
        comes_to: "auth/unspecified likely other-failure",
        says: &[("auth/credentials-invalid", Undecided)] },
    Case { rule: "an engine that goes on without the login that it cannot use gets that answer",
        log: UNAUTHORIZED, walk: "credentials=malformed THERE manifest=anonymous-refused", same: ALL,
        comes_to: "auth/credentials-malformed certain confirmed",
        says: &[("auth/credentials-missing", RuledOut)] },
    Case { rule: "anything may be behind a symptom",
        log: BACK_OFF, walk: "THERE manifest platform=none", same: ALL,
        comes_to: "reference/platform-not-available certain confirmed", says: &[] },
    Case { rule: "another failure leaves the log's diagnosis as it is",
        log: MISSING, walk: "dns tcp=refused", same: ALL,
        comes_to: "reference/tag-not-found certain other-failure",
        says: &[("reference/tag-not-found", Undecided)] },
    Case { rule: "another failure is one from another network too, as from here",
        log: MISSING, walk: "dns=nxdomain", same: "",
        comes_to: "reference/tag-not-found certain other-failure",
        says: &[("reference/tag-not-found", Undecided)] },
    Case { rule: "what the log proves and the check sees as well stays certain",
        log: MISSING, walk: "THERE manifest=unknown-tag", same: "",
        comes_to: "reference/tag-not-found certain confirmed",
        says: &[("reference/tag-not-found", Confirmed)] },
    Case { rule: "what the log proves is not ruled out by what is there now",
        log: MISSING, walk: "THERE manifest platform config-blob layer", same: ALL,
        comes_to: "reference/tag-not-found certain not-reproducible",
        says: &[("reference/tag-not-found", NotReproducible)] },
    Case { rule: "with the same credentials a working hop rules out what hangs on them",
        log: UNAUTHORIZED, walk: "user THERE manifest platform config-blob layer", same: "credentials",
        comes_to: "auth/unspecified likely not-reproducible",
        says: &[("auth/credentials-invalid", RuledOut), ("auth/access-denied", RuledOut)] },
    Case { rule: "with others it rules out what hangs on nothing, and nothing else",
        log: DENIED, walk: "user THERE manifest platform config-blob layer", same: "",
        comes_to: "reference/denied-or-not-found likely not-reproducible",
        says: &[("reference/repository-not-found", RuledOut), ("auth/credentials-missing", NotReproducible), ("auth/access-denied", NotReproducible)] },
    Case { rule: "a pull without credentials shows that none are needed; a bad login breaks it all the same",
        log: UNAUTHORIZED, walk: "THERE manifest platform config-blob layer", same: "",
        comes_to: "auth/unspecified likely not-reproducible",
        says: &[("auth/credentials-missing", RuledOut), ("reference/denied-or-not-found", RuledOut), ("auth/credentials-invalid", NotReproducible)] },
    Case { rule: "what may have passed by itself is not ruled out even from the same place",
        log: TIMEOUT, walk: "THERE manifest platform config-blob layer", same: ALL,
        comes_to: "network/response-timeout likely not-reproducible",
        says: &[("network/response-timeout", NotReproducible), ("network/connect-timeout", NotReproducible), ("orchestrator/pull-deadline", Undecided)] },
    Case { rule: "a hop that was not reached decides nothing",
        log: DENIED, walk: "dns=nxdomain", same: ALL,
        comes_to: "reference/denied-or-not-found likely other-failure",
        says: &[("reference/repository-not-found", Undecided), ("auth/access-denied", Undecided)] },
    Case { rule: "hops before another failure rule out what they would show; what is left is possible",
        log: UNAUTHORIZED, walk: "user THERE token@token manifest platform config-blob@blob=unavailable", same: ALL,
        comes_to: "auth/access-denied possible other-failure",
        says: &[("auth/credentials-invalid", RuledOut), ("auth/access-denied", Undecided)] },
];

fn incident(catalogue: &Catalogue, log: &str) -> Incident {
    let report = explain_text(catalogue, "a.log", log.as_bytes(), &Options::default());
    assert_eq!(report.incidents.len(), 1, "{log}");
    report.incidents[0].clone()
}

fn rows(walk: &str) -> Vec<HopRow> {
    let walk = walk.replace("THERE", THERE);
    walk.split(' ').map(row).collect()
}

fn row(word: &str) -> HopRow {
    let (word, saw) = match word.split_once('=') {
        Some((word, saw)) => (word, Some(saw.to_owned())),
        None => (word, None),
    };
    let (name, role) = word.split_once('@').unwrap_or((word, "registry"));
    let mut facts = Facts::new();
    let name = if name == "user" {
        facts.insert("user".to_owned(), "me".into());
        "credentials"
    } else {
        name
    };
    let hop = Hop::ALL.iter().find(|hop| hop.as_str() == name);
    let role = Target::ALL.iter().find(|r| r.as_str() == role);
    HopRow {
        hop: *hop.expect("a hop"),
        target: "r.test".to_owned(),
        status: if saw.is_some() {
            Status::Failed
        } else {
            Status::Ok
        },
        elapsed_ms: 1.0,
        summary: "said".to_owned(),
        facts,
        cause: None,
        role: role.copied(),
        saw,
    }
}

fn beside(catalogue: &Catalogue, incident: Incident, walk: &str, same: &str) -> Incident {
    let image = Image {
        reference: "r.test/a:1".to_owned(),
        registry: Some("r.test".to_owned()),
        repository: Some("a".to_owned()),
        tag: Some("1".to_owned()),
        digest: None,
    };
    let mut rows = rows(walk);
    let judged = judge(catalogue, &image, &mut rows);
    let same: BTreeSet<Condition> = Condition::ALL
        .iter()
        .filter(|c| same.split(' ').any(|word| word == c.as_str()))
        .copied()
        .collect();
    let walked = Walked {
        image: &image,
        rows: &rows,
        judged: &judged,
        elapsed_ms: 1.0,
        until: Hop::Layer,
        at: "2026-01-04T10:00:01Z".parse().expect("a time"),
        failed_at: incident.last_seen,
        same: &same,
    };
    confront(catalogue, incident, &walked)
}

#[test]
fn every_rule_holds() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    for case in CASES {
        let before = incident(&catalogue, case.log);
        let after = beside(&catalogue, before, case.walk, case.same);
        let check = after.check.as_ref().expect("checked");
        let got = format!("{} {} {}", after.cause, after.confidence, check.verdict);
        assert_eq!(got, case.comes_to, "{}\n{check:#?}", case.rule);
        for (cause, wanted) in case.says {
            let finding = check.candidates.iter().find(|c| c.cause == **cause);
            let got = finding.map(|f| f.verdict);
            assert_eq!(got, Some(*wanted), "{}: {cause}\n{check:#?}", case.rule);
            assert!(!finding.expect("told").because.is_empty());
        }
        let open: Vec<&str> = after.candidates.iter().map(|c| c.cause.as_str()).collect();
        for out in check.candidates.iter().filter(|c| c.verdict == RuledOut) {
            let listed = after.ruled_out.iter().find(|r| r.cause == out.cause);
            let listed = listed.unwrap_or_else(|| panic!("{}: {}", case.rule, out.cause));
            assert!(!listed.hops.is_empty(), "{}: {}", case.rule, out.cause);
            assert!(!open.contains(&out.cause.as_str()), "{}", case.rule);
        }
        if check.verdict == LiveVerdict::Confirmed {
            assert_eq!(after.evidence[0].file, "check", "{}", case.rule);
        }
    }
}

#[test]
fn what_the_walk_has_answered_is_not_asked_again() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    let before = incident(&catalogue, UNAUTHORIZED);
    let asked = |incident: &Incident| -> Vec<String> {
        let checks = incident.candidates.iter().filter_map(|c| c.check.as_ref());
        checks.filter_map(|c| c.command.clone()).collect()
    };
    let looks_for_login =
        |c: &String| c.contains(".docker/config.json") || c.starts_with("pullwhy check");
    assert!(
        asked(&before).iter().any(looks_for_login),
        "{:#?}",
        asked(&before)
    );
    let walk = "credentials THERE manifest=anonymous-scope-refused";
    let same = beside(&catalogue, before.clone(), walk, ALL);
    assert!(same.candidates.len() > 1, "something is left to ask");
    assert!(
        !asked(&same).iter().any(looks_for_login),
        "{:#?}",
        asked(&same)
    );
    let elsewhere = beside(&catalogue, before, walk, "");
    assert!(asked(&elsewhere).iter().any(looks_for_login));
}

#[test]
fn the_time_between_failure_and_check_is_said() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    let walk = "THERE manifest platform config-blob layer";
    for (log, wanted) in [
        (MISSING, "3 days after the failure"),
        (TIMEOUT, "an unknown time after the failure"),
    ] {
        let after = beside(&catalogue, incident(&catalogue, log), walk, ALL);
        let check = after.check.expect("checked");
        assert!(check.because.contains(wanted), "{}", check.because);
        let at: Option<Timestamp> = "2026-01-04T10:00:01Z".parse().ok();
        assert_eq!(check.at, at);
    }
}

#[test]
fn only_hops_that_tell_are_asked_for() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    for (log, wanted) in [
        (MISSING, Some(Hop::Manifest)),
        (UNAUTHORIZED, Some(Hop::Layer)),
        (BACK_OFF, Some(Hop::Layer)),
        (
            "Error response from daemon: Get \"https://r.test/v2/\": dial tcp: lookup r.test: no such host",
            Some(Hop::Dns),
        ),
        (
            "failed to register layer: Error processing tar file(exit status 1): write /x: no space left on device",
            None,
        ),
    ] {
        let incident = incident(&catalogue, log);
        let last = last_hop(&catalogue, &incident);
        assert_eq!(last, wanted, "{log}");
    }
}
