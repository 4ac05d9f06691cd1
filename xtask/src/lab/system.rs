//! The system that engines are of: this machine's, or another release of Debian in a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::engine::program_in_place;
use super::machine;
use super::place::run;

/// Where the files of this machine are below another system's root, while it is entered.
const OUTSIDE: &str = "/mnt";
/// How a suite is made that is newer than this machine's debootstrap: as the rolling one.
const SCRIPT: &str = "/usr/share/debootstrap/scripts/sid";
/// Packages besides those of the engines: authorities, and Docker's client, which is apart since Debian 13.
const BESIDES: [&str; 2] = ["ca-certificates", "docker-cli"];

/// A system with engines.
#[derive(Clone, Debug)]
pub(crate) struct System {
    /// The code name of its release.
    pub(crate) suite: String,
    /// Its root; none for this machine.
    pub(crate) folder: Option<PathBuf>,
}

impl System {
    /// This machine's, or that of a suite, which is installed if it is not there yet.
    pub(crate) fn of(suite: Option<&str>) -> Result<Self, String> {
        let own = code_name(Path::new("/"))?;
        let Some(suite) = suite.filter(|suite| *suite != own) else {
            return Ok(Self {
                suite: own,
                folder: None,
            });
        };
        if !suite.bytes().all(|b| b.is_ascii_lowercase()) || suite.is_empty() {
            return Err(format!("`{suite}` is no suite of Debian, such as `trixie`"));
        }
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let target = program.parent().and_then(Path::parent);
        let folder = target
            .ok_or("this program is in no folder of builds")?
            .join("lab")
            .join(suite);
        if !complete(&folder).is_file() {
            make(suite, &folder)?;
        }
        Ok(Self {
            suite: suite.to_owned(),
            folder: Some(folder),
        })
    }

    /// A program of it; some want `/proc` even to tell their version.
    pub(crate) fn program(&self, program: &str) -> Command {
        let Some(folder) = &self.folder else {
            return program_in_place(program);
        };
        let mut command = program_in_place("unshare");
        command.args(["--mount", "--pid", "--fork", "--mount-proc", "--root"]);
        command.arg(folder).arg(program);
        command
    }
}

/// The file that is there when a system has been installed to its end.
fn complete(folder: &Path) -> PathBuf {
    folder.with_extension("complete")
}

/// The code name of a system's release, of os-release(5).
fn code_name(root: &Path) -> Result<String, String> {
    let path = root.join("etc/os-release");
    let text = fs::read_to_string(&path).map_err(|e| format!("`{}`: {e}", path.display()))?;
    let mut lines = text.lines();
    let name = lines.find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let name = name.ok_or_else(|| format!("`{}` names no release", path.display()))?;
    Ok(name.trim_matches('"').to_owned())
}

fn make(suite: &str, folder: &Path) -> Result<(), String> {
    if !Path::new(SCRIPT).is_file() {
        machine::install(&["debootstrap"])?;
    }
    // What an interrupted run has left.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
    let mut packages: Vec<&str> = machine::NEEDED
        .iter()
        .map(|(_, package)| *package)
        .collect();
    packages.extend(BESIDES);
    packages.sort_unstable();
    packages.dedup();
    println!(
        "installing {suite} with debootstrap: {}",
        packages.join(" ")
    );
    let made = Command::new("debootstrap")
        .args(["--variant=minbase", "--include", &packages.join(",")])
        .arg(suite)
        .arg(folder)
        .args(["http://deb.debian.org/debian", SCRIPT])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`debootstrap`: {error}"))?;
    if !made.status.success() {
        // It tells what is wrong at the end of what it has done.
        let told = [made.stdout, made.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        let why = told.lines().rfind(|line| line.starts_with("E: "));
        let why = why.or_else(|| told.lines().next_back()).unwrap_or_default();
        return Err(format!("`debootstrap {suite}`: {}: {why}", made.status));
    }
    let done = complete(folder);
    fs::write(&done, "").map_err(|error| format!("`{}`: {error}", done.display()))
}

/// Makes a folder the root of this process and all others of its mount namespace, and tells where
/// a file of the machine is then.
///
/// It is no chroot: there, a user may not make namespaces, by `user_namespaces(7)`.
pub(crate) fn enter(system: &Path, file: &Path) -> Result<PathBuf, String> {
    let root = system.display().to_string();
    let below = |name: &str| format!("{root}{name}");
    run("mount", &["--make-rprivate", "/"])?;
    run("mount", &["--bind", &root, &root])?;
    run("mount", &["--rbind", "/dev", &below("/dev")])?;
    run("mount", &["--rbind", "/sys", &below("/sys")])?;
    run("mount", &["-t", "proc", "proc", &below("/proc")])?;
    run("pivot_root", &[&root, &below(OUTSIDE)])?;
    std::env::set_current_dir("/").map_err(|error| format!("`/`: {error}"))?;
    let file = file.strip_prefix("/").map_err(|error| error.to_string())?;
    Ok(Path::new(OUTSIDE).join(file))
}
