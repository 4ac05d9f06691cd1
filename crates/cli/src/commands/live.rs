//! `--check`: walks the pull paths of the images that logs name, to tell apart what the logs leave
//! open. Which hops tell, and what follows, is for `diagnose`.
//!
//! Logs are written by strangers: an image is walked only as far as needed, by the guard of the
//! probe, with the credentials that are stored for its registry; few images, in bounded time.

mod place;
mod plan;
mod task;
mod writer;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{Walked, confront, judge, unchecked};
use pullwhy_ingest::facts::split_port;
use pullwhy_model::text::clean;
use pullwhy_model::{Condition, Hop, Incident, Timestamp};
use pullwhy_probe::{Guard, Walk, walk, walk_to_daemon, walk_to_registry};

use self::task::{Task, tasks};
use self::writer::{hint, logs_in_by_itself};
use crate::terminal;

pub(super) use self::plan::Plan;

/// Images that are walked in one run.
const IMAGES: usize = 8;
/// Images that are walked at a time; most of its time a walk waits.
const AT_ONCE: usize = 4;

/// How often it is looked whether somebody still waits.
const LOOK: Duration = Duration::from_millis(100);

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
        announce(walked, plan.options.guard);
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
fn announce(tasks: &[Task], guard: Guard) {
    for task in tasks {
        let image = clean(&task.image.reference, 200);
        let registry = task.image.registry.as_deref().unwrap_or_default();
        let host = split_port(registry).0.trim_matches(['[', ']']);
        let hops = match task.until {
            Hop::Reference => "the name alone is looked at".to_owned(),
            Hop::Config => "this machine's engine alone is looked at".to_owned(),
            _ if guard.refuses_host(host).is_some() => {
                format!("{} is not asked", clean(registry, 200))
            }
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
