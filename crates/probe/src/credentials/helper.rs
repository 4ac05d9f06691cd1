//! `docker-credential-NAME get`, run as Docker runs it (docker-credential-helpers,
//! `client/command.go`), with a deadline.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use serde_json::Value;

use super::keys::HUB;
use super::{Credential, MOST};
use crate::net::Deadline;

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

/// Whether a program succeeded, and what it printed: on success its output, else all of it. It has
/// ended when its output has: what it leaves behind holds that open, and is ended with it.
pub(crate) fn run(
    command: &mut Command,
    server: &str,
    timeout: Duration,
) -> io::Result<(bool, String)> {
    let until = Deadline::after(timeout);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A group of its own, so that all of it can be ended.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn()?;
    let input = child.stdin.take();
    let server = server.as_bytes().to_vec();
    std::thread::spawn(move || {
        // A helper that does not read has its reasons; its answer counts.
        let _ = input.map(|mut input| input.write_all(&server));
    });
    let out = child.stdout.take().map(listen);
    let err = child.stderr.take().map(listen);
    let ended = wait(&mut child, until);
    let hear = |from: Option<Receiver<String>>| -> io::Result<String> {
        let Some(from) = from else {
            return Ok(String::new());
        };
        // What it has said in time is lost with it: it is no whole answer.
        from.recv_timeout(until.left()?)
            .map_err(|_| io::ErrorKind::TimedOut.into())
    };
    let heard = ended.and_then(|status| Ok((status, hear(out)?, hear(err)?)));
    if heard.is_err() {
        end(&mut child);
    }
    let (status, out, err) = heard?;
    let said = if status.success() {
        out
    } else {
        format!("{} {}", out.trim(), err.trim())
    };
    Ok((status.success(), said.trim().to_owned()))
}

/// Reads to the end, aside: a pipe has no deadline.
fn listen(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stream.take(MOST).read_to_end(&mut text);
        // Nobody listens any more where it came too late.
        let _ = tell.send(String::from_utf8_lossy(&text).into_owned());
    });
    told
}

fn wait(child: &mut Child, until: Deadline) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        until.left()?;
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a helper, and what it has started.
fn end(child: &mut Child) {
    // It may have ended by itself meanwhile, with or without others.
    #[cfg(unix)]
    {
        let group = i32::try_from(child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let _ = group
            .map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL));
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    #[test]
    fn what_a_helper_leaves_behind_is_not_waited_for() {
        let folder = std::env::temp_dir().join(format!("pullwhy-helper-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let program = folder.join("helper");
        let script = "#!/bin/sh\n(sleep 30)&\necho '{\"Username\":\"u\",\"Secret\":\"p\"}'\n";
        std::fs::write(&program, script).expect("a file");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, executable).expect("a script");
        let started = Instant::now();
        let said = run(
            &mut Command::new(&program),
            "r.test",
            Duration::from_secs(1),
        );
        let took = started.elapsed();
        std::fs::remove_dir_all(&folder).expect("the folder goes");
        assert!(took < Duration::from_secs(10), "{took:?}");
        let kind = said.expect_err("it holds its output open").kind();
        assert_eq!(kind, io::ErrorKind::TimedOut);
    }
}
