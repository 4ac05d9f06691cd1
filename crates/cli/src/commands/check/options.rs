//! How a walk is made: what the command line asks for, beside what the engine that is followed sees.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pullwhy_model::text::clean;
use pullwhy_probe::trust::{CertsDir, certs_plan};
use pullwhy_probe::{
    Engine, Environment, Family, IdRange, Options, Platform, Pull, Setup, StartLimit, StorePlan,
    auth_plan, engine_setup, store_plan,
};

use crate::args::CheckArgs;
use crate::commands::environment::variable;
use crate::exit::Failure;
use crate::netns::Network;

pub(super) fn options(
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
pub(in crate::commands) fn can_be_read(option: &str, path: Option<&Path>) -> Result<(), Failure> {
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
pub(in crate::commands) fn seen_by(
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
        let last = folder.file_name().and_then(|name| name.to_str());
        if let Some((name, _)) = last.and_then(|last| last.split_once(':')) {
            return Err(
                Failure::new(format!("`--output {text}` names a tag")).help(format!(
                    "write it as oci:{name}: the image keeps the tag that it is asked for by"
                )),
            );
        }
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
