//! A scenario's servers, started; and the options of a client that stands among them.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use pullwhy_probe::trust::{CertsDir, certs_plan};
use pullwhy_probe::{
    Engine, EngineProxy, Environment, IdRange, Options, Platform, ProxyEnvironment, Pull,
    StartLimit, StorePlan, auth_plan, engine_setup, store_plan,
};

use crate::Error;
use crate::answer::{AnswerRow, Request};
use crate::certificate::{self, Authority};
use crate::content::{Content, digest};
use crate::dns::{self, Dns};
use crate::encode::in_base64;
use crate::http::Desk;
use crate::listener::{self, Bound, NO_WAY, NOBODY, Running, wait_for_words};
use crate::scenario::{Listen, Scenario, Server, Serves};
use crate::stream::{PATIENCE, Stream};

/// Servers that run until it is dropped.
#[derive(Debug)]
pub struct Stage {
    /// The image to ask for.
    pub image: String,
    /// What the walk is asked to do.
    pub options: Options,
    desks: BTreeMap<String, (Arc<Desk>, bool)>,
    placeholders: Vec<(String, String)>,
    running: Vec<Running>,
    dns: Vec<Dns>,
    folder: Folder,
    network: Network,
}

/// Where servers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// On loopback, on whichever ports are free.
    Loopback,
    /// In a network namespace that belongs to one scenario alone, where [`OWN`] is an address of
    /// this machine's: servers with a name are there, for Docker trusts any name that leads to a
    /// loopback address. Ports are the same each time: 53 for DNS, the others from 5000 on in the
    /// order of their names, unless the scenario says by which port clients know one.
    Own,
}

/// Address of servers with a name in a network of their own (RFC 5737).
pub const OWN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

const NOT_THERE: &str = r#"{"errors":[{"code":"NOT_FOUND","message":"not found"}]}"#;

impl Network {
    fn port(self, number: usize, server: &Server) -> u16 {
        match (self, server.listen) {
            (Self::Loopback, _) => 0,
            (Self::Own, Listen::Dns) => 53,
            (Self::Own, _) => server.port.unwrap_or(5000 + number as u16),
        }
    }

    fn bind(self, number: usize, server: &Server) -> io::Result<Bound> {
        let address = match self {
            Self::Own if server.host.is_some() => OWN,
            _ => Ipv4Addr::LOCALHOST,
        };
        listener::bind_to(address, self.port(number, server))
    }

    /// The address that clients are told.
    fn address(self, server: &Server, bound: IpAddr) -> IpAddr {
        match (self, server.listen) {
            (Self::Loopback, Listen::Refuse) => NOBODY,
            (Self::Loopback, Listen::Unreachable) => NO_WAY,
            (Self::Own, Listen::Refuse) => Ipv4Addr::new(192, 0, 2, 77).into(),
            (Self::Own, Listen::Unreachable) => Ipv4Addr::new(198, 51, 100, 7).into(),
            (Self::Own, _) if server.host.is_some() => OWN.into(),
            _ => bound,
        }
    }
}

impl Stage {
    /// Starts a scenario's servers on loopback.
    pub fn start(scenario: &Scenario) -> Result<Self, Error> {
        Self::start_on(scenario, Network::Loopback)
    }

    /// Starts a scenario's servers.
    pub fn start_on(scenario: &Scenario, network: Network) -> Result<Self, Error> {
        let folder = Folder::new()?;
        let content = match &scenario.made {
            Some(made) => made.content(),
            None => Content::new(),
        };
        let wrap = |e: rcgen::Error| Error::Certificate {
            server: "authority".to_owned(),
            why: e.to_string(),
        };
        let authority = Authority::new("Lab Root CA").map_err(wrap)?;
        let mut bound = BTreeMap::new();
        let mut placeholders = content.placeholders();
        if !scenario.files.is_empty() {
            placeholders.extend(pems(&authority).map_err(wrap)?);
        }
        let mut hosts = String::new();
        let mut dns = BTreeMap::new();
        for (number, (name, server)) in scenario.servers.iter().enumerate() {
            let listen = |source| Error::Listen {
                server: name.clone(),
                source,
            };
            if server.listen == Listen::Dns {
                dns.insert(
                    name.clone(),
                    dns::start(server.names.clone(), network.port(number, server))
                        .map_err(listen)?,
                );
                continue;
            }
            let socket = network.bind(number, server).map_err(listen)?;
            let place = Place::of(server, network, socket.address);
            place.note(name, &mut placeholders);
            if !scenario.not_in_hosts.contains(&place.host) {
                hosts.push_str(&format!("{} {}\n", place.address, place.host));
            }
            bound.insert(name.clone(), (socket, place));
        }
        let mut stage = Self {
            image: String::new(),
            options: Options::default(),
            desks: BTreeMap::new(),
            placeholders,
            running: Vec::new(),
            dns: Vec::new(),
            folder,
            network,
        };
        let moved = bound
            .values()
            .filter(|(_, place)| place.port != place.bound);
        let ports: Vec<(String, u16, u16)> = moved
            .map(|(_, place)| (place.host.clone(), place.port, place.bound))
            .collect();
        let certificates = stage.folder.0.join("certs.d");
        for (name, (socket, place)) in bound {
            let server = &scenario.servers[&name];
            write(
                &certificates.join(place.authority()).join("ca.crt"),
                &authority.pem(),
            )?;
            stage.open(&name, server, socket, &place, &content, &authority)?;
        }
        write(&stage.folder.0.join("hosts"), &hosts)?;
        write(&stage.folder.0.join("system.crt"), &authority.pem())?;
        if scenario
            .files
            .keys()
            .any(|f| f.starts_with("etc/containers/"))
            && !scenario.no_policy
        {
            let path = stage.folder.0.join("etc/containers/policy.json");
            write(&path, r#"{"default":[{"type":"insecureAcceptAnything"}]}"#)?;
        }
        for (name, text) in &scenario.files {
            let path = stage.folder.0.join(stage.fill(name));
            write(&path, &stage.fill(text))?;
            if text.starts_with("#!") {
                runnable(&path)?;
            }
        }
        stage.options = stage.options(scenario, &dns, certificates)?;
        stage.options.ports = ports;
        stage.image = stage.fill(&scenario.image);
        stage.dns = dns.into_values().collect();
        Ok(stage)
    }

    fn open(
        &mut self,
        name: &str,
        server: &Server,
        socket: Bound,
        place: &Place,
        content: &Content,
        authority: &Authority,
    ) -> Result<(), Error> {
        let running = match server.listen {
            Listen::Refuse | Listen::Unreachable => socket.refuse(),
            Listen::BlackHole => socket.black_hole().map_err(|source| Error::Listen {
                server: name.to_owned(),
                source,
            })?,
            // Closing with words unread makes the kernel send a reset.
            Listen::Reset => socket.serve(|socket| wait_for_words(&socket)),
            Listen::Cut => socket.serve(|mut socket| {
                wait_for_words(&socket);
                let _ = io::Read::read(&mut socket, &mut [0; 16384]);
            }),
            Listen::Banner => socket.serve(|mut socket| {
                let _ = io::Write::write_all(&mut socket, b"SSH-2.0-OpenSSH_9.6\r\n");
                let _ = io::Read::read(&mut socket, &mut [0; 16384]);
            }),
            Listen::Bytes => {
                let (bytes, drip) = (unhex(&server.bytes), server.drip_ms);
                socket.serve(move |socket| say(socket, &bytes, Duration::from_millis(drip)))
            }
            Listen::Socks => {
                let reply = unhex(&server.bytes).first().copied();
                socket.serve(move |socket| {
                    // Clients go away in the middle.
                    let _ = crate::socks::serve(socket, reply);
                })
            }
            Listen::Silent => socket.serve(|socket| {
                let _ = Stream::accept(socket, None).map(|mut s| {
                    while io::Read::read(&mut s, &mut [0; 4096]).is_ok_and(|n| n > 0) {}
                });
            }),
            Listen::Http | Listen::Tls | Listen::Proxy | Listen::Dns => {
                let tls = if server.listen == Listen::Tls {
                    let (config, pem) = certificate::config(server, &place.host, authority)
                        .map_err(|why| Error::Certificate {
                            server: name.to_owned(),
                            why,
                        })?;
                    self.placeholders.push((format!("{name}.pem"), pem));
                    Some(Arc::new(config))
                } else {
                    None
                };
                let desk = Arc::new(self.desk(server, content));
                self.desks
                    .insert(name.to_owned(), (Arc::clone(&desk), server.anything));
                socket.serve(move |socket| {
                    if let Ok(stream) = Stream::accept(socket, tls.as_ref()) {
                        desk.serve(stream);
                    }
                })
            }
        };
        self.running.push(running);
        Ok(())
    }

    fn desk(&self, server: &Server, content: &Content) -> Desk {
        let own = server.answers.iter().cloned();
        let mut rows: Vec<_> = own.map(|row| row.filled(&|text| self.fill(text))).collect();
        let blobs = server
            .blobs_at
            .as_ref()
            .map(|name| self.fill(&format!("{{{name}.url}}")));
        match server.serves {
            Serves::Nothing => {}
            Serves::Image => rows.extend(content.rows(false, blobs.as_deref())),
            Serves::Index => rows.extend(content.rows(true, blobs.as_deref())),
            Serves::Blobs => rows.extend(content.blob_rows()),
        }
        let proxy = server.listen == Listen::Proxy;
        if self.network == Network::Own && !proxy {
            let by_digest = named_by_digest(&rows);
            rows.extend(by_digest);
            // Engines ask for more than a scenario foresees; a registry does not have it.
            rows.push(AnswerRow {
                path: "*".to_owned(),
                status: 404,
                body: Some(NOT_THERE.to_owned()),
                ..AnswerRow::default()
            });
        }
        Desk::new(rows, proxy)
    }

    fn options(
        &self,
        scenario: &Scenario,
        dns: &BTreeMap<String, Dns>,
        certificates: PathBuf,
    ) -> Result<Options, Error> {
        let folder = &self.folder.0;
        for (text, path) in [
            (&scenario.config, "docker/config.json"),
            (&scenario.auth_json, "run/containers/auth.json"),
            (&scenario.node_config, "var/lib/kubelet/config.json"),
            (&scenario.authfile, "given"),
        ] {
            if let Some(text) = text {
                write(&folder.join(path), &in_base64(&self.fill(text)))?;
            }
        }
        write(&folder.join("resolv.conf"), &scenario.resolv_conf)?;
        let engine = scenario.engine.as_deref();
        let engine = engine.and_then(|word| Engine::ALL.into_iter().find(|e| e.word() == word));
        let environment = Environment {
            docker_config: Some(folder.join("docker")),
            runtime: Some(folder.join("run")),
            home: Some(folder.join("home")),
            user: Some(scenario.user),
            root: folder.clone(),
            ..Environment::default()
        };
        let mut setup = engine.map(|engine| engine_setup(engine, &environment));
        if !scenario.certs_of_engine
            && let Some(setup) = &mut setup
        {
            setup.read_hosts_below(vec![certificates.clone()]);
        }
        let given = scenario.authfile.as_ref().map(|_| folder.join("given"));
        let proxy = scenario.proxy.as_ref().map(|text| self.fill(text));
        let creds = scenario.creds.as_deref().map(in_base64);
        let creds = creds.as_ref().and_then(|c| c.split_once(':'));
        let asked = scenario.resolvers.iter().filter_map(|name| dns.get(name));
        Ok(Options {
            timeout: Duration::from_millis(scenario.timeout_ms),
            platform: scenario
                .platform
                .as_deref()
                .and_then(Platform::parse)
                .unwrap_or(Platform {
                    os: "linux".to_owned(),
                    architecture: "amd64".to_owned(),
                    ..Platform::default()
                }),
            dns: asked.map(|server| server.address).next(),
            credentials: creds.map(|(u, p)| (u.to_owned(), p.to_owned())),
            auth: auth_plan(engine, given.as_deref(), &environment),
            engine,
            proxy: match setup.as_ref().and_then(|s| s.proxy.as_ref()) {
                Some(own) => EngineProxy::environment(own),
                None => ProxyEnvironment {
                    https: proxy.clone(),
                    http: proxy,
                    no: scenario.no_proxy.clone(),
                },
            },
            certs_dirs: match scenario.certs_dirs.as_slice() {
                [] if scenario.certs_of_engine => certs_plan(engine, &environment),
                [] => vec![CertsDir::given(certificates)],
                own => own
                    .iter()
                    .map(|name| CertsDir::given(folder.join(name)))
                    .collect(),
            },
            system_authorities: scenario.system_trusts.then(|| folder.join("system.crt")),
            now: scenario
                .now
                .map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
            etc: folder.clone(),
            name_servers: scenario
                .name_servers
                .iter()
                .filter_map(|name| Some(dns.get(name)?.address))
                .collect(),
            pull: scenario.pull.as_ref().map(|wish| Pull {
                total: wish
                    .total_ms
                    .map_or(Pull::default().total, Duration::from_millis),
                userns: match &wish.userns {
                    Some(range) => IdRange::parse(range),
                    None => setup.as_ref().and_then(|s| s.ids),
                },
                swell: wish.swell.unwrap_or(Pull::default().swell),
                layout: wish.keep.then(|| self.layout()),
            }),
            store: scenario.store.as_ref().map(|wish| StorePlan {
                system: PathBuf::from("/"),
                rate: wish.rate,
                limit: wish.start_limit.map(|seconds| StartLimit {
                    seconds,
                    named_by: "--start-limit".to_owned(),
                }),
                ..store_plan(engine, None, &environment)
            }),
            setup,
            ..Options::default()
        })
    }

    /// Where its files are: `hosts`, `system.crt`, `docker/config.json`, and those of the scenario.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Where the image is kept, where the scenario keeps it.
    pub fn layout(&self) -> PathBuf {
        self.folder.0.join("layout")
    }

    /// Puts values in for `{placeholders}`.
    pub fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.placeholders {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// What a server was asked.
    pub fn asked(&self, server: &str) -> Vec<Request> {
        let desk = self.desks.get(server);
        desk.map(|(desk, _)| desk.asked()).unwrap_or_default()
    }

    /// Requests that no row of the scenario knows.
    pub fn unlisted(&self) -> Vec<String> {
        let strict = self.desks.iter().filter(|(_, (_, anything))| !anything);
        strict
            .flat_map(|(name, (desk, _))| {
                let own = desk.unlisted().into_iter();
                own.map(move |request| format!("{name}: {request}"))
            })
            .collect()
    }
}

/// A registry has under its digest what it has under a tag: Docker and containerd ask for the tag's
/// digest, and then for that, where `check` is content with the tag.
fn named_by_digest(rows: &[AnswerRow]) -> Vec<AnswerRow> {
    let tagged = rows.iter().filter_map(|row| {
        let (folder, tag) = row.path.rsplit_once('/')?;
        let whole = row.body.as_deref().filter(|_| row.status == 200)?;
        if !folder.ends_with("/manifests") || tag.contains([':', '*']) {
            return None;
        }
        let told = row.headers.get("Docker-Content-Digest").cloned();
        let name = told.unwrap_or_else(|| digest(whole.as_bytes()));
        let path = format!("{folder}/{name}");
        let known = rows.iter().any(|row| row.path == path);
        let row = row.clone();
        (!known).then_some(AnswerRow { path, ..row })
    });
    tagged.collect()
}

/// Where clients find a server.
#[derive(Debug)]
struct Place {
    host: String,
    address: IpAddr,
    port: u16,
    /// Where it really is.
    bound: u16,
    tls: bool,
}

impl Place {
    fn of(server: &Server, network: Network, bound: SocketAddr) -> Self {
        let address = network.address(server, bound.ip());
        Self {
            host: server.host.clone().unwrap_or_else(|| address.to_string()),
            address,
            port: server.port.unwrap_or(bound.port()),
            bound: bound.port(),
            tls: server.listen == Listen::Tls,
        }
    }

    fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn note(&self, name: &str, placeholders: &mut Vec<(String, String)>) {
        let scheme = if self.tls { "https" } else { "http" };
        for (suffix, value) in [
            ("", self.authority()),
            (".url", format!("{scheme}://{}", self.authority())),
            (".host", self.host.clone()),
            (".port", self.port.to_string()),
        ] {
            placeholders.push((format!("{name}{suffix}"), value));
        }
    }
}

/// A folder of its own that goes with its stage.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("pullwhy-lab-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Certificates and keys for files: of the authority that servers are signed by, and of a stranger.
fn pems(authority: &Authority) -> Result<Vec<(String, String)>, rcgen::Error> {
    let stranger = Authority::new("Other Root CA")?;
    let mut all = Vec::new();
    for (name, authority) in [("ca", authority), ("stranger", &stranger)] {
        let (certificate, key) = certificate::client(authority)?;
        all.push((format!("{name}.pem"), authority.pem()));
        all.push((format!("{name}.client"), certificate));
        all.push((format!("{name}.key"), key));
    }
    Ok(all)
}

/// Waits for words and says some; one at a time, over and over, with a pause before each.
fn say(mut socket: TcpStream, bytes: &[u8], pause: Duration) {
    wait_for_words(&socket);
    let _ = io::Read::read(&mut socket, &mut [0; 16384]);
    if pause.is_zero() {
        let _ = io::Write::write_all(&mut socket, bytes);
        return;
    }
    let until = Instant::now() + PATIENCE;
    for byte in bytes.iter().cycle() {
        std::thread::sleep(pause);
        // The client has gone, as it should.
        if Instant::now() > until || io::Write::write_all(&mut socket, &[*byte]).is_err() {
            return;
        }
    }
}

/// Bytes of hexadecimal digits; blanks part them for the eye.
fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .filter_map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

/// Makes a file a program.
fn runnable(path: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text))
        .map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
}
