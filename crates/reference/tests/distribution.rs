//! What `distribution/reference` tests of itself holds here too, row for row.
//!
//! The tables in `tests/tables` are its test data as of v0.6.0, the release that clients are built
//! with; the first line of each names file and test. Left out is what is not about reading
//! references: sorting, and the check that a malformed glob pattern is refused.
//!
//! Upstream's later tests refuse sha512, for the test program alone: it stopped linking that
//! algorithm. Clients link it with TLS, so that the row of the release stands.

use pullwhy_reference::grammar::{self, Parts, Refusal};
use pullwhy_reference::{Reference, normalized, parse};

/// Rows of all tables; a table that is lost or cut is noticed by it.
const ROWS: usize = 350;

/// A row's fields in, what does not hold out.
type Check = fn(&[&str]) -> Result<(), String>;

const TABLES: [(&str, &str, Check); 19] = [
    (
        "regexp_domain",
        include_str!("tables/regexp_domain.tsv"),
        regexp_domain,
    ),
    (
        "regexp_name",
        include_str!("tables/regexp_name.tsv"),
        regexp_name,
    ),
    (
        "regexp_reference",
        include_str!("tables/regexp_reference.tsv"),
        regexp_reference,
    ),
    (
        "regexp_identifier",
        include_str!("tables/regexp_identifier.tsv"),
        regexp_identifier,
    ),
    (
        "reference_parse",
        include_str!("tables/reference_parse.tsv"),
        reference_parse,
    ),
    (
        "reference_with_name",
        include_str!("tables/reference_with_name.tsv"),
        with_name,
    ),
    (
        "reference_domain_and_path",
        include_str!("tables/reference_domain_and_path.tsv"),
        domain_and_path,
    ),
    (
        "reference_serialization",
        include_str!("tables/reference_serialization.tsv"),
        serialization,
    ),
    (
        "reference_with_tag",
        include_str!("tables/reference_with_tag.tsv"),
        combined,
    ),
    (
        "reference_with_digest",
        include_str!("tables/reference_with_digest.tsv"),
        combined,
    ),
    (
        "reference_parse_named",
        include_str!("tables/reference_parse_named.tsv"),
        parse_named,
    ),
    (
        "normalize_names",
        include_str!("tables/normalize_names.tsv"),
        normalize_names,
    ),
    (
        "normalize_repository_info",
        include_str!("tables/normalize_repository_info.tsv"),
        repository_info,
    ),
    (
        "normalize_tag_and_digest",
        include_str!("tables/normalize_tag_and_digest.tsv"),
        tag_and_digest,
    ),
    (
        "normalize_invalid_components",
        include_str!("tables/normalize_invalid_components.tsv"),
        invalid_components,
    ),
    (
        "normalize_any",
        include_str!("tables/normalize_any.tsv"),
        any,
    ),
    (
        "normalize_split",
        include_str!("tables/normalize_split.tsv"),
        normalize_split,
    ),
    (
        "normalize_match",
        include_str!("tables/normalize_match.tsv"),
        familiar_match,
    ),
    (
        "normalize_docker_ref",
        include_str!("tables/normalize_docker_ref.tsv"),
        docker_ref,
    ),
];

#[test]
fn every_row_of_upstream_holds() {
    let mut passed = 0;
    let mut failed = Vec::new();
    for (table, text, check) in TABLES {
        assert!(
            text.starts_with("# distribution/reference v0.6.0"),
            "{table} names no source"
        );
        for (number, line) in text.lines().enumerate().skip(2) {
            let fields: Vec<&str> = line.split('\t').collect();
            match check(&fields) {
                Ok(()) => passed += 1,
                Err(why) => failed.push(format!("{table}:{}: {why}", number + 1)),
            }
        }
    }
    // Shown with `--nocapture`.
    #[expect(clippy::print_stdout, reason = "the count is this test's result")]
    {
        println!("distribution/reference: {passed} of {ROWS} rows hold");
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(passed, ROWS);
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    if got == expected {
        Ok(())
    } else {
        Err(format!("{what}: got {got:?}, expected {expected:?}"))
    }
}

/// Upstream has empty texts for parts that are not there.
fn plain(part: Option<&str>) -> &str {
    part.unwrap_or_default()
}

fn name_of(parts: &Parts<'_>) -> String {
    [
        parts.domain,
        if parts.domain.is_empty() { "" } else { "/" },
        parts.path,
    ]
    .concat()
}

fn refusal(word: &str) -> Option<Refusal> {
    Some(match word {
        "ErrNameEmpty" => Refusal::NameEmpty,
        "ErrReferenceInvalidFormat" => Refusal::InvalidFormat,
        "ErrNameContainsUppercase" => Refusal::Uppercase,
        "ErrNameTooLong" => Refusal::NameTooLong,
        "ErrDigestInvalidLength" => Refusal::DigestLength,
        "ErrDigestUnsupported" => Refusal::DigestUnsupported,
        _ => return None,
    })
}

fn regexp_domain(row: &[&str]) -> Result<(), String> {
    same(
        row[0],
        grammar::domain_fault(row[0]).is_none(),
        row[1] == "true",
    )
}

fn regexp_name(row: &[&str]) -> Result<(), String> {
    let parts = grammar::name(row[0]);
    same(row[0], parts.is_some(), row[1] == "true")?;
    match parts {
        Some(parts) if row[2] != "-" => same(row[0], parts, (row[2], row[3])),
        _ => Ok(()),
    }
}

fn regexp_reference(row: &[&str]) -> Result<(), String> {
    let parts = grammar::split(row[0]);
    same(row[0], parts.is_some(), row[1] == "true")?;
    parts.map_or(Ok(()), |parts| {
        same(row[0], name_of(&parts).as_str(), row[2])?;
        same(
            row[0],
            (plain(parts.tag), plain(parts.digest)),
            (row[3], row[4]),
        )
    })
}

fn regexp_identifier(row: &[&str]) -> Result<(), String> {
    same(row[0], grammar::is_identifier(row[0]), row[1] == "true")
}

fn reference_parse(row: &[&str]) -> Result<(), String> {
    let [input, err, repository, domain, tag, digest] = row[..] else {
        return Err("six fields".into());
    };
    match (grammar::read(input), refusal(err)) {
        (Err(got), expected) => same(input, Some(got), expected),
        (Ok(_), Some(expected)) => Err(format!("{input} is accepted; expected {expected:?}")),
        (Ok(parts), None) => {
            same(input, name_of(&parts).as_str(), repository)?;
            let got = (parts.domain, plain(parts.tag), plain(parts.digest));
            same(input, got, (domain, tag, digest))
        }
    }
}

/// Upstream's `WithName` refuses by its regular expression and by length.
fn with_name(row: &[&str]) -> Result<(), String> {
    let got = match grammar::name(row[0]) {
        None => Some(Refusal::InvalidFormat),
        Some((_, path)) if path.len() > grammar::LONGEST_PATH => Some(Refusal::NameTooLong),
        Some(_) => None,
    };
    same(row[0], got, refusal(row[1]))
}

fn domain_and_path(row: &[&str]) -> Result<(), String> {
    same(row[0], grammar::name(row[0]), Some((row[1], row[2])))
}

fn serialization(row: &[&str]) -> Result<(), String> {
    let [_, input, name, tag, digest, err] = row[..] else {
        return Err("six fields".into());
    };
    match grammar::read(input) {
        Err(got) => same(input, Some(got), refusal(err)),
        Ok(parts) => {
            same(input, err, "")?;
            same(input, name_of(&parts).as_str(), name)?;
            same(
                input,
                (plain(parts.tag), plain(parts.digest)),
                (tag, digest),
            )
        }
    }
}

fn combined(row: &[&str]) -> Result<(), String> {
    let [name, digest, tag, combined] = row[..] else {
        return Err("four fields".into());
    };
    let (domain, path) = grammar::name(name).ok_or("no name")?;
    let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    if !tag.is_empty() {
        same(tag, grammar::tag_fault(tag), None)?;
    }
    if !digest.is_empty() {
        same(digest, grammar::digest_fault(digest), None)?;
    }
    let reference = Reference {
        domain: domain.to_owned(),
        path: path.to_owned(),
        tag: part(tag),
        digest: part(digest),
    };
    same(name, reference.to_string().as_str(), combined)
}

/// Upstream's `ParseNamed` takes what the normalisation leaves as it is.
fn parse_named(row: &[&str]) -> Result<(), String> {
    let [input, domain, path, err] = row[..] else {
        return Err("four fields".into());
    };
    let reference = normalized(input).map_err(|e| e.to_string())?;
    if !err.is_empty() {
        return same(input, reference.to_string() == input, false);
    }
    same(input, reference.to_string().as_str(), input)?;
    same(
        input,
        (reference.domain.as_str(), reference.path.as_str()),
        (domain, path),
    )
}

fn normalize_names(row: &[&str]) -> Result<(), String> {
    let valid = row[2] == "true";
    same(row[1], normalized(row[1]).is_ok(), valid)?;
    same(row[1], parse(row[1]).is_ok(), valid)
}

fn repository_info(row: &[&str]) -> Result<(), String> {
    let [input, familiar, full, domain, path] = row[..] else {
        return Err("five fields".into());
    };
    let reference = normalized(input).map_err(|e| e.to_string())?;
    same(input, reference.familiar_name().as_str(), familiar)?;
    same(input, reference.to_string().as_str(), full)?;
    same(
        input,
        (reference.domain.as_str(), reference.path.as_str()),
        (domain, path),
    )
}

fn tag_and_digest(row: &[&str]) -> Result<(), String> {
    let reference = parse(row[0]).map_err(|e| e.to_string())?;
    same(
        row[0],
        (reference.tag.is_some(), reference.digest.is_some()),
        (true, true),
    )?;
    same(row[0], reference.to_string().as_str(), row[1])?;
    same(row[0], reference.familiar().as_str(), row[2])
}

fn invalid_components(row: &[&str]) -> Result<(), String> {
    let refused = match row[0] {
        "name" => normalized(row[1]).is_err(),
        "tag" => grammar::tag_fault(row[1]).is_some(),
        "digest" => grammar::digest_fault(row[1]).is_some(),
        other => return Err(format!("what is a {other}?")),
    };
    same(row[1], refused, true)
}

/// Upstream's `ParseAnyReference` takes image IDs and digests alone before names.
fn any(row: &[&str]) -> Result<(), String> {
    let [input, equivalent, alone] = row[..] else {
        return Err("three fields".into());
    };
    let digest = grammar::is_identifier(input) || grammar::read(&format!("x@{input}")).is_ok();
    same(input, digest, !alone.is_empty())?;
    if digest {
        let id = input.strip_prefix("sha256:").unwrap_or(input);
        return same(input, format!("sha256:{id}").as_str(), equivalent);
    }
    let reference = normalized(input).map_err(|e| e.to_string())?;
    same(input, reference.to_string().as_str(), equivalent)
}

fn normalize_split(row: &[&str]) -> Result<(), String> {
    let reference = normalized(row[0]).map_err(|e| e.to_string())?;
    same(
        row[0],
        (reference.domain.as_str(), reference.path.as_str()),
        (row[1], row[2]),
    )
}

/// A pattern is held against the familiar form with and without tag.
fn familiar_match(row: &[&str]) -> Result<(), String> {
    let reference = normalized(row[0]).map_err(|e| e.to_string())?;
    let fits = |text: &str| glob(row[1].as_bytes(), text.as_bytes());
    let got = fits(&reference.familiar()) || fits(&reference.familiar_name());
    same(row[0], got, row[2] == "true")
}

/// As much of Go's `path.Match` as the rows use: `*` within a component, and classes.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', pattern @ ..], _) => {
            let component = text.iter().take_while(|b| **b != b'/').count();
            (0..=component).any(|n| glob(pattern, &text[n..]))
        }
        ([b'[', pattern @ ..], [b, text @ ..]) => {
            let end = pattern
                .iter()
                .position(|b| *b == b']')
                .expect("a class ends");
            pattern[..end].contains(b) && glob(&pattern[end + 1..], text)
        }
        ([p, pattern @ ..], [b, text @ ..]) => p == b && glob(pattern, text),
        _ => false,
    }
}

fn docker_ref(row: &[&str]) -> Result<(), String> {
    let [_, input, expected] = row[..] else {
        return Err("three fields".into());
    };
    let asked = parse(input)
        .map_err(|e| e.to_string())?
        .asked_for()
        .to_string();
    same(input, asked.as_str(), expected)?;
    same(input, grammar::read(&asked).is_ok(), true)
}
