//! `cargo xtask lab`: plays the lab's scenarios to real engines, records what they print, and holds
//! `pullwhy explain` and `pullwhy check --as` against it.

mod cri;
mod engine;
mod machine;
mod place;
mod record;
mod sandbox;
mod scrub;
mod system;
mod unit;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use pullwhy_catalogue::Catalogue;
use pullwhy_explain::{Options, explain_text};
use pullwhy_lab::fidelity;
use pullwhy_lab::recorded::Recorded;
use pullwhy_lab::run::side_by_side;
use pullwhy_lab::scenario::{self, Named};

use engine::Engine;
pub(crate) use sandbox::{Inside, inside};
use system::System;

/// The status of a lab that could not be entered: nothing was shown, and nothing failed.
const SKIPPED: u8 = 77;

/// Plays the lab's scenarios to real engines.
///
/// Every scenario is played to every engine in namespaces of its own: Docker (with its own store of
/// images, and with containerd's), containerd (`ctr` and its CRI service), Podman, Buildah and Skopeo,
/// as Debian has them. Missing packages are
/// installed with apt. Nothing stays behind but the records.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask lab                                  play everything and print the matrix
  cargo xtask lab --engine docker --scenario 'tls/*'
  cargo xtask lab --record                         the same, and write lab/recorded anew
  cargo xtask lab --suite forky                    engines of another release of Debian
  git diff lab/recorded                            what engines print otherwise than before

Exit status: 0 all as it must be, 1 something is not, 2 the lab itself failed,
77 skipped: this machine is not root on Debian.")]
pub(crate) struct Arguments {
    /// Only this engine; may be repeated
    #[arg(long, value_name = "ENGINE", value_parser = Engine::ALL.map(|engine| engine.name))]
    engine: Vec<String>,
    /// Only scenarios of such names; `*` stands for anything; may be repeated
    #[arg(
        long,
        value_name = "GLOB",
        default_value = "*",
        hide_default_value = true
    )]
    scenario: Vec<String>,
    /// Write what engines print to lab/recorded
    #[arg(long)]
    record: bool,
    /// The engines of this release of Debian (13 or newer), installed in a folder of their own with
    /// debootstrap; without, those of this machine
    #[arg(long, value_name = "SUITE")]
    suite: Option<String>,
    /// Scenarios played at a time; most of their time they wait
    #[arg(long, value_name = "N", default_value_t = 24)]
    jobs: usize,
}

/// A scenario and an engine.
struct Job {
    named: Named,
    engine: Engine,
    version: String,
    system: System,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    if let Err(missing) = machine::prepare() {
        eprintln!("SKIPPED: the lab with real engines was not entered: there is no {missing}");
        return Ok(ExitCode::from(SKIPPED));
    }
    let system = System::of(arguments.suite.as_deref())?;
    let tool = built()?;
    let catalogue = Catalogue::built_in().map_err(|error| error.to_string())?;
    let jobs = jobs(arguments, &system)?;
    println!("{} plays", jobs.len());
    let done = side_by_side(&jobs, arguments.jobs, |job| {
        let outcome = play(job, &tool, &catalogue, arguments);
        tell(job, &outcome);
        outcome
    });
    let played: Vec<Outcome> = done
        .iter()
        .filter_map(|o| o.as_ref().ok().cloned())
        .collect();
    let (broken, wrong) = (
        done.len() - played.len(),
        played
            .iter()
            .filter(|outcome| !outcome.wrong.is_empty())
            .count(),
    );
    let records: Vec<Recorded> = played.into_iter().map(|outcome| outcome.recorded).collect();
    let named: Vec<Named> = scenarios()?
        .into_iter()
        .filter(|named| fits_any(&arguments.scenario, &named.name))
        .collect();
    println!("\n{}", fidelity::markdown(&records, &named));
    println!("{wrong} not as they must be, {broken} not played");
    Ok(match (broken, wrong) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(1),
        _ => ExitCode::from(2),
    })
}

/// What came out of a play.
#[derive(Clone)]
struct Outcome {
    recorded: Recorded,
    seconds: f64,
    wrong: Vec<String>,
}

fn play(
    job: &Job,
    tool: &Path,
    catalogue: &Catalogue,
    arguments: &Arguments,
) -> Result<Outcome, String> {
    let played = scrub::played(sandbox::play(
        job.engine,
        &job.named.path,
        tool,
        &job.system,
        false,
    )?);
    let checked = sandbox::play(job.engine, &job.named.path, tool, &job.system, true)?;
    let recorded = record::of(job, &played, checked.pulled)?;
    let mut wrong = Vec::new();
    wrong.extend(fidelity::unexplained(&recorded.record, &job.named.scenario));
    for (text, client_only) in [(&recorded.log, false), (&played.client, true)] {
        let options = Options::default();
        let report = explain_text(catalogue, "-", text.as_bytes(), &options);
        let verdict = recorded.verdict(&report.incidents, client_only);
        // Where two limits race, an engine does not always print the same, and other words than the
        // recorded ones may leave less open.
        let verdict = verdict.or_else(|why| {
            let mut clear = recorded.clone();
            clear.record.open.clear();
            let told = clear.verdict(&report.incidents, client_only);
            told.map_err(|_| why)
        });
        if recorded.record.missed.is_none()
            && let Err(why) = verdict
        {
            let told: Vec<_> = report.incidents.iter().map(|i| i.cause.as_str()).collect();
            wrong.push(format!("{why}; told: {}", told.join(", ")));
        }
    }
    wrong.dedup();
    if arguments.record {
        record::write(&recorded)?;
    }
    Ok(Outcome {
        seconds: played.seconds,
        recorded,
        wrong,
    })
}

fn tell(job: &Job, outcome: &Result<Outcome, String>) {
    let name = format!("{:17} {:36}", job.engine.name, job.named.name);
    match outcome {
        Err(why) => eprintln!("{name} not played: {why}"),
        Ok(outcome) => {
            let record = &outcome.recorded.record;
            let did = if record.pulled { "pulls" } else { "fails" };
            println!("{name} {did} {:4.0}s", outcome.seconds);
            for why in &outcome.wrong {
                println!("    WRONG: {why}");
            }
        }
    }
}

fn scenarios() -> Result<Vec<Named>, String> {
    let mut all = scenario::load(&scenario::folder()).map_err(|e| e.to_string())?;
    all.extend(scenario::load(&scenario::host_folder()).map_err(|e| e.to_string())?);
    Ok(all)
}

fn jobs(arguments: &Arguments, system: &System) -> Result<Vec<Job>, String> {
    let mut jobs = Vec::new();
    let scenarios = scenarios()?;
    for engine in Engine::ALL {
        let wanted = &arguments.engine;
        if !wanted.is_empty() && !wanted.iter().any(|name| name == engine.name) {
            continue;
        }
        let version = engine.version(system)?;
        if !engine.is_of(&version) {
            continue;
        }
        for named in &scenarios {
            let skips = named.scenario.skips(engine.name, &version).is_some();
            if !skips && fits_any(&arguments.scenario, &named.name) {
                jobs.push(Job {
                    named: named.clone(),
                    engine,
                    version: version.clone(),
                    system: system.clone(),
                });
            }
        }
    }
    // Those that wait long begin first. The engines stay apart: where a scenario is work, all of
    // them at once take too long.
    jobs.sort_by_key(|job| (job.named.scenario.timeout_ms, !is_slow(&job.named.name)));
    Ok(jobs)
}

/// Whether engines are known to wait for minutes where `check` does not.
fn is_slow(name: &str) -> bool {
    ["rate-limited", "slow", "drip"]
        .iter()
        .any(|word| name.contains(word))
}

fn fits_any(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, name))
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
