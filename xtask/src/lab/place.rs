//! A machine that belongs to one scenario: its files and settings over those of the system, in
//! mount and network namespaces that go with the process.

use std::fs::{self, File, OpenOptions};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;

use pullwhy_lab::answer::AnswerRow;
use pullwhy_lab::made::Made;
use pullwhy_lab::scenario::{HostFault, Listen, Scenario, Serves};
use pullwhy_lab::stage::{Network, OWN, Stage};
use pullwhy_model::Answer;
use serde_json::Value;

use super::engine::{Engine, Kind, program_in_place};
use super::unit::Unit;

/// Where the lab's own files are inside.
pub(crate) const HOME: &str = "/run/lab";

/// Silence of a server that outlasts every engine's patience.
const SILENT: u64 = 600_000;

/// A machine with its servers running.
#[derive(Debug)]
pub(crate) struct Place {
    /// The image to ask for.
    pub(crate) image: String,
    /// The platform to ask for.
    pub(crate) platform: Option<String>,
    /// `USER:PASSWORD`.
    pub(crate) creds: Option<String>,
    /// What is wrong with the machine.
    pub(crate) fault: Option<HostFault>,
    /// How the daemon is started.
    pub(crate) unit: Unit,
    /// Whose the client is, by name or number, if not of root.
    user: Option<String>,
    /// Of clients and `pullwhy`.
    environment: Vec<(String, String)>,
    // Servers run as long as this.
    _stage: Stage,
}

impl Place {
    /// Lays the machine over the system's and starts the scenario's servers.
    pub(crate) fn furnish(
        scenario: &Scenario,
        engine: Engine,
        tool: &Path,
    ) -> Result<Self, String> {
        mounts(tool, scenario.host)?;
        run("ip", &["link", "set", "lo", "up"])?;
        run("ip", &["address", "add", &format!("{OWN}/24"), "dev", "lo"])?;
        let scenario = lasting(scenario);
        let stage = Stage::start_on(&scenario, Network::Own).map_err(|e| e.to_string())?;
        let image = stage.image.clone();
        let creds = stage.options.credentials.clone();
        let creds = creds.map(|(user, password)| format!("{user}:{password}"));
        names(&scenario, &stage)?;
        trust(&scenario, &stage)?;
        credentials(&scenario, &stage, engine, &image, creds.as_deref())?;
        engines_files(&scenario, &stage)?;
        if let Some(keys) = engine.daemon_json {
            vary(Path::new("/etc/docker/daemon.json"), keys)?;
        }
        if scenario.host.is_some() {
            add_user()?;
        }
        let user = user_of(&scenario, engine);
        if let Some(user) = &user {
            make_home(user)?;
        }
        let environment = environment(&scenario, &stage);
        let unit = Unit::of(&scenario, &stage, engine, &environment)?;
        Ok(Self {
            image,
            platform: scenario.platform.clone(),
            creds,
            fault: scenario.host,
            unit,
            user,
            environment,
            _stage: stage,
        })
    }

    /// A daemon, with what its unit says.
    pub(crate) fn daemon(&self, program: &str) -> Command {
        let mut command = program_in_place(program);
        command.envs(self.unit.environment.iter().cloned());
        command
    }

    /// A program among this machine's settings.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.set(program_in_place(program))
    }

    /// The same for a client, which may be a user's.
    pub(crate) fn client(&self, program: &str) -> Command {
        let Some(user) = &self.user else {
            return self.command(program);
        };
        // A user without a name has a group of the same number.
        let is_number = user.bytes().all(|byte| byte.is_ascii_digit());
        let group = if is_number { user.as_str() } else { "nogroup" };
        let mut command = self.set(program_in_place("setpriv"));
        command.args(["--reuid", user, "--regid", group, "--clear-groups", program]);
        command.env("HOME", "/run/lab/home");
        command.env("XDG_RUNTIME_DIR", "/run/lab/home");
        command
    }

    fn set(&self, mut command: Command) -> Command {
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A user whose containers run in a user namespace.
const USER: &str = "lab";

/// Whose the client is, if not of root.
fn user_of(scenario: &Scenario, engine: Engine) -> Option<String> {
    let own = matches!(engine.kind, Kind::Podman | Kind::Buildah | Kind::Skopeo);
    match scenario.host {
        Some(HostFault::NoRights) => Some("nobody".to_owned()),
        Some(HostFault::UserNamespace) if own => Some(USER.to_owned()),
        None if own && scenario.user != 0 => Some(scenario.user.to_string()),
        _ => None,
    }
}

/// The ids of that namespace.
fn add_user() -> Result<(), String> {
    let passwd = read(Path::new("/etc/passwd"))?;
    let line = format!("{USER}:x:4000:65534::/run/lab/home:/bin/sh\n");
    write(Path::new("/etc/passwd"), &format!("{passwd}{line}"))?;
    let group = read(Path::new("/etc/group"))?;
    write(Path::new("/etc/group"), &format!("{group}{USER}:x:4000:\n"))?;
    for file in ["/etc/subuid", "/etc/subgid"] {
        write(Path::new(file), &format!("{USER}:100000:65536\n"))?;
    }
    Ok(())
}

/// What a user's engine writes to.
fn make_home(user: &str) -> Result<(), String> {
    make(Path::new("/run/lab/home"))?;
    run("chmod", &["1777", "/var/tmp"])?;
    run("chown", &[user, "/run/lab/home"])?;
    run("chmod", &["755", HOME])
}

/// The scenario as engines need it: layers that are archives, and silence that lasts.
fn lasting(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.made.get_or_insert_with(Made::plain);
    let pullable = scenario.expect.verdict == Answer::Pullable;
    for server in scenario.servers.values_mut() {
        // Engines may ask for the manifest first, or go on where `check` stops. What passes by itself
        // strikes only what it is for.
        let everywhere = server.answers.iter().filter(|row| {
            row.path == "/v2/"
                && row.times.is_none()
                && row.body.as_deref() != Some("{}")
                && (server.serves == Serves::Nothing || (row.status >= 400 && !pullable))
        });
        let everywhere: Vec<_> = everywhere
            .map(|row| AnswerRow {
                method: String::new(),
                path: "/v2/*".to_owned(),
                ..row.clone()
            })
            .collect();
        server.answers.extend(everywhere);
        for row in &mut server.answers {
            if row.delay_ms >= 10_000 {
                row.delay_ms = SILENT;
            }
        }
        // What is on loopback elsewhere is in the network of the lab's own here.
        for address in server.names.iter_mut().flat_map(|name| &mut name.address) {
            if let IpAddr::V4(v4) = address
                && v4.is_loopback()
            {
                *address = Ipv4Addr::new(192, 0, 2, v4.octets()[3]).into();
            }
        }
    }
    scenario
}

/// Folders of the system that are written to and must not change.
const COPIED: [&str; 4] = ["etc", "var/lib", "var/tmp", "root"];

/// Folders of engines, which want a file system that is no overlay.
const STORES: [&str; 3] = ["docker", "containerd", "containers"];

fn mounts(tool: &Path, fault: Option<HostFault>) -> Result<(), String> {
    run("mount", &["--make-rprivate", "/"])?;
    run("mount", &["-t", "tmpfs", "tmpfs", "/run"])?;
    let home = Path::new(HOME);
    write(&home.join("pullwhy"), "")?;
    let own = home.join("pullwhy").display().to_string();
    run("mount", &["--bind", &tool.display().to_string(), &own])?;
    for folder in COPIED {
        let (upper, work) = (
            home.join("upper").join(folder),
            home.join("work").join(folder),
        );
        make(&upper)?;
        make(&work)?;
        let options = format!(
            "lowerdir=/{folder},upperdir={},workdir={}",
            upper.display(),
            work.display()
        );
        let at = format!("/{folder}");
        run("mount", &["-t", "overlay", "overlay", "-o", &options, &at])?;
    }
    let size = match fault {
        Some(HostFault::FullDisk) => "size=8m",
        _ => "size=50%",
    };
    for store in STORES {
        let at = Path::new("/var/lib").join(store);
        make(&at)?;
        let at = at.display().to_string();
        run("mount", &["-t", "tmpfs", "-o", size, "tmpfs", &at])?;
    }
    Ok(())
}

/// `hosts` and `resolv.conf`.
fn names(scenario: &Scenario, stage: &Stage) -> Result<(), String> {
    let mut hosts = "127.0.0.1 localhost\n".to_owned();
    if scenario.resolvers.is_empty() {
        hosts.push_str(&read(&stage.folder().join("hosts"))?);
    }
    let mut resolv = scenario.resolv_conf.clone();
    if scenario.servers.values().any(|s| s.listen == Listen::Dns) {
        resolv.push_str("nameserver 127.0.0.1\n");
    }
    write(Path::new("/etc/hosts"), &hosts)?;
    write(Path::new("/etc/resolv.conf"), &resolv)?;
    write(
        Path::new("/etc/nsswitch.conf"),
        "passwd: files\ngroup: files\nhosts: files dns\n",
    )
}

/// The lab's authority: where the scenario puts it, or in the system's store.
fn trust(scenario: &Scenario, stage: &Stage) -> Result<(), String> {
    let usual = scenario.certs_dirs.is_empty() && !scenario.certs_of_engine;
    if usual || scenario.system_trusts {
        let store = Path::new("/etc/ssl/certs/ca-certificates.crt");
        let mut all = read(store).unwrap_or_default();
        all.push_str(&read(&stage.folder().join("system.crt"))?);
        write(store, &all)?;
    }
    for engine in &scenario.certs_dirs {
        let to = PathBuf::from(format!("/etc/{engine}/certs.d"));
        copy(&stage.folder().join(engine), &to)?;
    }
    let own = stage.folder().join("etc");
    if own.is_dir() {
        copy(&own, Path::new("/etc"))
    } else {
        Ok(())
    }
}

fn credentials(
    scenario: &Scenario,
    stage: &Stage,
    engine: Engine,
    image: &str,
    creds: Option<&str>,
) -> Result<(), String> {
    for (from, to) in [
        ("docker/config.json", "/root/.docker/config.json"),
        ("run/containers/auth.json", "/run/containers/0/auth.json"),
    ] {
        let from = stage.folder().join(from);
        if from.is_file() {
            write(Path::new(to), &read(&from)?)?;
        }
    }
    // Docker's command line takes no credentials; `docker login` leaves them in this file.
    if let (Kind::Docker, None, Some(creds)) = (engine.kind, &scenario.config, creds) {
        let registry = image.split('/').next().unwrap_or_default();
        let auth = pullwhy_lab::encode::in_base64(&format!("{{={creds}}}"));
        let config = serde_json::json!({"auths": {registry: {"auth": auth}}});
        write(Path::new("/root/.docker/config.json"), &config.to_string())?;
    }
    Ok(())
}

fn engines_files(scenario: &Scenario, stage: &Stage) -> Result<(), String> {
    if !scenario.files.contains_key("etc/containerd/config.toml") {
        write(
            Path::new("/etc/containerd/config.toml"),
            "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n",
        )?;
    }
    let containers = Path::new("/etc/containers");
    if scenario.no_policy {
        let policy = containers.join("policy.json");
        fs::remove_file(&policy).map_err(|error| format!("`{}`: {error}", policy.display()))?;
    }
    // Docker and containerd speak plain HTTP to this machine by themselves, Podman where told. What a
    // scenario tells it itself must not be told otherwise here: drop-ins come last.
    let mut names = scenario.files.keys();
    let told = names.any(|name| name.starts_with("etc/containers/registries.conf"));
    if told || scenario.engine.as_deref() == Some("podman") {
        return Ok(());
    }
    let plain = scenario
        .servers
        .iter()
        .filter(|(_, server)| server.host.is_none() && server.listen == Listen::Http);
    let mut registries = String::new();
    for (name, _) in plain {
        let at = stage.fill(&format!("{{{name}}}"));
        registries.push_str(&format!(
            "[[registry]]\nlocation = \"{at}\"\ninsecure = true\n"
        ));
    }
    write(&containers.join("registries.conf.d/lab.conf"), &registries)
}

/// Puts a variant's keys into a file of JSON, beside those that are there; what is no table stays.
fn vary(path: &Path, keys: &str) -> Result<(), String> {
    let old = if path.is_file() {
        read(path)?
    } else {
        "{}".to_owned()
    };
    let Ok(Value::Object(mut all)) = serde_json::from_str(&old) else {
        return Ok(());
    };
    let Ok(Value::Object(keys)) = serde_json::from_str(keys) else {
        return Err(format!("`{keys}` is no table"));
    };
    for (key, value) in keys {
        match (all.get_mut(&key), value) {
            // What a scenario sets otherwise is what it is about.
            (Some(Value::Object(own)), Value::Object(value)) => {
                for (key, value) in value {
                    own.entry(key).or_insert(value);
                }
            }
            (Some(_), _) => {}
            (None, value) => drop(all.insert(key, value)),
        }
    }
    write(path, &Value::Object(all).to_string())
}

fn environment(scenario: &Scenario, stage: &Stage) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut set = |name: &str, value: &str| all.push((name.to_owned(), value.to_owned()));
    if let Some(proxy) = &scenario.proxy {
        let proxy = stage.fill(proxy);
        set("HTTPS_PROXY", &proxy);
        set("HTTP_PROXY", &proxy);
        set("NO_PROXY", &scenario.no_proxy);
    }
    if scenario.config.is_some() && scenario.engine.is_some() {
        set("DOCKER_CONFIG", "/root/.docker");
    }
    all
}

/// A file for what a program prints.
pub(crate) fn log(name: &str) -> Result<File, String> {
    let path = Path::new(HOME).join(name);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    opened.map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Runs a program that must work.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let shown = || format!("`{program} {}`", arguments.join(" "));
    let done = program_in_place(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{}: {error}", shown()))?;
    if done.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(format!("{}: {}: {}", shown(), done.status, why.trim()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    make(to)?;
    let (from, to) = (format!("{}/.", from.display()), to.display().to_string());
    // What is a link there leads out of this place, and must not be written through.
    run("cp", &["-r", "--remove-destination", &from, &to])
}

fn make(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        make(folder)?;
    }
    fs::write(path, text).map_err(|error| format!("`{}`: {error}", path.display()))
}
