//! The engines' lines of the system's journal, through `journalctl`.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pullwhy_catalogue::Catalogue;
use pullwhy_explain::Options;
use pullwhy_model::Report;
use pullwhy_model::text::{clean, scrub};

use crate::exit::Failure;
use crate::terminal;

/// Units whose lines tell of pulls: services of engines, and what starts containers.
const UNITS: [&str; 10] = [
    "docker.service",
    "snap.docker.dockerd.service",
    "containerd.service",
    "kubelet.service",
    "k3s.service",
    "k3s-agent.service",
    "rke2-server.service",
    "rke2-agent.service",
    "crio.service",
    "podman*",
];
/// How long `journalctl` may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that are read at most.
const MOST: u64 = 4 << 30;

/// The failed pulls that the journal tells of, and the journal's name; `None` where there is none.
pub(super) fn explained(
    catalogue: &Catalogue,
    root: Option<&Path>,
    options: &Options,
) -> Result<Option<(String, Report)>, Failure> {
    let mut command = Command::new("journalctl");
    command.args(["--output=json", "--no-pager", "--quiet", "--all"]);
    command.args(UNITS.iter().flat_map(|unit| ["--unit", unit]));
    if let Some(since) = options.since {
        command.arg(format!("--since=@{}", since.as_second()));
    }
    if let Some(root) = root {
        let folder = root.join("var/log/journal");
        if !folder.is_dir() {
            return Ok(None);
        }
        command.arg("--directory").arg(folder);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(
                Failure::new(format!("running `journalctl` failed: {error}"))
                    .help("`--no-logs` leaves the logs out"),
            );
        }
    };
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Failure::new(
            "running `journalctl` failed: its output cannot be read",
        ));
    };
    let said = thread::spawn(move || {
        let mut text = String::new();
        let _ = err.take(16 << 10).read_to_string(&mut text);
        text
    });
    let (report, late) = read(catalogue, out, &mut child, options);
    let status = child
        .wait()
        .map_err(|error| Failure::new(format!("waiting for `journalctl` failed: {error}")))?;
    let said = said.join().unwrap_or_default();
    let said = said.lines().next().unwrap_or_default();
    if late {
        terminal::warning(
            &format!(
                "`journalctl` took longer than {} s; what it gave until then was read",
                PATIENCE.as_secs()
            ),
            &["ask for less with `--since`".to_owned()],
        );
    } else if !status.success() || report.stats.lines == 0 && !said.is_empty() {
        // No journal was ever kept here, as in a container; or it may not be read.
        if report.stats.lines == 0 {
            if !said.is_empty() {
                terminal::warning(
                    &format!("`journalctl` gave nothing: {}", clean(&scrub(said), 300)),
                    &["if the journal may be read by some only, run it by sudo".to_owned()],
                );
            }
            return Ok(None);
        }
        terminal::warning(
            &format!(
                "`journalctl` ended with {status}: {}",
                clean(&scrub(said), 300)
            ),
            &[],
        );
    }
    Ok(Some(("journalctl".to_owned(), report)))
}

/// Reads until the program ends, or is ended for taking too long.
fn read(
    catalogue: &Catalogue,
    out: impl Read,
    child: &mut Child,
    options: &Options,
) -> (Report, bool) {
    let done = Arc::new(AtomicBool::new(false));
    let late = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        let (done, late) = (&done, &late);
        scope.spawn(move || {
            let began = Instant::now();
            while !done.load(Ordering::Relaxed) {
                if began.elapsed() > PATIENCE {
                    late.store(true, Ordering::Relaxed);
                    let _ = child.kill();
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let mut out = out.take(MOST);
        let report =
            pullwhy_explain::explain_stream(catalogue, "journalctl", &mut out, options, &mut ());
        done.store(true, Ordering::Relaxed);
        report
    });
    (report, late.load(Ordering::Relaxed))
}
