//! How a daemon is started, in place of systemd, which does not run in the lab: what a scenario's
//! unit of Docker says, handed over as systemd would. A scenario without one gets drop-ins that say
//! what the daemons have in their environment, so that `check` can read it.

use std::path::Path;

use pullwhy_lab::scenario::{KUBELET_UNIT, Scenario};
use pullwhy_lab::stage::Stage;

use super::engine::{Engine, Kind};
use super::place::write;

/// Where units are that are no package's.
const SYSTEMD: &str = "/etc/systemd/system";
/// The only unit that scenarios have.
const DOCKER: &str = "docker.service";

/// What a daemon is started with, besides what the lab needs.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// Its environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
}

impl Unit {
    /// What the scenario's unit says, or else `environment`; the files are laid where systemd has them.
    pub(crate) fn of(
        scenario: &Scenario,
        stage: &Stage,
        engine: Engine,
        environment: &[(String, String)],
    ) -> Result<Self, String> {
        let files = scenario.files.iter();
        let files: Vec<(String, String)> = files
            .map(|(name, text)| (stage.fill(name), stage.fill(text)))
            .collect();
        let own: Vec<_> = files.iter().filter(|(n, _)| n.contains(DOCKER)).collect();
        if own.is_empty() {
            let mut text = "[Service]\n".to_owned();
            for (name, value) in environment {
                text.push_str(&format!("Environment=\"{name}={value}\"\n"));
            }
            for unit in [DOCKER, "containerd.service"] {
                write(
                    &Path::new(SYSTEMD).join(format!("{unit}.d/lab.conf")),
                    &text,
                )?;
            }
            // No kubelet runs here: CRI is asked in its place.
            if engine.kind == Kind::Cri {
                write(&Path::new(SYSTEMD).join("kubelet.service"), KUBELET_UNIT)?;
            }
            return Ok(Self {
                environment: environment.to_vec(),
                ..Self::default()
            });
        }
        let mut unit = Self::default();
        // The unit comes before its drop-ins.
        for drop_in in [false, true] {
            for (name, text) in own.iter().filter(|(n, _)| n.contains(".d/") == drop_in) {
                unit.take(text, &files);
                if !drop_in {
                    write(&Path::new(SYSTEMD).join(DOCKER), text)?;
                } else if !name.starts_with("etc/") {
                    return Err(format!("`{name}`: drop-ins of scenarios are below `etc`"));
                }
            }
        }
        Ok(unit)
    }

    fn take(&mut self, text: &str, files: &[(String, String)]) {
        let text = text.replace("\\\n", " ");
        let set = |line: &str, all: &mut Vec<(String, String)>| {
            for word in line.split_whitespace() {
                if let Some((name, value)) = word.trim_matches('"').split_once('=') {
                    all.push((name.to_owned(), value.to_owned()));
                }
            }
        };
        for line in text.lines() {
            match line.trim().split_once('=') {
                Some(("Environment", words)) => set(words, &mut self.environment),
                Some(("EnvironmentFile", path)) => {
                    let path = path.trim_start_matches(['-', '/']);
                    for (_, text) in files.iter().filter(|(name, _)| name == path) {
                        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
                            let value = value.trim_matches('"').to_owned();
                            self.environment.push((name.to_owned(), value));
                        }
                    }
                }
                Some(("ExecStart", words)) => {
                    let words = words.split_whitespace().skip(1);
                    // No systemd hands a socket over here: dockerd opens its own.
                    let words = words.filter(|word| !matches!(*word, "-H" | "fd://"));
                    self.arguments = words.flat_map(|word| self.filled(word)).collect();
                }
                _ => {}
            }
        }
    }

    /// A word of the command line, with a variable put in.
    fn filled(&self, word: &str) -> Vec<String> {
        let Some(name) = word.strip_prefix('$') else {
            return vec![word.to_owned()];
        };
        let value = self.environment.iter().rev().find(|(n, _)| n == name);
        let value = value.map(|(_, value)| value.as_str()).unwrap_or_default();
        value.split_whitespace().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_reads_as_systemd_reads_it() {
        let unit_text = "[Service]\nEnvironmentFile=-/etc/default/docker\nEnvironment=\"A=b\" \\\n  C=d\n\
                         ExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS --debug\n";
        let file = "DOCKER_OPTS=\"--insecure-registry r:1\"\n";
        let mut unit = Unit::default();
        unit.take(
            unit_text,
            &[("etc/default/docker".to_owned(), file.to_owned())],
        );
        assert_eq!(unit.arguments, ["--insecure-registry", "r:1", "--debug"]);
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(unit.environment[1..], [pair("A", "b"), pair("C", "d")]);
    }
}
