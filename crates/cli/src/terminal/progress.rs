//! Progress on standard error, when somebody looks at it and the work takes long enough.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pullwhy_explain::Progress;

/// Work that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// A line that says how far the work is.
pub(crate) struct Bar {
    wanted: bool,
    started: Instant,
    shown: Option<ProgressBar>,
}

impl Bar {
    /// A bar that is shown only if it is `wanted` and the work takes long.
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            started: Instant::now(),
            shown: None,
        }
    }

    /// Says how far the work is.
    pub(crate) fn update(&mut self, progress: &Progress<'_>) {
        if !self.wanted || self.started.elapsed() < PATIENCE {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
        });
        if bar.length() != progress.total || bar.position() > progress.bytes {
            bar.set_style(style(progress.total.is_some()));
            match progress.total {
                Some(total) => bar.set_length(total),
                None => bar.unset_length(),
            }
        }
        let found = match progress.incidents {
            0 => String::new(),
            1 => ", 1 incident".to_owned(),
            n => format!(", {n} incidents"),
        };
        bar.set_message(format!("{}{found}", tail(progress.file)));
        bar.set_position(progress.bytes);
    }

    /// Does something that prints, with the bar out of the way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.shown {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.shown.take() {
            bar.finish_and_clear();
        }
    }
}

/// A line that says that something is waited for.
pub(crate) struct Spinner(Option<ProgressBar>);

impl Spinner {
    /// One that is shown only if it is `wanted`.
    pub(crate) fn new(wanted: bool) -> Self {
        Self(wanted.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        }))
    }

    /// Says what.
    pub(crate) fn say(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.to_owned());
        }
    }

    /// Takes it away.
    pub(crate) fn clear(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style(sized: bool) -> ProgressStyle {
    let template = if sized {
        "reading {msg}  {percent:>3}% of {total_bytes}, {bytes_per_sec}"
    } else {
        "reading {msg}  {bytes}, {bytes_per_sec}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The end of a long path says more than its start.
fn tail(path: &str) -> String {
    const MOST: usize = 36;
    let length = path.chars().count();
    if length <= MOST {
        return path.to_owned();
    }
    let end: String = path.chars().skip(length - MOST + 1).collect();
    format!("…{end}")
}
