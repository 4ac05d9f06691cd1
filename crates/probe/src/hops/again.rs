//! Hops that are tried as often as the engine tries them (`engine::again`): within the time of a hop,
//! or of the walk where all of it is repeated.
//!
//! Silence is waited for once, whatever the engine does: it costs its whole time each time.
//!
//! A fault that a further try made good is a warning of the hop, with what came before; one that stays
//! says how often it was asked.

use std::time::{Duration, Instant};

use pullwhy_model::{Fact, Hop, HopRow, Status};

use crate::engine::again::{Again, Asked, Came, Own, Policy, Resume, is_whole};
use crate::net::Deadline;
use crate::net::clock::Clock;
use crate::net::connect::Net;
use crate::options::Options;
use crate::rows::Rows;

/// The fact of a row whose hop failed first, and worked at a later try: what came before.
const PASSED: &str = "passed_try";

/// The fact of a row that failed, and may not have if the engine's wait had been kept to: how long it is.
const WAIT_LEFT_OUT: &str = "wait_left_out";

/// The tries of one thing.
pub(crate) struct Tries {
    policy: &'static Policy,
    asked: Asked,
    /// No other endpoint is left.
    last: bool,
    clock: Clock,
    own: Own,
    until: Deadline,
    /// How each try ended; one of two requests counts for two.
    came: Vec<Came>,
    /// How often it was asked for.
    asked_for: usize,
    /// How often it was tried again.
    repeats: usize,
    /// How the first one ended.
    first: Option<HopRow>,
    says: &'static str,
    /// A wait that was not kept to: the engine's, and this one.
    shortened: Option<(Duration, Duration)>,
    /// A wait for which there is no time.
    too_long: Option<Duration>,
}

impl Tries {
    /// `None`: whoever is followed asks once.
    pub(crate) fn of(net: &Net<'_>, asked: Asked, until: Deadline) -> Option<Self> {
        let policy = Policy::of(net.options)?;
        let own = Policy::own(net.options);
        let around = (net.is_last(), net.clock, until);
        Some(Self::new(policy, asked, around, own))
    }

    fn new(
        policy: &'static Policy,
        asked: Asked,
        (last, clock, until): (bool, Clock, Deadline),
        own: Own,
    ) -> Self {
        Self {
            policy,
            asked,
            last,
            clock,
            own,
            until,
            came: Vec::new(),
            asked_for: 0,
            repeats: 0,
            first: None,
            says: "",
            shortened: None,
            too_long: None,
        }
    }

    /// Whether it is tried again after this row. Waits as long as the engine does, if there is time.
    pub(crate) fn again(&mut self, failed: &HopRow) -> bool {
        let told = failed.facts.get("retry_after").map(ToString::to_string);
        let told = told.and_then(|text| wait_of(&text, &self.clock));
        self.note(failed);
        self.after(Came::of_row(failed), told)
    }

    /// Notes how a try ended.
    pub(crate) fn note(&mut self, failed: &HopRow) {
        self.first.get_or_insert_with(|| failed.clone());
    }

    /// The same as [`Self::again`], of what came by itself.
    pub(crate) fn after(&mut self, came: Came, told: Option<Duration>) -> bool {
        self.came.push(came);
        self.asked_for += 1;
        let again = self
            .policy
            .again(self.asked, &self.came, told, self.last, self.own);
        let Some(again) = again else {
            return false;
        };
        self.says = again.says;
        self.wait(again)
    }

    /// The same, of what ends a try that may be of two requests.
    pub(crate) fn ended(&mut self, came: Came) -> bool {
        self.ends(came);
        self.after(came, None)
    }

    /// What comes next ends a try, though it is the first of its two requests.
    pub(crate) fn ends(&mut self, came: Came) {
        if self.resume() == Resume::InPairs && is_whole(&self.came) {
            self.came.push(came);
        }
    }

    fn wait(&mut self, again: Again) -> bool {
        let left = self.until.left().unwrap_or_default();
        let fits = again.after < left;
        if left.is_zero() || (again.told && !fits) {
            self.too_long = Some(again.after);
            return false;
        }
        // A wait that does not fit leaves as much time for the answer.
        let wait = if fits { again.after } else { left / 2 };
        if !fits {
            self.shortened = Some((again.after, wait));
        }
        std::thread::sleep(wait);
        self.repeats += 1;
        true
    }

    /// From now on something else is asked for, of the same thing.
    pub(crate) fn fresh(&mut self) {
        self.came.clear();
    }

    /// How a body that breaks off is asked for again.
    pub(crate) fn resume(&self) -> Resume {
        self.policy.resume(self.own)
    }

    /// A later end than before.
    pub(crate) fn allow(&mut self, until: Deadline) {
        self.until = until;
    }

    /// Until when the next try may work.
    fn until(&self) -> Deadline {
        self.until
    }

    /// Tells in the rows of the last try what came before it.
    pub(crate) fn tell(self, made: &mut Vec<HopRow>) {
        let Some(mut first) = self.first.clone() else {
            return;
        };
        if let Some(failed) = made.iter_mut().find(|row| row.status == Status::Failed) {
            self.tell_failed(failed);
            return;
        }
        let same = |row: &&mut HopRow| row.hop == first.hop && row.target == first.target;
        if let Some(row) = made.iter_mut().find(same) {
            self.tell_passed(row);
        } else {
            first.status = Status::Ok;
            "works at a later try".clone_into(&mut first.summary);
            self.tell_passed(&mut first);
            made.insert(0, first);
        }
    }

    /// Tells it in the row of something that failed in the end.
    pub(crate) fn tell_failed(&self, row: &mut HopRow) {
        let who = self.policy.who;
        let (attempts, says) = match self.asked {
            Asked::Pull if self.repeats == 1 => (2, "the pull was repeated once".to_owned()),
            Asked::Pull => {
                let says = format!("the pull was repeated {} times", self.repeats);
                (self.repeats + 1, says)
            }
            _ => {
                // Who counts requests by itself has done so.
                let own = match row.facts.get("attempts") {
                    Some(Fact::Number(own)) => usize::try_from(*own).ok(),
                    _ => None,
                };
                let times = own.unwrap_or(self.asked_for);
                (times, format!("asked {times} times"))
            }
        };
        if attempts > 1 {
            let known = row.facts.entry("attempts".to_owned());
            known.or_insert_with(|| number(attempts));
            row.summary.push_str(&format!("; {says}, as {who} does"));
            self.say_shortened(row);
        }
        if let Some(wait) = self.too_long {
            let wait = seconds(wait);
            row.summary.push_str(&format!(
                "; {} after {wait}, for which this check has no time left",
                self.says
            ));
        }
        if let Some(wait) = self.left_out() {
            let wait = Fact::from(seconds(wait).as_str());
            row.facts.insert(WAIT_LEFT_OUT.to_owned(), wait);
        }
    }

    /// A wait of the engine's that was not kept to, where what came at last may have passed by it.
    fn left_out(&self) -> Option<Duration> {
        let wait = self.too_long.or(self.shortened.map(|(wanted, _)| wanted))?;
        let last = *self.came.last()?;
        self.policy
            .may_pass(self.asked, last, self.own)
            .then_some(wait)
    }

    /// Tells it in the row of something that worked in the end.
    pub(crate) fn tell_passed(&self, row: &mut HopRow) {
        let Some(first) = &self.first else { return };
        let times = match self.repeats {
            0 => return,
            1 => "once".to_owned(),
            n => format!("{n} times"),
        };
        let attempts = row.facts.entry("attempts".to_owned());
        attempts.or_insert_with(|| number(self.repeats + 1));
        row.facts
            .insert(PASSED.to_owned(), Fact::from(first.summary.as_str()));
        if let Some(status) = first.facts.get("http_status") {
            row.facts.insert("passed_status".to_owned(), status.clone());
        }
        row.summary.push_str(&format!(
            "; before that, {times}: {}; {}",
            first.summary, self.says
        ));
        self.say_shortened(row);
        // What is a warning by itself keeps its word.
        if row.status != Status::Warning {
            row.status = Status::Warning;
            row.saw.clone_from(&first.saw);
        }
    }

    fn say_shortened(&self, row: &mut HopRow) {
        if let Some((wanted, was)) = self.shortened {
            row.summary.push_str(&format!(
                ", after {}, where this check waited {}",
                seconds(wanted),
                seconds(was)
            ));
        }
    }
}

/// Does a hop as often as the engine does; all tries in the time of one.
pub(crate) fn as_often<T>(
    net: &Net<'_>,
    asked: Asked,
    rows: &mut Rows<'_>,
    mut once: impl FnMut(&mut Rows<'_>) -> T,
) -> T {
    let Some(mut tries) = Tries::of(net, asked, net.deadline()) else {
        return once(rows);
    };
    loop {
        let mut aside = rows.aside();
        let out = once(&mut aside);
        let mut made = aside.done();
        let failed = made.iter().find(|row| row.status == Status::Failed);
        if failed.is_some_and(|row| tries.again(row)) {
            // A host makes its rows only the first time that it is reached.
            made.retain(|row| matches!(row.hop, Hop::Dns | Hop::Tcp | Hop::Proxy | Hop::Tls));
            rows.replay(made);
            net.within(Some(tries.until()));
            continue;
        }
        net.within(None);
        tries.tell(&mut made);
        rows.replay(made);
        return out;
    }
}

/// Does a whole walk as often as the engine repeats a pull; all of them in the time of one.
pub(super) fn whole(
    (options, ends): (&Options, Deadline),
    rows: &mut Rows<'_>,
    mut once: impl FnMut(&Options, &mut Rows<'_>),
) {
    let policy = Policy::of(options).filter(|policy| policy.repeats(Asked::Pull));
    let Some(policy) = policy else {
        return once(options, rows);
    };
    let clock = Clock::new(options.now);
    let own = Policy::own(options);
    let mut tries = Tries::new(policy, Asked::Pull, (true, clock, ends), own);
    let started = Instant::now();
    let mut left = options.clone();
    loop {
        let mut aside = rows.aside();
        once(&left, &mut aside);
        let mut made = aside.done();
        let mut failed = made.iter().filter(|row| row.status == Status::Failed);
        // A wait within the pull for which there is no time is none that a repeated pull has.
        let waits = |row: &HopRow| row.facts.contains_key(WAIT_LEFT_OUT);
        if failed
            .next()
            .is_some_and(|row| !waits(row) && tries.again(row))
        {
            // The bytes of all tries have one time in common too.
            if let (Some(left), Some(pull)) = (&mut left.pull, &options.pull) {
                left.total = pull.total.saturating_sub(started.elapsed());
            }
            continue;
        }
        tries.tell(&mut made);
        return rows.replay(made);
    }
}

fn number(n: usize) -> Fact {
    Fact::Number(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The wait of a `Retry-After`: seconds, or a date in the future.
fn wait_of(text: &str, clock: &Clock) -> Option<Duration> {
    let text = text.trim();
    let seconds = text
        .parse()
        .ok()
        .or_else(|| u64::try_from(clock.ahead(text)?.checked_neg()?).ok());
    seconds.map(Duration::from_secs)
}

/// `5 s`, `1.5 s`.
fn seconds(wait: Duration) -> String {
    let tenths = (wait.as_secs_f64() * 10.0).round() / 10.0;
    format!("{tenths} s")
}
