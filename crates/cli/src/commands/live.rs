//! `--check`: walks the pull paths of the images that logs name, to tell apart what the logs leave
//! open. Which hops tell, and what follows, is for `diagnose`.
//!
//! Logs are written by strangers: an image is walked only as far as needed, by the guard of the
//! probe, with the credentials that are stored for its registry; few images, in bounded time.

mod place;
mod writer;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{Walked, asks_daemon, confront, judge, last_hop, unchecked};
use pullwhy_model::text::clean;
use pullwhy_model::{Condition, Confidence, Hop, Image, Incident, Outcome, Timestamp};
use pullwhy_probe::{
    AuthPlan, Engine, Guard, Options, Platform, Walk, auth_plan, docker_address, docker_socket,
    walk, walk_to_daemon, walk_to_registry,
};

use self::writer::{engine_of, hint, logs_in_by_itself};
use crate::args::LiveArgs;
use crate::exit::Failure;
use crate::terminal;

/// Images that are walked in one run.
const IMAGES: usize = 8;
/// Images that are walked at a time; most of its time a walk waits.
const AT_ONCE: usize = 4;

/// After a command: the longest for a hop and for all. Its status is waited for.
const AFTER_COMMAND: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(15));
/// How often it is looked whether somebody still waits.
const LOOK: Duration = Duration::from_millis(100);

/// How to check, and what is known of where the pulls failed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    options: Options,
    same: BTreeSet<Condition>,
    /// The longest that all walks may take.
    total: Duration,
    /// Whether the hosts are told.
    tells: bool,
    /// The image that was asked for, where the log does not say.
    image: Option<Image>,
    /// When the pulls failed, where the log does not say.
    failed_at: Option<Timestamp>,
    /// Leave out what the log proves: there is nothing to tell apart.
    only_open: bool,
    /// `--authfile`, as given.
    authfile: Option<PathBuf>,
    /// Walk as the engine that wrote the log: its settings are those of this machine.
    follows: bool,
    /// What is not known to be the same can be said by an option.
    hints: bool,
    /// From where is checked, where a command and not the user said it.
    says: Option<String>,
    /// Set when nobody wants to wait any more.
    stop: Arc<AtomicBool>,
}

impl Plan {
    /// By what was written on the command line.
    pub(super) fn given(args: &LiveArgs, quiet: bool) -> Result<Self, Failure> {
        for (name, value) in [("--timeout", args.timeout), ("--check-time", args.total)] {
            if !(0.05..=3600.0).contains(&value) {
                return Err(Failure::new(format!("`{name} {value}` is out of range"))
                    .help("give seconds between 0.05 and 3600"));
            }
        }
        super::check::can_be_read("--authfile", args.authfile.as_deref())?;
        let environment = super::check::shell();
        let mut same = BTreeSet::new();
        if args.same_machine {
            same.extend([Condition::Network, Condition::Credentials, Condition::Host]);
        }
        if args.authfile.is_some() {
            same.insert(Condition::Credentials);
        }
        Ok(Self {
            options: Options {
                timeout: Duration::from_secs_f64(args.timeout),
                guard: if args.same_machine {
                    Guard::Metadata
                } else {
                    Guard::Here
                },
                ..super::check::seen_by(args.engine, args.authfile.as_deref(), &environment)
            },
            same,
            total: Duration::from_secs_f64(args.total),
            tells: !quiet,
            image: None,
            failed_at: None,
            only_open: false,
            authfile: args.authfile.clone(),
            follows: args.same_machine && args.engine.is_none(),
            hints: true,
            says: None,
            stop: Arc::default(),
        })
    }

    /// After a command that failed: as it would pull itself, as far as its words and its output tell.
    pub(super) fn after(command: &[OsString], incidents: &[Incident], quiet: bool) -> Self {
        let environment = super::check::shell();
        let around = place::Surroundings::now(&environment);
        let client = incidents.first().map_or("unknown", |i| i.client.as_str());
        let mut place = place::of_command(command, client, around);
        let mut options = Options {
            timeout: AFTER_COMMAND.0,
            ..super::check::seen_by(place.engine, None, &environment)
        };
        // A service whose proxies are known is followed with them, whatever this shell has.
        let setup = options.setup.as_ref();
        if place.by_service && setup.is_some_and(|setup| setup.proxy.is_some()) {
            place.same.extend(place::MACHINE);
        }
        match place.logins {
            place::Logins::OfEngine => {}
            place::Logins::Of(engine) => {
                options.auth = auth_plan(Some(engine), None, &environment);
            }
            place::Logins::Nobodys => options.auth = AuthPlan::default(),
        }
        options.guard = if place.same.is_empty() {
            Guard::Here
        } else {
            Guard::Metadata
        };
        Self {
            options,
            same: place.same,
            total: AFTER_COMMAND.1,
            tells: !quiet,
            image: place.image,
            failed_at: Some(Timestamp::now()),
            only_open: true,
            authfile: None,
            follows: false,
            hints: false,
            says: Some(place.says),
            stop: Arc::default(),
        }
    }

    /// Options of a walk as an engine of this machine, where the log names it.
    fn as_engine(&self, engine: Option<Engine>) -> Options {
        if engine.is_none() {
            return self.options.clone();
        }
        let environment = super::check::shell();
        Options {
            timeout: self.options.timeout,
            guard: self.options.guard,
            ..super::check::seen_by(engine, self.authfile.as_deref(), &environment)
        }
    }

    /// A flag that ends the waiting when it is set.
    pub(super) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }
}

/// A walk to make, and for which incidents.
struct Task {
    /// Without a repository it is the registry that is walked to, without that the engine's daemon.
    image: Image,
    platform: Option<Platform>,
    /// As which engine, where the log says so.
    engine: Option<Engine>,
    /// Whether its daemon is asked.
    daemon: bool,
    /// Where the log's client asked it, if not where this shell's would.
    daemon_at: Option<PathBuf>,
    until: Hop,
    incidents: Vec<usize>,
}

/// Sets every incident beside a walk over its image, or says why there is none.
pub(super) fn check(catalogue: &Catalogue, incidents: &mut [Incident], plan: &Plan) {
    let mut left = Vec::new();
    let tasks = tasks(catalogue, incidents, plan, &mut left);
    let (walked, over) = tasks.split_at(tasks.len().min(IMAGES));
    for task in over {
        let why = format!(
            "the first {IMAGES} images of the logs were checked, and this is another: narrow it with `--image`"
        );
        left.extend(task.incidents.iter().map(|at| (*at, why.clone())));
    }
    if plan.tells && !walked.is_empty() {
        announce(walked);
    }
    let walks = walks(walked, plan);
    if plan.tells && !walked.is_empty() {
        tell_hosts(&walks);
    }
    for (task, walk) in walked.iter().zip(walks) {
        let Some(mut found) = walk else {
            let why = format!(
                "its time was over: {} s for all images",
                plan.total.as_secs_f64()
            );
            left.extend(task.incidents.iter().map(|at| (*at, why.clone())));
            continue;
        };
        let judged = judge(catalogue, &found.image, &mut found.rows);
        for at in &task.incidents {
            let mut same = plan.same.clone();
            if plan.authfile.is_none() && !logs_in_by_itself(&incidents[*at]) {
                same.remove(&Condition::Credentials);
            }
            if task.platform.is_some() || plan.same.contains(&Condition::Host) {
                same.insert(Condition::Platform);
            }
            let walked = Walked {
                image: &found.image,
                rows: &found.rows,
                judged: &judged,
                elapsed_ms: found.elapsed_ms,
                until: task.until,
                at: Timestamp::now(),
                failed_at: incidents[*at].last_seen.or(plan.failed_at),
                same: &same,
            };
            let mut checked = confront(catalogue, incidents[*at].clone(), &walked);
            if plan.hints {
                hint(&mut checked);
            }
            checked.notes.extend(plan.says.clone());
            incidents[*at] = checked;
        }
    }
    for (at, why) in left {
        incidents[at] = unchecked(incidents[at].clone(), why);
    }
}

/// One task an image and platform, in the order of the logs.
fn tasks(
    catalogue: &Catalogue,
    incidents: &[Incident],
    plan: &Plan,
    left: &mut Vec<(usize, String)>,
) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for (at, incident) in incidents.iter().enumerate() {
        if plan.only_open && incident.confidence == Confidence::Certain {
            continue;
        }
        if incident.outcome == Outcome::Recovered {
            left.push((at, "a later attempt in the log succeeded".to_owned()));
            continue;
        }
        let Some(until) = last_hop(catalogue, incident) else {
            left.push((at, "no hop of a check tells of its cause".to_owned()));
            continue;
        };
        let named = incident.image.clone();
        let whole = named.clone().filter(|image| image.repository.is_some());
        let image = whole
            .or_else(|| plan.image.clone())
            .or(named)
            .or_else(|| registry(incident));
        let image = match image.filter(is_whole) {
            Some(image) => image,
            None if until <= Hop::Config => Image::default(),
            None => {
                let why = "the log names neither the image nor its registry in full: `pullwhy check IMAGE` checks one";
                left.push((at, why.to_owned()));
                continue;
            }
        };
        let until = if image.repository.is_none() {
            until.min(Hop::Ping)
        } else {
            until
        };
        let platform = incident.facts.get("platform").map(ToString::to_string);
        let platform = platform.as_deref().and_then(Platform::parse);
        let engine = engine_of(incident).filter(|_| plan.follows);
        let mut daemon = asks_daemon(catalogue, incident);
        let docker = engine.or(plan.options.engine) == Some(Engine::Docker);
        let named = daemon_of(incident).filter(|_| daemon && docker);
        let daemon_at = named.as_deref().and_then(docker_socket);
        if let Some(named) = named.filter(|_| daemon_at.is_none()) {
            if until <= Hop::Config {
                let own = docker_address(&super::check::shell());
                let why = format!(
                    "the log's client asks `{named}`, and only sockets of this machine are asked; that of this shell asks `{own}`"
                );
                left.push((at, why));
                continue;
            }
            daemon = false;
        }
        // What a log names is asked only where it is of this machine.
        let daemon_at = daemon_at.filter(|_| plan.same.contains(&Condition::Host));
        let same = |t: &&mut Task| {
            (&t.platform, t.engine, t.daemon, &t.daemon_at)
                == (&platform, engine, daemon, &daemon_at)
                && pullwhy_reference::canonical(&t.image) == pullwhy_reference::canonical(&image)
        };
        match tasks.iter_mut().find(same) {
            Some(task) => {
                task.until = task.until.max(until);
                task.incidents.push(at);
            }
            None => tasks.push(Task {
                image,
                platform,
                engine,
                daemon,
                daemon_at,
                until,
                incidents: vec![at],
            }),
        }
    }
    tasks
}

/// The address of the daemon that the log's client asked, where it says so.
fn daemon_of(incident: &Incident) -> Option<String> {
    let fact = |name: &str| incident.facts.get(name).map(ToString::to_string);
    // Other daemons' sockets are in logs of Docker too.
    let socket = || fact("socket").filter(|path| path.ends_with("/docker.sock"));
    fact("daemon_address").or_else(|| socket().map(|path| format!("unix://{path}")))
}

/// The registry alone, where the log names no image.
fn registry(incident: &Incident) -> Option<Image> {
    let host = incident.facts.get("registry")?.to_string();
    Some(Image {
        reference: host.clone(),
        registry: Some(host),
        ..Image::default()
    })
}

/// Whether a name is as it was written: what was cut or blacked out is another name.
fn is_whole(image: &Image) -> bool {
    !image
        .reference
        .contains(['…', '*', char::REPLACEMENT_CHARACTER])
}

/// Makes the walks, some at a time. `None`: it was not done when the time was over.
fn walks(tasks: &[Task], plan: &Plan) -> Vec<Option<Walk>> {
    let mut done: Vec<Option<Walk>> = tasks.iter().map(|_| None).collect();
    let until = Instant::now() + plan.total;
    let bar = terminal::Spinner::new(plan.tells && terminal::is_watched());
    let (tell, told) = mpsc::channel();
    let mut waiting = tasks.iter().enumerate();
    let mut running = 0;
    let mut ended = 0;
    loop {
        while running < AT_ONCE
            && let Some((at, task)) = waiting.next()
        {
            running += 1;
            let (tell, image) = (tell.clone(), task.image.clone());
            let mut options = plan.as_engine(task.engine);
            options.until = Some(task.until);
            options.ask_engine = task.daemon;
            options.daemon_at.clone_from(&task.daemon_at);
            if let Some(platform) = &task.platform {
                options.platform = platform.clone();
            }
            // Not waited for when the time is over: it ends with the program.
            std::thread::spawn(move || {
                let reference = &image.reference;
                let found = match (&image.repository, &image.registry) {
                    (Some(_), _) => walk(reference, &options, &mut ()),
                    (None, Some(_)) => walk_to_registry(reference, &options, &mut ()),
                    (None, None) => walk_to_daemon(&options, &mut ()),
                };
                let _ = tell.send((at, found));
            });
        }
        if running == 0 {
            break;
        }
        bar.say(&format!("checking, {ended} of {} images done", tasks.len()));
        let left = until.saturating_duration_since(Instant::now());
        match told.recv_timeout(left.min(LOOK)) {
            Ok((at, walk)) => {
                running -= 1;
                ended += 1;
                done[at] = Some(walk);
            }
            Err(RecvTimeoutError::Timeout) if left > LOOK && !plan.stop.load(Relaxed) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    bar.clear();
    done
}

/// Says before anything is sent whom it is sent to.
fn announce(tasks: &[Task]) {
    for task in tasks {
        let image = clean(&task.image.reference, 200);
        let registry = task.image.registry.as_deref().unwrap_or_default();
        let hops = match task.until {
            Hop::Reference => "the name alone is looked at".to_owned(),
            Hop::Config => "this machine's engine alone is looked at".to_owned(),
            hop => format!("asks {}, as far as `{hop}`", clean(registry, 200)),
        };
        let of = if image.is_empty() { "" } else { ": " };
        terminal::note(&format!("check: {image}{of}{hops}"));
    }
}

/// Further hosts that the registries sent to.
fn tell_hosts(walks: &[Option<Walk>]) {
    let rows = walks.iter().flatten().flat_map(|w| &w.rows);
    let reached =
        rows.filter(|r| matches!(r.hop, Hop::Tcp) && r.saw.as_deref() != Some("not-contacted"));
    let hosts: BTreeSet<&str> = reached.map(|r| r.target.as_str()).collect();
    if !hosts.is_empty() {
        let hosts: Vec<&str> = hosts.into_iter().collect();
        terminal::note(&format!("check: contacted {}", hosts.join(", ")));
    }
}
