//! With which command line and environment a service is started, and with which it runs: unit and
//! drop-ins of systemd (systemd.unit(5), systemd.exec(5)), and the process itself.

mod files;
mod process;

use super::Setup;
use super::text::{Text, matching};
use crate::Environment;
use crate::trust::Source;

use files::{specified, whole_lines, words};
use process::Process;

/// Where units are, the most important first.
const FOLDERS: [&str; 4] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// Where the settings of systemd itself are, the most important first.
const MANAGER: [&str; 4] = [
    "etc/systemd",
    "run/systemd",
    "usr/lib/systemd",
    "lib/systemd",
];
/// Words and variables that are kept.
const MOST: usize = 1024;
/// Folders of units that are looked at.
const UNITS: usize = 65_536;

/// A word or variable and where it stands.
pub(super) type Placed = (String, Source);

/// How a service is started.
#[derive(Clone, Debug, Default)]
pub(super) struct Service {
    /// A unit was found.
    pub unit: bool,
    /// Its command line.
    pub command: Vec<Placed>,
    /// Its environment, as the unit says: name, value, place. The last of a name counts.
    variables: Vec<(String, String, Source)>,
    /// Variables of files that the unit names, which go before its own wherever they stand.
    of_files: Vec<(String, String, Source)>,
    /// What systemd gives to every service: `DefaultEnvironment` of `system.conf`.
    defaults: Vec<(String, String, Source)>,
    /// What is taken out of all that at last: names, or names with the value that they must have.
    unset: Vec<String>,
    /// What keeps systemd from starting it.
    wrong: Vec<Placed>,
    /// What systemd passes over.
    doubtful: Vec<Placed>,
    /// The process, where one runs.
    pub process: Option<Process>,
}

/// What the files of a unit say that counts only once all are read.
#[derive(Default)]
struct Collected {
    /// Commands, and the second and further ones.
    commands: usize,
    second: Option<Source>,
    /// `ExecStart` was emptied, and where.
    emptied: Option<Source>,
    oneshot: bool,
    /// Files of variables; with a `-` in front one need not be there.
    files: Vec<Placed>,
}

impl Service {
    /// Reads what starts a service, and looks whether its program runs.
    pub(super) fn read(environment: &Environment, unit: &str, program: &str) -> Self {
        let mut service = Self::default();
        let found = files::of(environment, &FOLDERS, unit);
        let mut collected = Collected::default();
        for text in &found.all {
            service.unit = true;
            service.take(unit, text, &mut collected);
        }
        // Without a unit systemd does not start it.
        if service.unit {
            service.defaults = defaults(environment);
        }
        if let Some(path) = found.masked {
            let says = "is masked: systemd does not start it".to_owned();
            service.wrong.push((says, Source::file(path)));
        }
        service.judge(unit, &collected, found.own);
        for (path, source) in &collected.files {
            service.environment_file(environment, path, source);
        }
        service.process = Process::find(environment, program);
        service
    }

    /// What systemd refuses of the commands (systemd.service(5)).
    fn judge(&mut self, unit: &str, collected: &Collected, own: bool) {
        if let Some(second) = collected.second.clone().filter(|_| !collected.oneshot) {
            let says = format!(
                "is a second `ExecStart` for {unit}, with no empty `ExecStart=` before it: systemd refuses the unit"
            );
            self.wrong.push((says, second));
        }
        let emptied = collected.emptied.clone().filter(|_| own);
        if let Some(source) = emptied.filter(|_| collected.commands == 0) {
            let says = format!("leaves {unit} without any `ExecStart`: systemd refuses the unit");
            self.wrong.push((says, source));
        }
    }

    /// Tells what is wrong with the unit.
    pub(super) fn tell(&self, program: &str, setup: &mut Setup) {
        for (says, source) in &self.wrong {
            setup.breaks_start(
                self,
                source,
                &format!("{says}, and {program} does not start"),
            );
        }
        for (says, source) in &self.doubtful {
            setup.warns(source, says.as_str());
        }
    }

    fn take(&mut self, unit: &str, file: &Text, collected: &mut Collected) {
        let words = |value: &str| -> Vec<String> {
            let all = words(value).into_iter();
            all.map(|word| specified(&word, unit)).collect()
        };
        let mut inside = false;
        for (line, at) in whole_lines(&file.text) {
            let line = line.trim();
            if line.starts_with('[') {
                inside = line == "[Service]";
                continue;
            }
            let Some((key, value)) = line.split_once('=').filter(|_| inside) else {
                continue;
            };
            let (value, source) = (value.trim(), file.source(at));
            match key.trim() {
                "Environment" if value.is_empty() => self.variables.clear(),
                "Environment" => {
                    for word in words(value) {
                        self.set(&word, &source);
                    }
                }
                "UnsetEnvironment" if value.is_empty() => self.unset.clear(),
                "UnsetEnvironment" => {
                    let room = MOST.saturating_sub(self.unset.len());
                    self.unset.extend(words(value).into_iter().take(room));
                }
                "EnvironmentFile" if value.is_empty() => collected.files.clear(),
                "EnvironmentFile" if collected.files.len() < MOST => {
                    collected.files.push((specified(value, unit), source));
                }
                "Type" => collected.oneshot = value == "oneshot",
                "ExecStart" if value.is_empty() => {
                    self.command.clear();
                    (collected.commands, collected.second) = (0, None);
                    collected.emptied = Some(source);
                }
                "ExecStart" => {
                    collected.commands += 1;
                    if collected.commands > 1 {
                        collected.second.get_or_insert_with(|| source.clone());
                    }
                    self.command.clear();
                    let value = value.trim_start_matches(['-', '@', ':', '+', '!']);
                    let all = words(value).into_iter().take(MOST);
                    self.command.extend(all.map(|word| (word, source.clone())));
                }
                _ => {}
            }
        }
    }

    fn set(&mut self, word: &str, source: &Source) {
        if let Some((name, value)) = word.split_once('=')
            && self.variables.len() < MOST
        {
            self.variables
                .push((name.to_owned(), value.to_owned(), source.clone()));
        }
    }

    /// Variables of a file. One that is not there keeps the service from starting, unless a `-` is in
    /// front of its name.
    fn environment_file(&mut self, environment: &Environment, named: &str, source: &Source) {
        let name = named.trim_start_matches('-');
        if !name.starts_with('/') {
            return;
        }
        let paths = matching(&environment.rooted(name));
        let texts = paths
            .iter()
            .filter_map(|path| Text::read(path).ok().flatten());
        let texts: Vec<Text> = texts.collect();
        // What may not be looked at here may be there for systemd.
        let mut there = paths.iter().map(|path| path.try_exists());
        if name == named && there.all(|there| matches!(there, Ok(false))) {
            let says = format!("`EnvironmentFile`: there is no {name}, and no `-` before its name");
            self.wrong.push((says, source.clone()));
        }
        for file in texts {
            self.variables_of(&file);
        }
    }

    fn variables_of(&mut self, file: &Text) {
        for (line, at) in whole_lines(&file.text) {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            let (name, source) = (name.trim(), file.source(at));
            if name.starts_with("export ") {
                let says = "begins with `export`: systemd passes over the line, and the service does not get the variable";
                self.doubtful.push((says.to_owned(), source));
                continue;
            }
            let bare = value.trim();
            let quoted = |q: char| bare.strip_prefix(q).and_then(|v| v.strip_suffix(q));
            let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(bare);
            if self.of_files.len() < MOST {
                self.of_files
                    .push((name.to_owned(), value.to_owned(), source));
            }
        }
    }

    /// All variables, the one that counts first.
    fn variables(&self) -> impl Iterator<Item = &(String, String, Source)> {
        let files = self.of_files.iter().rev();
        files
            .chain(self.variables.iter().rev())
            .chain(self.defaults.iter().rev())
    }

    /// A variable of the unit.
    pub(super) fn variable(&self, name: &str) -> Option<(&str, &Source)> {
        let (_, value, source) = self.variables().find(|(n, ..)| n == name)?;
        let is_unset = |word: &String| match word.split_once('=') {
            Some((unset, only)) => unset == name && only == value,
            None => word == name,
        };
        (!self.unset.iter().any(is_unset)).then_some((value, source))
    }

    /// What a restart would give it of a variable, however its name is spelt.
    pub(super) fn wanted(&self, spelt: impl Fn(&str) -> bool) -> Option<&(String, String, Source)> {
        self.variables()
            .find(|(name, ..)| spelt(name) && self.variable(name).is_some())
    }

    /// The words of the command line, as the running process has them, or else as the unit says
    /// with its variables put in.
    pub(super) fn words(&self) -> Vec<Placed> {
        if let Some(process) = self.process.as_ref().filter(|p| !p.command.is_empty()) {
            let source = Source::file(process.folder.join("cmdline"));
            let all = process.command.iter().map(|w| (w.clone(), source.clone()));
            return all.collect();
        }
        let mut all = Vec::new();
        for (word, source) in &self.command {
            match word.strip_prefix('$') {
                Some(name) if !name.starts_with('{') => {
                    if let Some((value, source)) = self.variable(name) {
                        let own = words(value).into_iter().take(MOST);
                        all.extend(own.map(|word| (word, source.clone())));
                    }
                }
                Some(name) => {
                    let name = name.trim_start_matches('{').trim_end_matches('}');
                    let own = self.variable(name);
                    all.extend(own.map(|(value, source)| (value.to_owned(), source.clone())));
                }
                None => all.push((word.clone(), source.clone())),
            }
        }
        all
    }

    /// Values of an option: `--name value`, `--name=value`, and its short form.
    pub(super) fn option(&self, long: &str, short: &str) -> Vec<Placed> {
        let words = self.words();
        let mut found = Vec::new();
        for (at, (word, source)) in words.iter().enumerate() {
            let next = || words.get(at + 1).map(|(w, _)| w.clone());
            let bare = word.trim_start_matches('-');
            let dashes = word.len() - bare.len();
            let value = match bare.split_once('=') {
                _ if dashes == 0 => None,
                Some((name, value)) if name == long || (dashes == 1 && name == short) => {
                    Some(value.to_owned())
                }
                None if bare == long || (dashes == 1 && !short.is_empty() && bare == short) => {
                    next()
                }
                _ => None,
            };
            found.extend(value.map(|value| (value, source.clone())));
        }
        found
    }

    /// What a variable is for the service, from the process if that tells, and where it stands.
    pub(super) fn effective(&self, name: &str) -> Option<Placed> {
        if let Some(process) = &self.process
            && let Some(variables) = &process.variables
        {
            let value = variables.iter().find(|(n, _)| n == name)?.1.clone();
            // The unit's line is where it can be changed.
            let unit = self.variable(name).filter(|(v, _)| *v == value);
            let own = || Source::file(process.folder.join("environ"));
            return Some((value, unit.map_or_else(own, |(_, source)| source.clone())));
        }
        let (value, source) = self.variable(name)?;
        Some((value.to_owned(), source.clone()))
    }

    /// Whether anything tells the environment of the service.
    pub(super) fn is_known(&self) -> bool {
        self.unit || self.process.as_ref().is_some_and(|p| p.variables.is_some())
    }
}

/// Whether systemd runs this system, as `sd_booted(3)` looks: in an image of a container its packages'
/// links are there, and nobody who reads them.
fn is_booted(environment: &Environment) -> bool {
    environment.rooted("run/systemd/system").is_dir()
}

/// Whether systemd is told to start a unit by itself: it stands below a `.wants` of another.
pub(super) fn enabled(environment: &Environment, unit: &str) -> bool {
    if !is_booted(environment) || files::of(environment, &FOLDERS, unit).masked.is_some() {
        return false;
    }
    let folders = FOLDERS.iter().map(|folder| environment.rooted(folder));
    let listed = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
    let names = listed.take(UNITS).flatten().map(|entry| entry.path());
    let mut wants = names.filter(|path| path.extension().is_some_and(|end| end == "wants"));
    // Below another root a link leads nowhere, and is one all the same.
    wants.any(|folder| folder.join(unit).symlink_metadata().is_ok())
}

/// Variables that systemd gives to every service (systemd-system.conf(5)).
fn defaults(environment: &Environment) -> Vec<(String, String, Source)> {
    let mut all = Service::default();
    for file in files::of(environment, &MANAGER, "system.conf").all {
        let mut inside = false;
        for (line, at) in whole_lines(&file.text) {
            let line = line.trim();
            if line.starts_with('[') {
                inside = line == "[Manager]";
                continue;
            }
            let Some((key, value)) = line.split_once('=').filter(|_| inside) else {
                continue;
            };
            match (key.trim(), value.trim()) {
                ("DefaultEnvironment", "") => all.variables.clear(),
                ("DefaultEnvironment", value) => {
                    let source = file.source(at);
                    for word in words(value) {
                        all.set(&specified(&word, ""), &source);
                    }
                }
                _ => {}
            }
        }
    }
    all.variables
}

#[cfg(test)]
mod tests;
