//! `cargo xtask lab`: plays the lab's scenarios to real engines, records what they print, and holds
//! `pullwhy explain` and `pullwhy check --as` against it.

mod cri;
mod engine;
mod machine;
mod place;
mod record;
mod sandbox;
mod scrub;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pullwhy_lab::scenario::{self, Named};

use engine::Engine;
pub(crate) use sandbox::{Inside, inside};

/// The status of a lab that could not be entered: nothing was shown, and nothing failed.
const SKIPPED: u8 = 77;

/// Plays the lab's scenarios to real engines.
///
/// Every scenario is played to every engine in namespaces of its own: Docker, containerd (`ctr`
/// and its CRI service), Podman, Buildah and Skopeo, as Debian has them. Missing packages are
/// installed with apt. Nothing stays behind but the records.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask lab                                  play everything and print the matrix
  cargo xtask lab --engine docker --scenario 'tls/*'
  cargo xtask lab --record                         the same, and write lab/recorded anew
  cargo xtask lab --scenario tcp/refused --show    see what the engines print

Exit status: 0 all as it must be, 1 something is not, 2 the lab itself failed,
77 skipped: this machine is not root on Debian.")]
pub(crate) struct Arguments {
    /// Only this engine; may be repeated
    #[arg(long, value_name = "ENGINE", value_parser = Engine::ALL.map(Engine::name))]
    engine: Vec<String>,
    /// Only scenarios of such names; `*` stands for anything
    #[arg(
        long,
        value_name = "GLOB",
        default_value = "*",
        hide_default_value = true
    )]
    scenario: String,
    /// Write what engines print to lab/recorded
    #[arg(long)]
    record: bool,
    /// Print what engines print
    #[arg(long)]
    show: bool,
    /// Scenarios played at a time; most of their time they wait
    #[arg(long, value_name = "N", default_value_t = 8)]
    jobs: usize,
}

/// A scenario and an engine.
struct Job {
    named: Named,
    engine: Engine,
    version: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    if let Err(missing) = machine::prepare() {
        eprintln!("SKIPPED: the lab with real engines was not entered: there is no {missing}");
        return Ok(ExitCode::from(SKIPPED));
    }
    let tool = built()?;
    let jobs = jobs(arguments)?;
    println!("{} plays", jobs.len());
    let next = AtomicUsize::new(0);
    let failed: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(why) = play(job, &tool, arguments) {
                        eprintln!("{} {}: {why}", job.engine.name(), job.named.name);
                        failed.lock().expect("no panic").push(why);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic").len();
    Ok(ExitCode::from(u8::from(failed > 0) * 2))
}

fn play(job: &Job, tool: &Path, arguments: &Arguments) -> Result<(), String> {
    let played = sandbox::play(job.engine, &job.named.path, tool, false)?;
    let played = scrub::played(played);
    if arguments.show {
        println!(
            "=== {} {} {:?} {:.1}s\n$ {}\n{}---\n{}",
            job.engine.name(),
            job.named.name,
            played.exit,
            played.seconds,
            played.command,
            played.client,
            played.daemon
        );
    }
    let checked = sandbox::play(job.engine, &job.named.path, tool, true)?;
    println!(
        "{:10} {:36} pulled {:5} checked {:5} {:.0}s {:.0}s",
        job.engine.name(),
        job.named.name,
        played.pulled,
        checked.pulled,
        played.seconds,
        checked.seconds
    );
    if arguments.record {
        record::write(job, &played)?;
    }
    Ok(())
}

fn jobs(arguments: &Arguments) -> Result<Vec<Job>, String> {
    let mut jobs = Vec::new();
    let scenarios = scenario::load(&scenario::folder()).map_err(|e| e.to_string())?;
    for engine in Engine::ALL {
        let wanted = &arguments.engine;
        if !wanted.is_empty() && !wanted.iter().any(|name| name == engine.name()) {
            continue;
        }
        let version = engine.version()?;
        for named in &scenarios {
            let skips = named.scenario.skips(engine.name()).is_some();
            if !skips && fits(&arguments.scenario, &named.name) {
                jobs.push(Job {
                    named: named.clone(),
                    engine,
                    version: version.clone(),
                });
            }
        }
    }
    Ok(jobs)
}

/// Whether a name is as a pattern says.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let mut ends = (0..=name.len()).filter(|at| name.is_char_boundary(*at));
            ends.any(|at| fits(rest, &name[at..]))
        }),
    }
}

/// Builds `pullwhy`.
fn built() -> Result<PathBuf, String> {
    let cargo = env!("CARGO");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let made = Command::new(cargo)
        .args(["build", "--quiet", "-p", "pullwhy"])
        .current_dir(&root)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return Err("`cargo build -p pullwhy` failed".to_owned());
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(own.with_file_name("pullwhy"))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name) in [
            ("*", "a/b"),
            ("tls/*", "tls/x"),
            ("*ex*d", "tls/expired"),
            ("a", "a"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        assert!(!fits("tls/*", "dns/x") && !fits("tls/e", "tls/expired"));
    }
}
