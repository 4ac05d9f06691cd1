//! How incidents are checked: by what was written, or by what a command that failed tells of its place.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pullwhy_model::{Condition, Image, Incident, Timestamp};
use pullwhy_probe::{AuthPlan, Engine, Guard, Options, auth_plan};

use super::place;
use crate::args::LiveArgs;
use crate::commands::check::options::{can_be_read, seen_by};
use crate::commands::environment::shell;
use crate::exit::Failure;

/// After a command: the longest for a hop and for all. Its status is waited for.
const AFTER_COMMAND: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(15));
/// How to check, and what is known of where the pulls failed.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Plan {
    pub(super) options: Options,
    pub(super) same: BTreeSet<Condition>,
    /// The longest that all walks may take.
    pub(super) total: Duration,
    /// Whether the hosts are told.
    pub(super) tells: bool,
    /// The image that was asked for, where the log does not say.
    pub(super) image: Option<Image>,
    /// When the pulls failed, where the log does not say.
    pub(super) failed_at: Option<Timestamp>,
    /// Leave out what the log proves: there is nothing to tell apart.
    pub(super) only_open: bool,
    /// `--authfile`, as given.
    pub(super) authfile: Option<PathBuf>,
    /// Walk as the engine that wrote the log: its settings are those of this machine.
    pub(super) follows: bool,
    /// What is not known to be the same can be said by an option.
    pub(super) hints: bool,
    /// From where is checked, where a command and not the user said it.
    pub(super) says: Option<String>,
    /// Set when nobody wants to wait any more.
    pub(super) stop: Arc<AtomicBool>,
}

impl Plan {
    /// By what was written on the command line.
    pub(in crate::commands) fn given(args: &LiveArgs, quiet: bool) -> Result<Self, Failure> {
        for (name, value) in [("--timeout", args.timeout), ("--check-time", args.total)] {
            if !(0.05..=3600.0).contains(&value) {
                return Err(Failure::new(format!("`{name} {value}` is out of range"))
                    .help("give seconds between 0.05 and 3600"));
            }
        }
        can_be_read("--authfile", args.authfile.as_deref())?;
        let environment = shell();
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
                ..seen_by(args.engine, args.authfile.as_deref(), &environment)
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
    pub(in crate::commands) fn after(
        command: &[OsString],
        incidents: &[Incident],
        quiet: bool,
    ) -> Self {
        let environment = shell();
        let around = place::Surroundings::now(&environment);
        let client = incidents.first().map_or("unknown", |i| i.client.as_str());
        let mut place = place::of_command(command, client, around);
        let mut options = Options {
            timeout: AFTER_COMMAND.0,
            ..seen_by(place.engine, None, &environment)
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
    pub(super) fn as_engine(&self, engine: Option<Engine>) -> Options {
        if engine.is_none() {
            return self.options.clone();
        }
        let environment = shell();
        Options {
            timeout: self.options.timeout,
            guard: self.options.guard,
            ..seen_by(engine, self.authfile.as_deref(), &environment)
        }
    }

    /// A flag that ends the waiting when it is set.
    pub(in crate::commands) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }
}
