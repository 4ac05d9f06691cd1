//! With which command line and environment a service is started, and with which it runs: unit and
//! drop-ins of systemd (systemd.unit(5), systemd.exec(5)), and the process itself.

use std::path::{Path, PathBuf};

use super::text::{Text, files_of};
use crate::Environment;
use crate::trust::Source;

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
/// Processes that are looked at, and units.
const PROCESSES: usize = 65_536;

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
    pub variables: Vec<(String, String, Source)>,
    /// What systemd gives to every service: `DefaultEnvironment` of `system.conf`.
    defaults: Vec<(String, String, Source)>,
    /// What is taken out of all that at last: names, or names with the value that they must have.
    unset: Vec<String>,
    /// The process, where one runs.
    pub process: Option<Process>,
}

/// A running process.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    pub pid: u32,
    pub command: Vec<String>,
    /// Its environment, where it may be read.
    pub variables: Option<Vec<(String, String)>>,
    pub folder: PathBuf,
}

impl Service {
    /// Reads what starts a service, and looks whether its program runs.
    pub(super) fn read(environment: &Environment, unit: &str, program: &str) -> Self {
        let mut service = Self::default();
        for text in unit_files(environment, unit) {
            service.unit = true;
            service.take(environment, &text);
        }
        // Without a unit systemd does not start it.
        if service.unit {
            service.defaults = defaults(environment);
        }
        service.process = Process::find(environment, program);
        service
    }

    fn take(&mut self, environment: &Environment, file: &Text) {
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
                "EnvironmentFile" => self.environment_file(environment, value),
                "ExecStart" => {
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

    fn environment_file(&mut self, environment: &Environment, value: &str) {
        let path = environment.rooted(value.trim_start_matches('-'));
        let Ok(Some(file)) = Text::read(&path) else {
            return;
        };
        for (line, at) in whole_lines(&file.text) {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let line = line.strip_prefix("export ").unwrap_or(line);
            if let Some((name, value)) = line.split_once('=') {
                let bare = value.trim();
                let quoted = |q: char| bare.strip_prefix(q).and_then(|v| v.strip_suffix(q));
                let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(bare);
                self.set(&format!("{}={value}", name.trim()), &file.source(at));
            }
        }
    }

    /// A variable of the unit.
    pub(super) fn variable(&self, name: &str) -> Option<(&str, &Source)> {
        let mut all = self
            .variables
            .iter()
            .rev()
            .chain(self.defaults.iter().rev());
        let (_, value, source) = all.find(|(n, ..)| n == name)?;
        let is_unset = |word: &String| match word.split_once('=') {
            Some((unset, only)) => unset == name && only == value,
            None => word == name,
        };
        (!self.unset.iter().any(is_unset)).then_some((value, source))
    }

    /// What a restart would give it of a variable, however its name is spelt.
    pub(super) fn wanted(&self, spelt: impl Fn(&str) -> bool) -> Option<&(String, String, Source)> {
        let mut all = self
            .variables
            .iter()
            .rev()
            .chain(self.defaults.iter().rev());
        all.find(|(name, ..)| spelt(name) && self.variable(name).is_some())
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

impl Process {
    fn find(environment: &Environment, program: &str) -> Option<Self> {
        let listed = std::fs::read_dir(environment.rooted("proc")).ok()?;
        let numbers = listed.flatten().take(PROCESSES).filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, entry.path()))
        });
        // The kernel keeps fifteen characters of a name.
        let short: String = program.chars().take(15).collect();
        let is_it = |folder: &PathBuf| {
            let name = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
            name.trim_end() == short
        };
        let own = numbers.filter(|(_, folder)| is_it(folder) && !is_of_a_container(folder));
        let (pid, folder) = own.min()?;
        let parts = |name: &str| -> Option<Vec<String>> {
            let bytes = std::fs::read(folder.join(name)).ok()?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let all = text.split('\0').filter(|part| !part.is_empty());
            Some(all.take(MOST).map(str::to_owned).collect())
        };
        let pair = |part: String| {
            let (name, value) = part.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        let variables = parts("environ");
        Some(Self {
            pid,
            command: parts("cmdline").unwrap_or_default(),
            variables: variables.map(|all| all.into_iter().filter_map(pair).collect()),
            folder,
        })
    }
}

/// Whether a process has a number in a process namespace below that of `/proc` (proc(5), `NSpid`):
/// the engine of a kind or minikube node, or Docker in Docker, is not the one of this machine.
fn is_of_a_container(process: &Path) -> bool {
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_some_and(|numbers| numbers.split_whitespace().count() > 1)
}

/// The unit, and its drop-ins in the order of their names; the more important folder hides others.
fn unit_files(environment: &Environment, unit: &str) -> Vec<Text> {
    files(environment, &FOLDERS, unit)
}

/// Whether systemd runs this system (`sd_booted`(3)): in an image of a container its packages' links are there,
/// and nobody who reads them.
fn is_booted(environment: &Environment) -> bool {
    environment.rooted("run/systemd/system").is_dir()
}

/// Whether a unit is not to be started at all: its first file is a link to nothing (systemctl(1), `mask`).
fn is_masked(environment: &Environment, unit: &str) -> bool {
    let files = FOLDERS.map(|folder| environment.rooted(folder).join(unit));
    let mut there = files.iter().filter(|file| file.symlink_metadata().is_ok());
    let to = there.next().and_then(|file| std::fs::read_link(file).ok());
    to.is_some_and(|to| to == Path::new("/dev/null"))
}

/// Whether systemd is told to start a unit by itself: it stands below a `.wants` of another.
pub(super) fn enabled(environment: &Environment, unit: &str) -> bool {
    if !is_booted(environment) || is_masked(environment, unit) {
        return false;
    }
    let folders = FOLDERS.iter().map(|folder| environment.rooted(folder));
    let listed = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten());
    let names = listed.take(PROCESSES).flatten().map(|entry| entry.path());
    let mut wants = names.filter(|path| path.extension().is_some_and(|end| end == "wants"));
    // Below another root a link leads nowhere, and is one all the same.
    wants.any(|folder| folder.join(unit).symlink_metadata().is_ok())
}

/// Variables that systemd gives to every service (systemd-system.conf(5)).
fn defaults(environment: &Environment) -> Vec<(String, String, Source)> {
    let mut all = Service::default();
    for file in files(environment, &MANAGER, "system.conf") {
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
                        all.set(&word, &source);
                    }
                }
                _ => {}
            }
        }
    }
    all.variables
}

/// A file of systemd and its drop-ins.
fn files(environment: &Environment, folders: &[&str], name: &str) -> Vec<Text> {
    let folders: Vec<PathBuf> = folders.iter().map(|f| environment.rooted(f)).collect();
    let own = folders
        .iter()
        .find_map(|folder| Text::read(&folder.join(name)).ok().flatten());
    let mut drop_ins: Vec<PathBuf> = Vec::new();
    for folder in &folders {
        for path in files_of(&folder.join(format!("{name}.d")), ".conf") {
            if drop_ins.iter().all(|p| p.file_name() != path.file_name()) {
                drop_ins.push(path);
            }
        }
    }
    drop_ins.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    let drop_ins = drop_ins.iter().filter_map(|p| Text::read(p).ok().flatten());
    own.into_iter().chain(drop_ins).collect()
}

/// Lines with those that go on behind a `\` put together; comments are left out.
fn whole_lines(text: &str) -> Vec<(String, usize)> {
    let mut all: Vec<(String, usize)> = Vec::new();
    let (mut at, mut open) = (0, false);
    for line in text.split('\n') {
        let start = at;
        at += line.len() + 1;
        let line = line.trim_end_matches('\r');
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (line, false),
        };
        match all.last_mut().filter(|_| open) {
            Some((whole, _)) => {
                whole.push(' ');
                whole.push_str(part);
            }
            None => all.push((part.to_owned(), start)),
        }
        open = goes_on;
    }
    all
}

/// Words with quotes undone, as systemd splits them.
fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', _) => word.get_or_insert_default().extend(chars.next()),
            (c, None) if c.is_whitespace() => all.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
        if all.len() >= MOST {
            return all;
        }
    }
    all.extend(word);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_words_and_lines_as_systemd_does() {
        assert_eq!(
            words(r#""A=b c" D='e "f"' g\ h  "" "#),
            ["A=b c", "D=e \"f\"", "g h", ""]
        );
        let lines = whole_lines("a \\\n# between\n b\nc");
        assert_eq!(
            lines[0].0.split_whitespace().collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(lines[1], ("c".to_owned(), 17));
    }
}
