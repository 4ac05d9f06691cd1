//! A machine with a stand-in for `az`, which answers as it did in a case of `crates/platform`.

#![allow(dead_code, reason = "each file of tests uses some of it")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{pullwhy, text};

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../platform/tests/fixtures")
}

/// Which app is asked about.
pub(crate) const APP: [&str; 5] = ["azure", "--app", "shop", "--resource-group", "rg1"];

/// The same with more arguments.
pub(crate) fn with(arguments: &[&'static str]) -> Vec<&'static str> {
    APP.iter()
        .copied()
        .chain(arguments.iter().copied())
        .collect()
}

/// A machine on which `az` answers as it did in a case.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new(base: &str, case: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let facts = folder.path().join("answers");
        fs::create_dir(&facts).expect("made");
        let mut from = vec![fixtures().join("base").join(base)];
        from.extend(case.map(|case| fixtures().join("cases").join(case).join("shows")));
        for source in from {
            for entry in fs::read_dir(source).expect("a fixture") {
                let path = entry.expect("a file").path();
                fs::copy(&path, facts.join(path.file_name().expect("a name"))).expect("copied");
            }
        }
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).expect("made");
        let az = bin.join("az");
        fs::write(&az, include_str!("az.sh")).expect("written");
        fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).expect("executable");
        Self { folder }
    }

    pub(crate) fn home(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        vec![
            ("PATH", path.into()),
            ("AZ_FACTS", self.path("answers").into()),
            ("AZ_LOG", self.path("commands").into()),
            ("AZ_LOGS", fixtures().join("logs/unauthorized.log").into()),
        ]
    }

    /// Status, output and errors of a run.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = pullwhy()
            .envs(self.environment())
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("runs");
        let status = output.status.code().expect("ended by itself");
        (status, text(&output.stdout), text(&output.stderr))
    }

    /// Runs what `collect` has printed, as a user would who has read it.
    pub(crate) fn collect(&self, script: &str) {
        fs::write(self.path("collect.sh"), script).expect("written");
        let done = std::process::Command::new("sh")
            .arg("collect.sh")
            .current_dir(self.home())
            .envs(self.environment())
            .output()
            .expect("sh runs");
        assert!(done.status.success(), "{}", text(&done.stderr));
    }

    pub(crate) fn commands(&self) -> String {
        fs::read_to_string(self.path("commands")).unwrap_or_default()
    }
}
