//! What settings show, what they rule out, and what is undecided because something was not read.

use pullwhy_catalogue::setting::{SettingRule, meets};
use pullwhy_catalogue::{Catalogue, CauseIndex, fill};
use pullwhy_model::{CauseId, Check, Confidence, Hop, Reading, Settings, Unread};

use crate::build::check;

/// Readings shown for one rule at most.
const READINGS: usize = 8;

/// A cause that settings show, or rule out.
pub(super) struct Shown<'c> {
    pub(super) cause: CauseIndex,
    pub(super) rule: &'c SettingRule,
    pub(super) strength: Confidence,
    /// What the deciding fact was read from.
    pub(super) from: Vec<Reading>,
    /// What the others were read from.
    pub(super) besides: Vec<Reading>,
}

impl Shown<'_> {
    pub(super) fn id<'c>(&self, catalogue: &'c Catalogue) -> &'c CauseId {
        &catalogue.at(self.cause).id
    }

    pub(super) fn hop(&self, catalogue: &Catalogue) -> Hop {
        catalogue.at(self.cause).file.hop
    }

    pub(super) fn says(&self, settings: &Settings) -> String {
        fill(self.rule.says.trim(), &settings.facts, false)
    }

    /// What to look at where it is one of several: the first step of its own fix, if that only looks.
    pub(super) fn look(&self, settings: &Settings) -> Option<Check> {
        let step = self.rule.fix.as_ref()?.steps.first()?;
        let command = step.command.as_deref()?;
        let check = check(&step.text, Some(command), &settings.facts);
        check.changes.is_none().then_some(check)
    }
}

/// All rules of the catalogue over the settings of one pull.
#[derive(Default)]
pub(super) struct Weighed<'c> {
    /// The best rule for each cause that is shown.
    pub(super) shown: Vec<Shown<'c>>,
    pub(super) excluded: Vec<Shown<'c>>,
    /// What tells more of a cause that is known.
    pub(super) more: Vec<Shown<'c>>,
    /// What was not read, and a cause that hangs on it.
    pub(super) open: Vec<(Unread, CauseIndex)>,
}

impl<'c> Weighed<'c> {
    /// `tells`: whether a rule of a cause can be behind the failure; of those that hold, it comes first.
    pub(super) fn of(
        catalogue: &'c Catalogue,
        settings: &Settings,
        tells: &dyn Fn(&CauseId, &SettingRule) -> bool,
    ) -> Self {
        let mut weighed = Self::default();
        for (cause, entry) in (0..).zip(catalogue.causes()) {
            let mut best: Option<Shown<'c>> = None;
            let mut out: Option<Shown<'c>> = None;
            for rule in &entry.file.settings {
                match holds(rule, settings) {
                    Some(true) if rule.context => {
                        weighed.more.push(shown(cause, rule, settings));
                        continue;
                    }
                    Some(true) => {}
                    Some(false) => continue,
                    None if rule.context => continue,
                    None => {
                        weighed.open.extend(
                            missing(rule, settings)
                                .into_iter()
                                .map(|u| (u.clone(), cause)),
                        );
                        continue;
                    }
                }
                let shown = shown(cause, rule, settings);
                let place = if rule.rules_out { &mut out } else { &mut best };
                let rank = |s: &Shown<'_>| {
                    let tells = tells(&entry.id, s.rule);
                    (tells, s.strength, s.rule.when.len())
                };
                let better = place.as_ref().is_none_or(|old| rank(&shown) > rank(old));
                if better {
                    *place = Some(shown);
                }
            }
            // Of a cause that is shown nothing is left undecided.
            if best.is_some() {
                weighed.open.retain(|(_, c)| *c != cause);
                out = None;
            }
            weighed.shown.extend(best);
            weighed.excluded.extend(out);
        }
        weighed
    }
}

/// Whether all conditions hold; `None` where that hangs on what is not known.
fn holds(rule: &SettingRule, settings: &Settings) -> Option<bool> {
    let mut all = Some(true);
    for (name, wanted) in &rule.when {
        let word = settings.known.get(name.as_str()).map(|s| s.value);
        match meets(wanted, word) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

/// What was not read and is needed. Where another fact is missing for no reason of its own, it may
/// hang on the same answer: better told as open than passed over.
fn missing<'s>(rule: &SettingRule, settings: &'s Settings) -> Vec<&'s Unread> {
    rule.when
        .iter()
        .filter(|(name, wanted)| {
            !wanted.starts_with('!') && !settings.known.contains_key(name.as_str())
        })
        .filter_map(|(name, _)| settings.unknown.get(name.as_str()))
        .collect()
}

fn shown<'c>(cause: CauseIndex, rule: &'c SettingRule, settings: &Settings) -> Shown<'c> {
    let of = |name: &str| {
        let setting = settings.known.get(name);
        setting.map(|s| s.from.clone()).unwrap_or_default()
    };
    let decides = rule.decides.as_ref().or_else(|| rule.when.keys().next());
    let mut from = decides.map(|name| of(name)).unwrap_or_default();
    from.truncate(READINGS);
    let mut besides: Vec<Reading> = Vec::new();
    let others = rule.when.keys().filter(|name| Some(*name) != decides);
    for reading in others.flat_map(|name| of(name)) {
        if !from.contains(&reading) && !besides.contains(&reading) && besides.len() < READINGS {
            besides.push(reading);
        }
    }
    Shown {
        cause,
        rule,
        strength: rule.strength.unwrap_or(Confidence::Possible),
        from,
        besides,
    }
}
