//! Where an engine and this shell see a pull differently: what works with `curl` or a registry tool in
//! the shell may fail in the engine, and the other way round.

use std::path::PathBuf;

use pullwhy_model::text::{clean, scrub};
use pullwhy_model::{Image, ViewDifference};

use super::endpoint::{self, Order, Route};
use super::podman::{self, Names};
use super::text::Text;
use super::{Setting, Setup, Trouble, json};
use crate::engine::AuthPlace;
use crate::options::Options;
use crate::trust::Source;
use crate::{AuthPlan, Engine, Environment, auth_plan};

/// Bytes of a value.
const MOST: usize = 300;

/// What differs, for an image. `options` are those of the walk, and `environment` is the shell's.
pub fn view_differences(
    reference: &str,
    setup: &Setup,
    options: &Options,
    environment: &Environment,
) -> Vec<ViewDifference> {
    let mut found = Differences(Vec::new());
    proxies(setup, environment, &mut found);
    containers_proxies(setup, environment, &mut found);
    let route = image(reference, setup).map(|image| (endpoint::route(&setup.order, &image), image));
    if let Some((route, image)) = &route {
        order(route, image, &mut found);
        trust(route, options, &mut found);
    }
    store(setup, environment, &mut found);
    credentials(&options.auth, environment, &mut found);
    resolvers(setup, environment, &mut found);
    found.0
}

/// Proxies in which the engine and this shell differ, as what is to be doubted.
pub fn proxies_that_differ(setup: &Setup, environment: &Environment) -> Option<Trouble> {
    let own = setup.proxy.as_ref().filter(|_| !environment.foreign)?;
    let shell = &environment.proxy;
    let no = Some(shell.no.clone()).filter(|no| !no.is_empty());
    let mut differ = Vec::new();
    let mut place = None;
    for (name, engine, shell) in [
        ("HTTPS_PROXY", &own.https, &shell.https),
        ("HTTP_PROXY", &own.http, &shell.http),
        ("NO_PROXY", &own.no, &no),
    ] {
        let value = engine.as_ref().map(|setting| &setting.value);
        if value == shell.as_ref() {
            continue;
        }
        let told = |value: Option<&String>| value.map_or("none".to_owned(), |v| format!("`{v}`"));
        place = place.or_else(|| engine.as_ref().map(|setting| setting.source.clone()));
        differ.push(format!(
            "{name} {}, here {}",
            told(value),
            told(shell.as_ref())
        ));
    }
    let place = place.or_else(|| own.all().next().map(|setting| setting.source.clone()));
    (!differ.is_empty()).then(|| Trouble {
        source: place.unwrap_or_else(|| match &setup.process {
            Some(folder) => Source::file(folder.join("environ")),
            None => Source::file("environment"),
        }),
        saw: "proxy-differs",
        says: format!(
            "{} has other proxies than this shell ({}): what works in one proves nothing for the other",
            setup.engine,
            differ.join("; ")
        ),
        stops: false,
    })
}

struct Differences(Vec<ViewDifference>);

impl Differences {
    fn add(&mut self, what: &str, engine: &str, shell: &str, follows: &str) {
        if engine == shell {
            return;
        }
        let safe = |text: &str| clean(&scrub(text), MOST);
        self.0.push(ViewDifference {
            what: what.to_owned(),
            engine: safe(engine),
            shell: safe(shell),
            follows: Some(follows.to_owned()).filter(|f| !f.is_empty()),
        });
    }
}

fn with_place(setting: &Setting) -> String {
    format!("{} ({})", setting.value, setting.source)
}

fn proxies(setup: &Setup, environment: &Environment, found: &mut Differences) {
    let shell = &environment.proxy;
    let no = Some(shell.no.clone()).filter(|no| !no.is_empty());
    // Podman runs in the shell: only what it sets for itself differs.
    let Some(own) = &setup.proxy else {
        let any = shell.https.is_some() || shell.http.is_some();
        if setup.engine != Engine::Podman {
            found.add(
                "proxy",
                "not known: there is no unit of its service, and no process whose environment may be read",
                if any { "set in the environment" } else { "none" },
                "the check goes by the shell's; as root, or where the engine runs, it goes by the engine's",
            );
        }
        return;
    };
    for (name, engine, shell) in [
        ("HTTPS_PROXY", &own.https, &shell.https),
        ("HTTP_PROXY", &own.http, &shell.http),
        ("NO_PROXY", &own.no, &no),
    ] {
        let (a, b) = (engine.as_ref().map(|s| &s.value), shell.as_ref());
        if a == b {
            continue;
        }
        let follows = match (name, a, b) {
            ("NO_PROXY", None, Some(_)) => "the engine asks these hosts through its proxy too",
            ("NO_PROXY", Some(_), None) => {
                "the engine goes past its proxy for these hosts, this shell does not"
            }
            ("NO_PROXY", ..) => "each goes past its proxy for other hosts",
            (_, None, Some(_)) => "the engine goes without it, whatever works in this shell",
            (_, Some(_), None) => "the engine goes through it, this shell does not",
            _ => {
                "each goes through another: what works in this shell proves nothing for the engine"
            }
        };
        let engine = engine.as_ref().map_or("none".to_owned(), with_place);
        found.add(name, &engine, shell.as_deref().unwrap_or("none"), follows);
    }
}

/// `proxies` of Docker's `config.json`, which look as if they were for pulls.
fn containers_proxies(setup: &Setup, environment: &Environment, found: &mut Differences) {
    if setup.engine != Engine::Docker {
        return;
    }
    let folder = environment.docker_config.clone();
    let below_home = || environment.home.as_ref().map(|home| home.join(".docker"));
    let Some(path) = folder.or_else(below_home).map(|f| f.join("config.json")) else {
        return;
    };
    let Ok(Some(file)) = Text::read(&path) else {
        return;
    };
    let Some(at) = json::places(&file.text).get("proxies").copied() else {
        return;
    };
    let shell = format!("`proxies` of {}", file.source(at));
    found.add(
        "proxies of config.json",
        "not used for pulls",
        &shell,
        "they are set in containers and builds; the daemon's own are in daemon.json or its unit",
    );
}

fn image(reference: &str, setup: &Setup) -> Option<Image> {
    let read = pullwhy_reference::parse(reference).ok()?;
    let image = Image {
        reference: reference.to_owned(),
        registry: Some(read.domain),
        repository: Some(read.path),
        tag: read.tag,
        digest: read.digest,
    };
    let Order::Podman(own) = &setup.order else {
        return Some(image);
    };
    match podman::names(reference, &own.registries, &image) {
        Names::Candidates(images, _) => images.into_iter().next(),
        Names::Full | Names::Refused(..) => Some(image),
    }
}

fn order(route: &Route, image: &Image, found: &mut Differences) {
    let named = route
        .endpoints
        .iter()
        .any(|endpoint| endpoint.named.is_some());
    let Some(own) = endpoint::Endpoint::of(image).filter(|_| named) else {
        return;
    };
    let each = route
        .endpoints
        .iter()
        .map(|endpoint| match &endpoint.named {
            Some(source) => format!("{} ({source})", endpoint.url()),
            None => endpoint.url(),
        });
    let each: Vec<String> = each.collect();
    let engine = each.join(", then ");
    found.add(
        "mirrors",
        &engine,
        &own.url(),
        "a tool in this shell asks the registry itself, the engine others before it",
    );
}

fn trust(route: &Route, options: &Options, found: &mut Differences) {
    for endpoint in route.endpoints.iter().take(4) {
        let trust = endpoint.trusted_by(options);
        let mut engine = Vec::new();
        engine.extend(
            trust
                .skip_verify
                .iter()
                .map(|s| format!("certificates unchecked ({s})")),
        );
        engine.extend(
            trust
                .authorities
                .iter()
                .map(|a| format!("the authority {}", a.source)),
        );
        engine.extend(
            trust
                .clients
                .iter()
                .map(|c| format!("the client certificate {}", c.source)),
        );
        if !engine.is_empty() {
            found.add(
                &format!("trust of {}", endpoint.registry),
                &engine.join(", "),
                "the system's store only",
                "the engine has settings of its own for this registry, which tools in this shell do not read",
            );
        }
    }
}

fn store(setup: &Setup, environment: &Environment, found: &mut Differences) {
    let engine = setup.authorities.as_ref().map(with_place);
    let shell = environment.ssl_cert_file.as_ref();
    let shell = shell.map(|path| path.display().to_string());
    let same = setup.authorities.as_ref().map(|s| &s.value) == shell.as_ref();
    if same
        || setup.engine == Engine::Podman
        || (setup.proxy.is_none() && setup.authorities.is_none())
    {
        return;
    }
    found.add(
        "SSL_CERT_FILE",
        engine.as_deref().unwrap_or("none: the system's store"),
        shell.as_deref().unwrap_or("none: the system's store"),
        "the two trust different authorities",
    );
}

fn credentials(plan: &AuthPlan, environment: &Environment, found: &mut Differences) {
    let there = |plan: &AuthPlan| -> Vec<String> {
        let all = plan.sources.iter().filter(|source| match &source.place {
            AuthPlace::File(path) => path.exists(),
            AuthPlace::Text(_) => true,
        });
        all.map(crate::AuthSource::name).collect()
    };
    let list = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let (engine, shell) = (there(plan), there(&auth_plan(None, None, environment)));
    found.add(
        "credentials",
        &list(&engine),
        &list(&shell),
        "a login that only the other one reads is of no use here",
    );
}

/// Name servers of the engine's process, which may have a `resolv.conf` of its own.
fn resolvers(setup: &Setup, environment: &Environment, found: &mut Differences) {
    let servers = |path: PathBuf| -> Option<String> {
        let file = Text::read(&path).ok().flatten()?;
        let words = file
            .text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("nameserver"));
        let all: Vec<&str> = words.map(str::trim).take(8).collect();
        Some(all.join(", "))
    };
    let Some(process) = &setup.process else {
        return;
    };
    let engine = servers(process.join("root/etc/resolv.conf"));
    let shell = servers(environment.rooted("etc/resolv.conf"));
    if let (Some(engine), Some(shell)) = (engine, shell) {
        let follows = "the two ask different resolvers: split DNS shows only on one side";
        found.add("resolvers", &engine, &shell, follows);
    }
}
