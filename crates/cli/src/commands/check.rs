//! `pullwhy check`: walks the pull path of an image live.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pullwhy_diagnose::judge;
use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{Answer, CHECK_SCHEMA, CheckReport, Fact, Hop, HopRow, Tool, Transient};
use pullwhy_probe::trust::{CertsDir, certs_plan};
use pullwhy_probe::{
    Engine, Environment, Family, IdRange, LayerProgress, Observer, Options, Platform,
    ProxyEnvironment, Pull, Setup, StartLimit, StorePlan, Walk, auth_plan, engine_setup,
    store_plan, view_differences,
};
use pullwhy_report::{Format, Style};

use crate::args::{CheckArgs, Common};
use crate::exit::{Exit, Failure, read_enough};
use crate::netns::Network;
use crate::terminal::{self, LayerBars, Stream};

pub(crate) fn run(args: &CheckArgs, common: &Common) -> Result<Exit, Failure> {
    let network = args.netns.as_deref().map(Network::find);
    let environment = environment(args.root.as_deref())?;
    let options = options(args, network.as_ref(), &environment)?;
    let elsewhere = args.compare.as_deref().map(recorded).transpose()?;
    let catalogue = super::catalogue(common)?;
    let style = super::explain::style(&args.output, Stream::Out);
    let mut out = terminal::stdout();
    let show = args.output.format == Format::Human && !args.output.quiet;
    // Names are known when all hops are.
    let at_once = show && args.repeat == 1 && !args.output.redact;
    let mut screen = Screen {
        out: &mut out,
        style,
        show: at_once,
        bars: LayerBars::new(terminal::is_watched() && !args.output.quiet),
        failed: None,
    };
    let mut walks = || -> Vec<Walk> {
        (0..args.repeat)
            .map(|_| pullwhy_probe::walk(&args.image, &options, &mut screen))
            .collect()
    };
    let walks = match &network {
        Some(network) => network.inside(&mut walks)?,
        None => walks(),
    };
    screen.bars.clear();
    let mut written = screen.failed.map_or(Ok(()), Err);
    let all = pullwhy_probe::repeated(walks).ok_or_else(|| Failure::new("nothing was walked"))?;
    let mut walk = all.walk;
    let mut judged = judge(&catalogue, &walk.image, &mut walk.rows);
    if let Some(incident) = judged.incident.as_mut().filter(|_| all.runs > 1) {
        incident
            .notes
            .push(format!("{} of {} walks failed", all.failed, all.runs));
        if all.failed < all.runs {
            incident.transient = Transient::Yes;
        }
    }
    let differences = elsewhere.map_or_else(Vec::new, |elsewhere| {
        pullwhy_diagnose::compare(&walk.rows, &elsewhere)
    });
    let view = match (&options.setup, args.diff) {
        // Also where the engine's files are below another root, the shell is this one.
        (Some(setup), true) => Some(view_differences(&args.image, setup, &options, &shell())),
        _ => None,
    };
    let mut report = CheckReport {
        schema: CHECK_SCHEMA.to_owned(),
        tool: Tool {
            name: "pullwhy".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        image: walk.image,
        verdict: judged.answer,
        failed_hop: judged.failed_hop,
        hops: walk.rows,
        incident: judged.incident,
        differences,
        view,
        elapsed_ms: walk.elapsed_ms,
    };
    if args.output.redact {
        pullwhy_report::redact_check(&mut report);
    }
    if written.is_ok() {
        let rows = &report.hops[..if show && !at_once {
            report.hops.len()
        } else {
            0
        }];
        written = rows
            .iter()
            .try_for_each(|row| pullwhy_report::render_hop(row, &style, &mut out))
            .and_then(|()| {
                pullwhy_report::render_check(&report, args.output.format, &style, &mut out)
            })
            .and_then(|()| {
                let same = show && args.compare.is_some() && report.differences.is_empty();
                if same {
                    writeln!(out, "no difference to the other walk")
                } else {
                    Ok(())
                }
            })
            .and_then(|()| out.flush());
    }
    let exit = read_enough(
        written,
        match report.verdict {
            Answer::Pullable => Exit::Nothing,
            Answer::NotPullable => Exit::Found,
            Answer::Unknown => Exit::Failed,
        },
    )?;
    let unkept = report
        .hops
        .iter()
        .find(|row| row.hop == Hop::Store && row.saw.as_deref() == Some("not-kept"));
    if let Some(row) = unkept {
        let why = format!("`--output {}`: {}", row.target, row.summary);
        return Err(Failure::new(why).help("make room there, or name another folder"));
    }
    Ok(exit)
}

/// Bytes of a recorded check at most.
const RECORD: u64 = 4 << 20;

/// The hops of a check that was recorded elsewhere.
fn recorded(path: &Path) -> Result<Vec<HopRow>, Failure> {
    let shown = path.display();
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(RECORD).read_to_end(&mut text));
    read.map_err(|error| {
        Failure::new(format!("`--compare {shown}`: cannot be read: {error}"))
            .help("record one with `pullwhy check --format json IMAGE > run.json`")
    })?;
    let record: CheckReport = serde_json::from_slice(&text).map_err(|error| {
        Failure::new(format!(
            "`--compare {shown}`: is no recorded check: {error}"
        ))
        .help("record one with `pullwhy check --format json IMAGE > run.json`")
    })?;
    let safe = |text: &str| clean(&scrub(text), 1000);
    let washed = record.hops.into_iter().map(|row| HopRow {
        target: safe(&row.target),
        summary: safe(&row.summary),
        facts: row
            .facts
            .into_iter()
            .map(|(name, value)| (name, Fact::from(safe(&value.to_string()))))
            .collect(),
        ..row
    });
    Ok(washed.collect())
}

/// Shows hops as they end.
struct Screen<'o> {
    out: &'o mut (dyn Write + Send),
    style: Style,
    show: bool,
    bars: LayerBars,
    failed: Option<std::io::Error>,
}

impl Observer for Screen<'_> {
    fn row(&mut self, row: &HopRow) {
        if self.show && self.failed.is_none() {
            let (out, style) = (&mut *self.out, &self.style);
            let shown = self
                .bars
                .aside(|| pullwhy_report::render_hop(row, style, out).and_then(|()| out.flush()));
            self.failed = shown.err();
        }
    }

    fn progress(&mut self, layers: &[LayerProgress<'_>]) {
        self.bars.update(layers);
    }
}

fn options(
    args: &CheckArgs,
    network: Option<&Network>,
    environment: &Environment,
) -> Result<Options, Failure> {
    if !(0.05..=3600.0).contains(&args.timeout) {
        return Err(
            Failure::new(format!("`--timeout {}` is out of range", args.timeout))
                .help("give seconds between 0.05 and 3600"),
        );
    }
    let platform = match &args.platform {
        None => Platform::of_this_machine(),
        Some(text) => Platform::parse(text).ok_or_else(|| {
            Failure::new(format!("`--platform {text}` is no platform"))
                .help("write it as linux/amd64 or linux/arm/v7")
        })?,
    };
    let credentials = match &args.creds {
        None => None,
        Some(text) => Some(
            text.split_once(':')
                .map(|(u, p)| (u.to_owned(), p.to_owned()))
                .ok_or_else(|| {
                    Failure::new("`--creds` has no colon").help("write it as USER:PASSWORD")
                })?,
        ),
    };
    can_be_read("--authfile", args.authfile.as_deref())?;
    let mut seen = seen_by(args.engine, args.authfile.as_deref(), environment);
    if let Some(setup) = seen.setup.as_mut().filter(|_| !args.certs_dirs.is_empty()) {
        setup.read_hosts_below(args.certs_dirs.clone());
    }
    let etc = match network {
        Some(network) => network.etc.clone(),
        None => environment.root.join("etc"),
    };
    let resolv_conf = match network {
        Some(network) => Some(network.resolv_conf.clone()),
        // What asks the system would ask this one, and not that below the folder.
        None => args.root.as_ref().map(|_| etc.join("resolv.conf")),
    };
    Ok(Options {
        timeout: Duration::from_secs_f64(args.timeout),
        platform,
        family: match (args.four, args.six) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Any,
        },
        resolve: args
            .resolve
            .iter()
            .map(|text| resolve(text))
            .collect::<Result<_, _>>()?,
        dns: args.dns.as_deref().map(resolver).transpose()?,
        credentials,
        certs_dirs: certs_dirs(args, environment)?,
        etc,
        resolv_conf,
        pull: args
            .pull
            .then(|| pull(args, seen.setup.as_ref()))
            .transpose()?,
        store: Some(store(args, environment)?),
        ask_engine: true,
        ..seen
    })
}

/// A file that is named on the command line must be there: a mistyped path says nothing of a pull.
pub(super) fn can_be_read(option: &str, path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    // What is no file, such as the pipe of a shell, is read once only.
    let read = std::fs::metadata(path).and_then(|found| match found.is_file() {
        true => File::open(path).map(drop),
        false if found.is_dir() => Err(std::io::ErrorKind::IsADirectory.into()),
        false => Ok(()),
    });
    read.map_err(|error| {
        let path = clean(&path.to_string_lossy(), 4096);
        Failure::new(format!("could not read `{option} {path}`: {error}"))
            .help("check the path and its permissions")
    })
}

/// A walk with what an engine sees, or else this shell.
pub(super) fn seen_by(
    engine: Option<Engine>,
    authfile: Option<&Path>,
    environment: &Environment,
) -> Options {
    let setup = engine.map(|engine| engine_setup(engine, environment));
    let mut auth = auth_plan(engine, authfile, environment);
    if let Some(setup) = &setup {
        setup.add_logins(&mut auth);
    }
    Options {
        auth,
        engine,
        proxy: match setup.as_ref().and_then(|s| s.proxy.as_ref()) {
            Some(own) => own.environment(),
            None => environment.proxy.clone(),
        },
        certs_dirs: certs_plan(engine, environment),
        system_authorities: setup.as_ref().and_then(|s| s.store(environment)),
        now: Some(jiff::Timestamp::now().into()),
        setup,
        ask_client: true,
        ..Options::default()
    }
}

/// Seconds that App Service gives a container to start, unless
/// `WEBSITES_CONTAINER_START_TIME_LIMIT` says otherwise; pulling the image counts.
const START_LIMIT: u64 = 230;

/// How every byte is fetched, where that is asked for.
fn pull(args: &CheckArgs, setup: Option<&Setup>) -> Result<Pull, Failure> {
    let total = args.pull_timeout.unwrap_or(3600.0);
    if !(0.05..=604_800.0).contains(&total) {
        return Err(
            Failure::new(format!("`--pull-timeout {total}` is out of range"))
                .help("give seconds between 0.05 and 604800, a week"),
        );
    }
    let range = |text: &String| {
        IdRange::parse(text).ok_or_else(|| {
            Failure::new(format!("`--userns-remap {text}` is no range of ids"))
                .help("write it as START:SIZE, as in /etc/subuid, for example 100000:65536")
        })
    };
    let folder = |text: &String| {
        let folder = text.strip_prefix("oci:").filter(|dir| !dir.is_empty());
        let folder = PathBuf::from(folder.ok_or_else(|| {
            Failure::new(format!("`--output {text}` names no form that is known"))
                .help("write it as oci:DIR, for example oci:./app")
        })?);
        pullwhy_probe::check_layout(&folder).map_err(|error| {
            Failure::new(format!("`--output {text}`: {error}"))
                .help("name a new folder, an empty one, or an OCI image layout")
        })?;
        Ok::<_, Failure>(folder)
    };
    Ok(Pull {
        total: Duration::from_secs_f64(total),
        userns: match &args.userns_remap {
            Some(text) => Some(range(text)?),
            None => setup.and_then(|setup| setup.ids),
        },
        layout: args.keep.as_ref().map(folder).transpose()?,
        ..Pull::default()
    })
}

/// Where the image would be put, and what that is held against.
fn store(args: &CheckArgs, environment: &Environment) -> Result<StorePlan, Failure> {
    if let Some(folder) = args.store.as_ref().filter(|folder| !folder.is_dir()) {
        let text = format!("`--store {}`: there is no such folder", folder.display());
        return Err(Failure::new(text)
            .help("name the folder where the engine keeps images: /var/lib/docker"));
    }
    if let Some(rate) = args.rate.filter(|rate| !(0.001..=1e6).contains(rate)) {
        return Err(Failure::new(format!("`--rate {rate}` is out of range"))
            .help("give MiB a second between 0.001 and 1000000"));
    }
    Ok(StorePlan {
        rate: args.rate.map(|rate| (rate * 1_048_576.0) as u64),
        limit: start_limit(args),
        ..store_plan(args.engine, args.store.as_deref(), environment)
    })
}

/// The time that a start may take: as given, or by what App Service tells those who run in it.
fn start_limit(args: &CheckArgs) -> Option<StartLimit> {
    if let Some(seconds) = args.start_limit {
        return Some(StartLimit {
            seconds,
            named_by: "--start-limit".to_owned(),
        });
    }
    variable("WEBSITE_SITE_NAME")?;
    let name = "WEBSITES_CONTAINER_START_TIME_LIMIT";
    let set = variable(name).and_then(|text| text.trim().parse().ok());
    Some(match set {
        Some(seconds) => StartLimit {
            seconds,
            named_by: name.to_owned(),
        },
        None => StartLimit {
            seconds: START_LIMIT,
            named_by: "App Service".to_owned(),
        },
    })
}

fn resolve(text: &str) -> Result<(String, u16, IpAddr), Failure> {
    let mut parts = text.splitn(3, ':');
    let parsed = (|| {
        let host = parts.next().filter(|h| !h.is_empty())?;
        let port = parts.next()?.parse().ok()?;
        let address = parts.next()?.trim_matches(['[', ']']).parse().ok()?;
        Some((host.to_owned(), port, address))
    })();
    parsed.ok_or_else(|| {
        Failure::new(format!("`--resolve {text}` cannot be read"))
            .help("write it as HOST:PORT:ADDRESS, for example r.example:443:10.0.0.9")
    })
}

fn resolver(text: &str) -> Result<SocketAddr, Failure> {
    let bare = text.trim_matches(['[', ']']).parse::<IpAddr>();
    let with_port = text.parse::<SocketAddr>();
    with_port
        .or_else(|_| bare.map(|address| SocketAddr::new(address, 53)))
        .map_err(|_| {
            Failure::new(format!("`--dns {text}` is no address"))
                .help("write it as 10.0.0.2 or 10.0.0.2:5353")
        })
}

#[expect(
    clippy::disallowed_methods,
    reason = "settings are read here and passed on"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn folder(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|v: &OsString| !v.is_empty())
        .map(PathBuf::from)
}

/// What of this environment tells where the engines' files are. Below another root it is the files in
/// their usual places: this shell's variables are of this system.
pub(super) fn environment(root: Option<&Path>) -> Result<Environment, Failure> {
    let shell = shell();
    if let Some(root) = root {
        if !root.is_dir() {
            let text = format!("`--root {}`: there is no such folder", root.display());
            return Err(Failure::new(text)
                .help("give the folder where the node's file system is mounted, such as /host"));
        }
        let below = |path: PathBuf| root.join(path.strip_prefix("/").unwrap_or(&path));
        return Ok(Environment {
            home: shell.home.map(below),
            user: shell.user,
            ssl_cert_file: shell.ssl_cert_file,
            proxy: shell.proxy,
            root: root.to_owned(),
            foreign: true,
            ..Environment::default()
        });
    }
    Ok(shell)
}

/// The environment of this process.
pub(super) fn shell() -> Environment {
    Environment {
        home: folder("HOME").or_else(|| folder("USERPROFILE")),
        docker_config: folder("DOCKER_CONFIG"),
        docker_host: variable("DOCKER_HOST"),
        docker_context: variable("DOCKER_CONTEXT"),
        containerd_address: variable("CONTAINERD_ADDRESS"),
        container_host: variable("CONTAINER_HOST"),
        container_connection: variable("CONTAINER_CONNECTION"),
        docker_auth_config: variable("DOCKER_AUTH_CONFIG"),
        registry_auth_file: folder("REGISTRY_AUTH_FILE"),
        runtime: folder("XDG_RUNTIME_DIR"),
        config_home: folder("XDG_CONFIG_HOME"),
        data_home: folder("XDG_DATA_HOME"),
        storage_conf: folder("CONTAINERS_STORAGE_CONF"),
        user: user(),
        registries_conf: folder("CONTAINERS_REGISTRIES_CONF"),
        ssl_cert_file: folder("SSL_CERT_FILE"),
        proxy: proxy(),
        root: PathBuf::from("/"),
        foreign: false,
        asks_programs: true,
    }
}

/// The number of this process's user.
#[cfg(unix)]
fn user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    // Linux alone has the file for which the number is wanted.
    std::fs::metadata("/proc/self").ok().map(|m| m.uid())
}

#[cfg(not(unix))]
fn user() -> Option<u32> {
    None
}

pub(super) fn proxy() -> ProxyEnvironment {
    let either = |name: &str| variable(&name.to_uppercase()).or_else(|| variable(name));
    ProxyEnvironment {
        https: either("https_proxy"),
        http: either("http_proxy"),
        no: either("no_proxy").unwrap_or_default(),
    }
}

/// Where engines keep certificates for single registries: as given, or where the engine that is
/// followed looks.
fn certs_dirs(args: &CheckArgs, environment: &Environment) -> Result<Vec<CertsDir>, Failure> {
    if args.certs_dirs.is_empty() {
        return Ok(certs_plan(args.engine, environment));
    }
    if let Some(path) = args.certs_dirs.iter().find(|path| !path.is_dir()) {
        let text = format!("`--certs-dir {}`: there is no such folder", path.display());
        return Err(Failure::new(text)
            .help("give the folder that holds one folder for each registry: /etc/docker/certs.d"));
    }
    Ok(args.certs_dirs.iter().map(CertsDir::given).collect())
}
