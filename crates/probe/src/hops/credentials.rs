//! Which credential an engine would send, and from where: `config.json` of Docker, `auth.json` of
//! Podman, helpers, the command line.
//!
//! Docker looks up `https://index.docker.io/v1/` for Docker Hub and the host otherwise (cli,
//! `config/credentials`); Podman tries the repository's path and its parents before the host
//! (containers/image, `pkg/docker/config`).

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pullwhy_model::Hop;
use serde_json::Value;

use crate::options::Options;
use crate::rows::{Row, Rows};

/// What is sent to the registry or its token service.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    Basic { user: String, password: String },
    IdentityToken(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// What an entry of a credentials file holds, before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Nothing for this registry.
    Nothing,
    /// An entry under this key.
    Entry(String),
    /// A helper program of this name.
    Helper(String),
    /// It cannot be used; why.
    Malformed(String),
}

/// Bytes of a credentials file or a helper's answer that are read.
const MOST: u64 = 1 << 20;

/// Finds the credential for a registry and tells how.
pub(crate) fn find(
    registry: &str,
    repository: &str,
    options: &Options,
    rows: &mut Rows<'_>,
) -> Option<Credential> {
    if let Some((user, password)) = &options.credentials {
        let row = Row::new(Hop::Credentials, "--creds").fact("user", user.as_str());
        rows.push(lint(row, registry, user, password));
        return Some(Credential::Basic {
            user: user.clone(),
            password: password.clone(),
        });
    }
    let mut passed = Vec::new();
    for path in &options.auth_files {
        let name = path.display().to_string();
        let row = Row::new(Hop::Credentials, name.clone()).fact("path", name.as_str());
        let text = match read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                rows.push(row.failed(
                    "config-unreadable",
                    format!("{name} cannot be read: {error}"),
                ));
                return None;
            }
        };
        let file: Value = match serde_json::from_str(&text) {
            Ok(file) => file,
            Err(error) => {
                rows.push(row.failed("config-unreadable", format!("{name} is no JSON: {error}")));
                return None;
            }
        };
        match entry(&file, registry, repository) {
            (Lookup::Nothing, _) => passed.push(name),
            (Lookup::Malformed(why), _) => {
                rows.push(row.failed("malformed", why));
                return None;
            }
            (Lookup::Helper(helper), _) => {
                return ask_helper(&helper, registry, row, options.timeout, rows);
            }
            (Lookup::Entry(key), credential) => {
                let row = row.fact("key", key.as_str());
                let row = match &credential {
                    Some(Credential::Basic { user, password }) => {
                        lint(row.fact("user", user.as_str()), registry, user, password)
                    }
                    _ => row.ok(format!("an identity token under `{key}`")),
                };
                rows.push(row);
                return credential;
            }
        }
    }
    let row = Row::new(Hop::Credentials, registry);
    rows.push(if passed.is_empty() {
        row.ok("none: there is no credentials file; the registry is asked without")
    } else {
        row.ok(format!(
            "none for this registry in {}; it is asked without",
            passed.join(", ")
        ))
    });
    None
}

/// Checks the form, and says what looks wrong about it without showing it.
fn lint(row: Row, registry: &str, user: &str, password: &str) -> Row {
    let acr = pullwhy_reference::kind(registry) == "acr";
    let trimmed = password.trim_matches(['"', '\'']).trim();
    if password.is_empty() {
        row.failed("malformed", "the password is empty")
    } else if trimmed.len() != password.len() {
        row.warning(
            "suspicious",
            "the password begins or ends with a blank, a line end or a quote",
        )
    } else if acr && user.len() == 36 && !is_guid(user) {
        row.warning(
            "suspicious",
            "the user name looks like a client id and is no GUID",
        )
    } else {
        row.ok(format!("user `{user}`"))
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MOST)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Looks a registry up in a credentials file.
pub(crate) fn entry(
    file: &Value,
    registry: &str,
    repository: &str,
) -> (Lookup, Option<Credential>) {
    let hub = registry == "docker.io";
    let host = if hub {
        "https://index.docker.io/v1/"
    } else {
        registry
    };
    let helper = file["credHelpers"][registry]
        .as_str()
        .or_else(|| file["credHelpers"][host].as_str());
    if let Some(helper) = helper {
        return (Lookup::Helper(helper.to_owned()), None);
    }
    let auths = file["auths"].as_object();
    let found = auths.and_then(|auths| {
        // Podman's keys may name a path; the longest wins.
        let mut scope = format!("{registry}/{repository}");
        let paths = std::iter::from_fn(move || {
            let own = scope.clone();
            let cut = scope.rfind('/')?;
            scope.truncate(cut);
            Some(own)
        });
        let hosts = [
            host.to_owned(),
            registry.to_owned(),
            format!("https://{registry}"),
            format!("https://{registry}/"),
            format!("https://{registry}/v1/"),
            format!("https://{registry}/v2/"),
        ];
        paths.chain(hosts).find_map(|key| auths.get_key_value(&key))
    });
    let store = file["credsStore"].as_str().filter(|s| !s.is_empty());
    match (found, store) {
        (Some((key, value)), None) => decode(key, value),
        // With a store, Docker keeps an empty entry here as a mark.
        (Some((key, value)), Some(store)) => match decode(key, value) {
            (Lookup::Nothing, _) => (Lookup::Helper(store.to_owned()), None),
            other => other,
        },
        (None, Some(store)) => (Lookup::Helper(store.to_owned()), None),
        (None, None) => (Lookup::Nothing, None),
    }
}

fn decode(key: &str, value: &Value) -> (Lookup, Option<Credential>) {
    let named = Lookup::Entry(key.to_owned());
    if let Some(token) = value["identitytoken"].as_str().filter(|t| !t.is_empty()) {
        return (named, Some(Credential::IdentityToken(token.to_owned())));
    }
    let bad = |why: &str| (Lookup::Malformed(format!("the entry `{key}` {why}")), None);
    let Some(auth) = value["auth"].as_str().filter(|a| !a.is_empty()) else {
        let (user, password) = (value["username"].as_str(), value["password"].as_str());
        return match (user, password) {
            (Some(user), Some(password)) if !user.is_empty() => {
                let credential = Credential::Basic {
                    user: user.to_owned(),
                    password: password.to_owned(),
                };
                (named, Some(credential))
            }
            _ => (Lookup::Nothing, None),
        };
    };
    let Ok(bytes) = STANDARD.decode(auth.trim()) else {
        return bad("is no base64");
    };
    let text = String::from_utf8_lossy(&bytes);
    let Some((user, password)) = text.split_once(':') else {
        return bad("holds no `user:password`");
    };
    let credential = Credential::Basic {
        user: user.to_owned(),
        password: password.trim_end_matches('\0').to_owned(),
    };
    (named, Some(credential))
}

/// Runs `docker-credential-NAME get`, as Docker does, with a deadline.
fn ask_helper(
    name: &str,
    registry: &str,
    row: Row,
    timeout: Duration,
    rows: &mut Rows<'_>,
) -> Option<Credential> {
    let program = format!("docker-credential-{name}");
    let row = row.fact("helper", name);
    let server = if registry == "docker.io" {
        "https://index.docker.io/v1/"
    } else {
        registry
    };
    match run(&program, server, timeout) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            rows.push(row.failed("helper-missing", format!("`{program}` is not on the path")));
            None
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            rows.push(row.failed("helper-failed", format!("`{program}` did not end in time")));
            None
        }
        Err(error) => {
            rows.push(row.failed(
                "helper-failed",
                format!("`{program}` cannot be run: {error}"),
            ));
            None
        }
        Ok((false, said)) if said.contains("credentials not found") => {
            rows.push(row.ok(format!(
                "`{program}` has none for this registry; it is asked without"
            )));
            None
        }
        Ok((false, said)) => {
            rows.push(row.failed("helper-failed", format!("`{program}` failed: {said}")));
            None
        }
        Ok((true, said)) => {
            let answer: Value = serde_json::from_str(&said).unwrap_or_default();
            let (user, secret) = (answer["Username"].as_str(), answer["Secret"].as_str());
            let (Some(user), Some(secret)) = (user, secret) else {
                rows.push(row.failed("helper-failed", format!("`{program}` gave no credential")));
                return None;
            };
            rows.push(
                row.fact("user", user)
                    .ok(format!("user `{user}`, by `{program}`")),
            );
            Some(if user == "<token>" {
                Credential::IdentityToken(secret.to_owned())
            } else {
                Credential::Basic {
                    user: user.to_owned(),
                    password: secret.to_owned(),
                }
            })
        }
    }
}

/// Whether a helper succeeded, and what it printed: on success its output, else all of it.
fn run(program: &str, server: &str, timeout: Duration) -> io::Result<(bool, String)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read has its reasons; its answer counts.
        let _ = input.write_all(server.as_bytes());
    }
    let pipe = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(stream) = stream {
                let _ = stream.take(MOST).read_to_end(&mut text);
            }
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = pipe(
        child
            .stdout
            .take()
            .map(|s| Box::new(s) as Box<dyn Read + Send>),
    );
    let err = pipe(
        child
            .stderr
            .take()
            .map(|s| Box::new(s) as Box<dyn Read + Send>),
    );
    let until = Instant::now() + timeout;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let (out, err) = (
        out.join().unwrap_or_default(),
        err.join().unwrap_or_default(),
    );
    let said = if status.success() {
        out
    } else {
        format!("{} {}", out.trim(), err.trim())
    };
    Ok((status.success(), said.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_entries_as_engines_do() {
        let auth = STANDARD.encode("u:p:w");
        let basic = Some(Credential::Basic {
            user: "u".into(),
            password: "p:w".into(),
        });
        for (file, registry, credential) in [
            (
                json!({"auths": {"r.test": {"auth": auth}}}),
                "r.test",
                basic.clone(),
            ),
            (
                json!({"auths": {"https://r.test/v1/": {"auth": auth}}}),
                "r.test",
                basic.clone(),
            ),
            (
                json!({"auths": {"https://index.docker.io/v1/": {"auth": auth}}}),
                "docker.io",
                basic.clone(),
            ),
            (
                json!({"auths": {"r.test/team": {"auth": auth}, "r.test": {}}}),
                "r.test",
                basic.clone(),
            ),
            (
                json!({"auths": {"other.test": {"auth": auth}}}),
                "r.test",
                None,
            ),
            (json!({}), "r.test", None),
            (json!([]), "r.test", None),
        ] {
            assert_eq!(entry(&file, registry, "team/app").1, credential, "{file}");
        }
        let token = entry(
            &json!({"auths": {"r.test": {"identitytoken": "t"}}}),
            "r.test",
            "a",
        );
        assert_eq!(token.1, Some(Credential::IdentityToken("t".into())));
    }

    #[test]
    fn names_helpers_and_what_is_malformed() {
        let helper = |file: &Value| entry(file, "r.test", "a").0;
        assert_eq!(
            helper(&json!({"credHelpers": {"r.test": "ecr-login"}})),
            Lookup::Helper("ecr-login".into())
        );
        assert_eq!(
            helper(&json!({"credsStore": "desktop", "auths": {"r.test": {}}})),
            Lookup::Helper("desktop".into())
        );
        assert!(matches!(
            helper(&json!({"auths": {"r.test": {"auth": "%%%"}}})),
            Lookup::Malformed(_)
        ));
        assert!(matches!(
            helper(&json!({"auths": {"r.test": {"auth": STANDARD.encode("nocolon")}}})),
            Lookup::Malformed(_)
        ));
    }
}
