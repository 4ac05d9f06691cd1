//! One bar a layer on standard error, while layers are fetched and somebody looks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pullwhy_probe::LayerProgress;

/// What is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(300);
/// Characters of a digest that are shown, as Docker shows them.
const SHORT: usize = 12;

/// Bars of the layers that are on their way.
pub(crate) struct LayerBars {
    wanted: bool,
    since: Option<Instant>,
    all: MultiProgress,
    shown: BTreeMap<usize, ProgressBar>,
}

impl LayerBars {
    /// Bars that are shown only if they are `wanted` and the work takes long.
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            since: None,
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10)),
            shown: BTreeMap::new(),
        }
    }

    /// Says how far the layers are. Those that are done, or not begun, have no bar: an image may
    /// have more layers than a terminal has lines.
    pub(crate) fn update(&mut self, layers: &[LayerProgress<'_>]) {
        let since = *self.since.get_or_insert_with(Instant::now);
        if !self.wanted || since.elapsed() < PATIENCE {
            return;
        }
        for (at, layer) in layers.iter().enumerate() {
            if layer.done || layer.got == 0 {
                if let Some(bar) = self.shown.remove(&at) {
                    bar.finish_and_clear();
                    self.all.remove(&bar);
                }
                continue;
            }
            let all = &self.all;
            let bar = self.shown.entry(at).or_insert_with(|| {
                let bar = all.add(ProgressBar::new(layer.size).with_style(style()));
                // What came before the bar says nothing of how fast it comes.
                bar.set_position(layer.got);
                bar.reset_eta();
                let value = layer.digest.rsplit(':').next().unwrap_or_default();
                bar.set_message(value.chars().take(SHORT).collect::<String>());
                bar
            });
            bar.set_position(layer.got);
        }
    }

    /// Does something that prints, with the bars out of the way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        if self.shown.is_empty() {
            print()
        } else {
            self.all.suspend(print)
        }
    }

    /// Takes the bars away.
    pub(crate) fn clear(&mut self) {
        for bar in std::mem::take(&mut self.shown).into_values() {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    let template = "{msg} [{wide_bar}] {bytes:>10} of {total_bytes} {bytes_per_sec:>12}";
    let plain = ProgressStyle::with_template(template);
    plain
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
