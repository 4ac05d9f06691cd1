//! One scenario played to one engine, in namespaces of its own.
//!
//! `unshare` makes the namespaces and runs this program in them once more. It is the first process
//! there: when it ends, or `unshare` is killed, the kernel ends all others and undoes all mounts.
//! So nothing is left behind, whatever happens.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use pullwhy_lab::scenario::{HostFault, Named, Scenario};
use pullwhy_model::Answer;
use serde::{Deserialize, Serialize};

use super::cri;
use super::engine::{Engine, Kind, Started, copy};
use super::place::{self, HOME, Place};
use super::system::{self, System};

/// The longest that a client may take; engines that never give up are ended then.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The longest that a client may work, on a machine with much else to do.
const WORK: Duration = Duration::from_secs(400);
/// How often it is looked whether anything works.
const LOOK: Duration = Duration::from_secs(10);
/// The part of a processor that is work, and no waiting.
const BUSY: f64 = 0.05;

/// What is to be played; handed over as arguments.
#[derive(clap::Args)]
pub(crate) struct Inside {
    /// Engine
    engine: String,
    /// File of the scenario
    scenario: PathBuf,
    /// `pullwhy`, to ask whether the engine can pull; without, the engine is asked to
    tool: PathBuf,
    /// Ask `pullwhy check` and not the engine
    #[arg(long)]
    check: bool,
    /// The system that the engines are of, if it is not this one
    #[arg(long)]
    system: Option<PathBuf>,
}

/// What came out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Played {
    /// What was typed.
    pub(crate) command: String,
    /// Exit status; none if it still waited.
    pub(crate) exit: Option<i32>,
    /// Whether the image is there, or can be had.
    pub(crate) pulled: bool,
    /// What the client printed.
    pub(crate) client: String,
    /// What the daemon logged meanwhile.
    pub(crate) daemon: String,
    /// Seconds it took.
    pub(crate) seconds: f64,
}

/// Plays a scenario in namespaces of its own.
pub(crate) fn play(
    engine: Engine,
    scenario: &Path,
    tool: &Path,
    system: &System,
    check: bool,
) -> Result<Played, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    command.arg("--").arg(own).arg("inside");
    command.arg(engine.name).arg(scenario).arg(tool);
    if check {
        command.arg("--check");
    }
    if let Some(folder) = &system.folder {
        command.arg("--system").arg(folder);
    }
    // Files of the scenario's servers; the folder is there when they are.
    command.env("TMPDIR", HOME);
    // Inside, the end of standard input is the end of this program.
    let done = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output_and_input)
        .map_err(|error| format!("`unshare`: {error}"))?;
    serde_json::from_slice(&done.stdout).map_err(|_| {
        let why = String::from_utf8_lossy(&done.stderr).into_owned();
        format!("{}: {}", done.status, why.trim())
    })
}

/// Waits with the standard input open, which `wait_with_output` closes.
trait Wait {
    fn wait_with_output_and_input(self) -> std::io::Result<std::process::Output>;
}

impl Wait for Child {
    fn wait_with_output_and_input(mut self) -> std::io::Result<std::process::Output> {
        let input = self.stdin.take();
        let done = self.wait_with_output();
        drop(input);
        done
    }
}

/// The first process of the namespaces.
pub(crate) fn inside(arguments: &Inside) -> Result<ExitCode, String> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0; 1]);
        #[allow(
            clippy::exit,
            reason = "who started this is gone; the kernel ends the rest"
        )]
        std::process::exit(3);
    });
    let engine = Engine::of(&arguments.engine).ok_or("an engine that the lab does not know")?;
    let Named { scenario, .. } =
        pullwhy_lab::scenario::read(&arguments.scenario).map_err(|error| error.to_string())?;
    let tool = match &arguments.system {
        Some(system) => system::enter(system, &arguments.tool)?,
        None => arguments.tool.clone(),
    };
    let place = Place::furnish(&scenario, engine, &tool)?;
    let played = if arguments.check {
        checked(&place, engine, &scenario)?
    } else {
        pulled(&place, engine)?
    };
    println!(
        "{}",
        serde_json::to_string(&played).map_err(|e| e.to_string())?
    );
    Ok(ExitCode::SUCCESS)
}

fn pulled(place: &Place, engine: Engine) -> Result<Played, String> {
    let started = start(place, engine)?;
    // A daemon that refused to start says why before it is asked anything.
    let before = match started {
        Started::Refused => 0,
        _ => text_of("daemon").len(),
    };
    let line = engine.pull(place);
    let Ended {
        exit,
        seconds,
        daemon,
    } = timed(place, &line)?;
    let told = text_of("client");
    let (done, client) = match engine.kind {
        Kind::Cri => cri::told(&told),
        _ => (exit == Some(0), told),
    };
    // What the daemon says last may come a moment after the answer. Where there was none, what it
    // says then is of the client's end.
    std::thread::sleep(Duration::from_millis(100));
    let daemon = daemon.unwrap_or_else(|| text_of("daemon"));
    Ok(Played {
        command: match engine.kind {
            Kind::Cri => cri::shown(&place.image),
            _ => line.join(" "),
        },
        exit: match (engine.kind, exit) {
            (Kind::Cri, Some(_)) => Some(i32::from(!done)),
            _ => exit,
        },
        pulled: done,
        client,
        daemon: daemon.get(before..).unwrap_or_default().to_owned(),
        seconds,
    })
}

/// Starts the engine's daemon, unless that is the fault, and spoils what is to be spoilt then.
fn start(place: &Place, engine: Engine) -> Result<Started, String> {
    let started = match place.fault {
        Some(HostFault::StoppedDaemon) => {
            // It has run before: that is why it is missed.
            place::write(&Path::new(engine.store()).join("engine-id"), "lab\n")?;
            Started::NoDaemon
        }
        _ => engine
            .start(place)
            .map_err(|why| format!("{why}\n{}", text_of("daemon")))?,
    };
    spoil_store(place, engine)?;
    Ok(started)
}

/// Makes the store read-only, where that is the fault.
fn spoil_store(place: &Place, engine: Engine) -> Result<(), String> {
    if place.fault != Some(HostFault::ReadOnlyStore) {
        return Ok(());
    }
    let store = engine.store();
    place::run("mount", &["--bind", store, store])?;
    place::run("mount", &["-o", "remount,bind,ro", store])
}

/// Asks `pullwhy check` whether the engine can pull. Its daemon runs beside, which `check` looks for.
fn checked(place: &Place, engine: Engine, scenario: &Scenario) -> Result<Played, String> {
    start(place, engine)?;
    let seconds = (scenario.timeout_ms as f64 / 1000.0).to_string();
    let mut line = vec!["/run/lab/pullwhy", "check", "--format", "json", "--pull"];
    line.extend(["--as", engine.followed_as(), "--timeout", &seconds]);
    line.extend(["--pull-timeout", "60"]);
    let ids = scenario
        .pull
        .as_ref()
        .and_then(|pull| pull.userns.as_deref());
    // Docker with containerd's store of images maps none.
    let ids = ids.filter(|_| engine.daemon_json.is_none());
    if let (Some(HostFault::UserNamespace), Some(ids)) = (place.fault, ids) {
        line.extend(["--userns-remap", ids]);
    }
    if let Some(platform) = place.platform.as_deref() {
        line.extend(["--platform", platform]);
    }
    if let Some(creds) = place.creds.as_deref() {
        line.extend(["--creds", creds]);
    }
    line.extend(["--", &place.image]);
    let line: Vec<String> = line.into_iter().map(str::to_owned).collect();
    let Ended { exit, seconds, .. } = timed(place, &line)?;
    let client = text_of("client");
    let report: Option<pullwhy_model::CheckReport> = client
        .lines()
        .find_map(|_| serde_json::from_str(&client).ok());
    Ok(Played {
        command: line.join(" "),
        exit,
        pulled: report.is_some_and(|report| report.verdict == Answer::Pullable),
        client,
        daemon: String::new(),
        seconds,
    })
}

/// How a client ended.
struct Ended {
    /// Its status; none if its time was over.
    exit: Option<i32>,
    seconds: f64,
    /// What the daemon had logged when the client's time was over.
    daemon: Option<String>,
}

/// Runs a client until it ends or its time is over.
fn timed(place: &Place, line: &[String]) -> Result<Ended, String> {
    let log = place::log("client")?;
    let (program, arguments) = line.split_first().ok_or("nothing to run")?;
    let started = Instant::now();
    let mut client = place
        .client(program)
        .args(arguments)
        .stdout(copy(&log)?)
        .stderr(log)
        .spawn()
        .map_err(|error| format!("`{program}`: {error}"))?;
    let mut looked = (started, seconds_worked());
    let mut until = started + PATIENCE;
    let mut daemon = None;
    let exit = loop {
        let now = Instant::now();
        if now.duration_since(looked.0) >= LOOK {
            let worked = seconds_worked();
            let part = (worked - looked.1) / now.duration_since(looked.0).as_secs_f64();
            if part >= BUSY {
                until = until.max((now + LOOK * 2).min(started + WORK));
            }
            looked = (now, worked);
        }
        match client.try_wait() {
            Ok(Some(status)) => break Some(status.code().unwrap_or(-1)),
            Ok(None) if now < until => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                daemon = Some(text_of("daemon"));
                let _ = client.kill();
                break None;
            }
        }
    };
    Ok(Ended {
        exit,
        seconds: started.elapsed().as_secs_f64(),
        daemon,
    })
}

/// Seconds of processors that all processes of this namespace have used; those that have ended
/// count with who waited for them.
fn seconds_worked() -> f64 {
    let listed = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ticks = listed.filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // utime, stime, cutime, cstime stand behind the name, which may hold anything: proc(5).
        let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
        Some(
            fields
                .filter_map(|field| field.parse::<f64>().ok())
                .sum::<f64>(),
        )
    });
    ticks.sum::<f64>() / 100.0
}

/// What a program has printed so far.
fn text_of(name: &str) -> String {
    let bytes = std::fs::read(Path::new(HOME).join(name)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
