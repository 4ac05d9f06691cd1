//! A scenario's servers, started; and the options of a client that stands among them.

mod files;
mod options;
mod place;

use std::collections::BTreeMap;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pullwhy_probe::Options;

use crate::Error;
use crate::answer::{AnswerRow, Request};
use crate::certificate::{self, Authority};
use crate::content::{Content, digest};
use crate::dns::{self, Dns};
use crate::http::Desk;
use crate::listener::{Bound, Running, wait_for_words};
use crate::scenario::{Listen, Scenario, Server, Serves};
use crate::signature::Signers;
use crate::stream::{PATIENCE, Stream};
use files::{Folder, runnable, write};
use place::Place;

pub use place::{Network, OWN};

/// Servers that run until it is dropped.
#[derive(Debug)]
pub struct Stage {
    /// The image to ask for.
    pub image: String,
    /// What the walk is asked to do.
    pub options: Options,
    desks: BTreeMap<String, (Arc<Desk>, bool)>,
    signers: Signers,
    placeholders: Vec<(String, String)>,
    running: Vec<Running>,
    dns: Vec<Dns>,
    folder: Folder,
    network: Network,
}

const NOT_THERE: &str = r#"{"errors":[{"code":"NOT_FOUND","message":"not found"}]}"#;

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
        let authority = if scenario.authority_expired {
            Authority::expired("Lab Root CA")
        } else {
            Authority::new("Lab Root CA")
        }
        .map_err(wrap)?;
        let mut bound = BTreeMap::new();
        let mut placeholders = content.placeholders();
        if !scenario.files.is_empty() {
            placeholders.extend(pems(&authority).map_err(wrap)?);
        }
        let signers = Signers::new(&scenario.signers).map_err(wrap)?;
        placeholders.extend(signers.placeholders());
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
            signers,
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
            Listen::Http | Listen::Tls | Listen::Proxy | Listen::ProxyTls | Listen::Dns => {
                let tls = if matches!(server.listen, Listen::Tls | Listen::ProxyTls) {
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
                let desk = Arc::new(self.desk(name, server, content)?);
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

    fn desk(&self, name: &str, server: &Server, content: &Content) -> Result<Desk, Error> {
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
        if !server.signatures.is_empty() {
            let signed = self
                .signers
                .rows(&server.signatures, &|text| self.fill(text));
            rows.extend(signed.ok_or_else(|| Error::Signature {
                server: name.to_owned(),
            })?);
        }
        let proxy = matches!(server.listen, Listen::Proxy | Listen::ProxyTls);
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
        Ok(Desk::new(rows, proxy))
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
