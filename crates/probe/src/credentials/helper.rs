//! `docker-credential-NAME get`, run as Docker runs it (docker-credential-helpers,
//! `client/command.go`), with a deadline.

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::keys::HUB;
use super::{Credential, MOST};

/// What came of asking a helper.
pub(crate) enum Answer {
    Credential(Credential),
    /// It has none for this registry.
    Nothing,
    Missing,
    Failed(String),
}

/// Asks a helper for a registry's credential.
pub(crate) fn ask(name: &str, registry: &str, timeout: Duration) -> Answer {
    // A name is part of a program's name: a path would run something else.
    if name.contains(['/', '\\', '\0']) {
        return Answer::Failed("its name has a slash in it, and is not run".to_owned());
    }
    let program = format!("docker-credential-{name}");
    let server = if registry == pullwhy_reference::DOCKER_HUB {
        HUB
    } else {
        registry
    };
    match run(Command::new(&program).arg("get"), server, timeout) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Answer::Missing,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Answer::Failed("did not end in time".to_owned())
        }
        Err(error) => Answer::Failed(format!("cannot be run: {error}")),
        Ok((false, said)) if said.contains("credentials not found") => Answer::Nothing,
        Ok((false, said)) => Answer::Failed(format!("failed: {said}")),
        Ok((true, said)) => {
            let answer: Value = serde_json::from_str(&said).unwrap_or_default();
            let (user, secret) = (answer["Username"].as_str(), answer["Secret"].as_str());
            match (user, secret) {
                (Some("<token>"), Some(token)) => {
                    Answer::Credential(Credential::IdentityToken(token.to_owned()))
                }
                (Some(user), Some(secret)) => Answer::Credential(Credential::Basic {
                    user: user.to_owned(),
                    password: secret.to_owned(),
                }),
                _ => Answer::Failed("gave no credential".to_owned()),
            }
        }
    }
}

/// Whether a program succeeded, and what it printed: on success its output, else all of it.
pub(super) fn run(
    command: &mut Command,
    server: &str,
    timeout: Duration,
) -> io::Result<(bool, String)> {
    let mut child = command
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
