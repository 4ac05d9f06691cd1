//! A blob as it is fetched: opened at the registry, followed to where it is, resumed where the
//! connection is cut.
//!
//! Engines resume by Range from the byte they have, each as long as its table says (`engine::again`).
//! Where none is followed, it is tried as long as any of them would.

mod again;
mod told;

use std::io;
use std::time::{Duration, Instant};

use pullwhy_model::{Hop, Target};

use super::asker::Asker;
use crate::engine::again::{Asked, Resume};
use crate::hops::again::Tries;
use crate::hops::blobs::{judge, path, sent_elsewhere};
use crate::hops::follow::{Ask, Stopped, follow_with};
use crate::hops::manifest::{Blob, Reader};
use crate::hops::registry::ERROR;
use crate::net::body::{Incoming, Opened};
use crate::net::connect::Net;
use crate::net::http::Response;
use crate::rows::{Row, Rows};

/// Errors in a row without progress, after which a blob is given up.
const FRUITLESS: u32 = 3;
/// Bytes that are progress.
const PROGRESS: u64 = 1 << 20;
/// Attempts for one blob.
const ATTEMPTS: u32 = 32;
/// Places of breaks that are told.
const CUTS: usize = 8;
/// Bytes that are read beyond a size that does not count, to see whether they are the right ones.
const BEYOND: u64 = 1 << 30;
/// The first pause between attempts; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a blob did not come.
pub(super) enum Failed {
    /// Nothing answered, or somebody sent it astray.
    Stopped(Stopped),
    /// The host has it not, or not for us, or it has another length.
    Refused(Box<Response>),
    /// It began to come.
    Cut(io::Error),
    /// More came than the manifest says.
    TooLong,
    /// The time of the whole pull is over.
    Late,
}

/// A blob on its way.
pub(super) struct Transfer<'t, 's, 'n, 'o> {
    asker: &'t Asker<'s, 'n, 'o>,
    pub(super) blob: &'t Blob,
    what: Asked,
    /// Whose engine it is fetched for.
    reader: Reader,
    incoming: Option<Incoming>,
    /// Bytes that came.
    pub(super) got: u64,
    /// Requests made for it.
    pub(super) attempts: u32,
    /// Where the connection was cut the first times.
    cuts: Vec<u64>,
    /// How often it was.
    pub(super) breaks: u32,
    /// As the engine that is followed does it.
    tries: Option<Tries>,
    /// When it was reconnected last.
    reconnected: Option<Instant>,
    /// A new token was got for this request.
    renewed: bool,
    /// It is asked for from its beginning, though some of it is here.
    anew: bool,
    /// What came for its rest was of no use, and it was begun anew.
    pub(super) begun_anew: bool,
    /// It is a page for people.
    pub(super) page: bool,
    /// It was compressed for the way, and that is undone.
    pub(super) undone: bool,
    fruitless: u32,
    /// The registry has it not, and the manifest says where it is: it is asked for there.
    elsewhere: bool,
    /// Bytes at the last cut.
    mark: u64,
    pub(super) host: String,
    pub(super) role: Target,
    pub(super) status: u16,
    /// The server began anew though it was asked for the rest.
    pub(super) no_range: bool,
    started: Instant,
}

impl<'t, 's, 'n, 'o> Transfer<'t, 's, 'n, 'o> {
    pub(super) fn new(asker: &'t Asker<'s, 'n, 'o>, blob: &'t Blob, what: Asked) -> Self {
        Self {
            asker,
            blob,
            what,
            reader: Reader::of(asker.session().net.options),
            incoming: None,
            got: 0,
            attempts: 0,
            cuts: Vec::new(),
            breaks: 0,
            tries: Tries::of(asker.session().net, what, asker.ends),
            reconnected: None,
            renewed: false,
            anew: false,
            begun_anew: false,
            page: false,
            undone: false,
            fruitless: 0,
            elsewhere: false,
            mark: 0,
            host: asker.session().origin.host.clone(),
            role: Target::Registry,
            status: 0,
            no_range: false,
            started: Instant::now(),
        }
    }

    /// The row of its layer, with the facts of the transfer.
    pub(super) fn row(&self) -> Row {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let micros = self.started.elapsed().as_micros().max(1);
        let rate = u128::from(self.got) * 1_000_000 / micros;
        let row = Row::new(Hop::Layer, self.blob.digest.clone())
            .role(self.role)
            .took(self.started)
            .fact("digest", self.blob.digest.as_str())
            .fact("layer", self.blob.digest.as_str())
            .fact("size", number(self.blob.size))
            .fact("host", self.host.as_str())
            .fact("attempts", i64::from(self.attempts));
        let row = match self.status {
            0 => row,
            status => row.fact("http_status", i64::from(status)),
        };
        let row = match self.got {
            0 => row,
            got => row
                .fact("bytes", number(got))
                .fact("bytes_per_second", i64::try_from(rate).unwrap_or(i64::MAX)),
        };
        let cuts: Vec<String> = self.cuts.iter().map(u64::to_string).collect();
        if cuts.is_empty() {
            row
        } else {
            row.fact("cut_at", cuts.join(", "))
        }
    }

    /// Opens it, with rows of hosts that are new.
    pub(super) fn open(&mut self, rows: &mut Rows<'_>) -> Result<(), Failed> {
        while self.incoming.is_none() {
            self.reopen(Some(rows))?;
        }
        Ok(())
    }

    /// Reads some bytes; none is the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Failed> {
        loop {
            if self.asker.is_over() {
                return Err(Failed::Late);
            }
            let Some(incoming) = &mut self.incoming else {
                self.reopen(None)?;
                continue;
            };
            match incoming.read(into) {
                // An end that the answer itself has shown is none that engines ask again after.
                Ok(0)
                    if self.got < self.blob.size
                        && self.tries.is_none()
                        && !incoming.shows_end() =>
                {
                    self.note(io::ErrorKind::UnexpectedEof.into())?;
                }
                Ok(0) if self.got < self.blob.size && self.reader.is_containerd() => {
                    return Err(Failed::Cut(io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(0) => {
                    if let Some(incoming) = self.incoming.take() {
                        self.asker.session().net.give_back(incoming);
                    }
                    return Ok(0);
                }
                Ok(read) => {
                    if self.got == 0 {
                        self.page |= is_page(&into[..read]);
                    }
                    self.got += u64::try_from(read).unwrap_or(u64::MAX);
                    if self.blob.size > 0 && self.got > self.most() {
                        return Err(Failed::TooLong);
                    }
                    return Ok(read);
                }
                Err(error) => self.note(error)?,
            }
        }
    }

    /// Whether an engine refuses it if it has another size than the manifest gives. Tried with Docker
    /// 20.10, containerd 1.6 and Podman 4.3: Docker goes by the digest, Podman does so for layers.
    fn is_held_to_its_size(&self) -> bool {
        match self.reader {
            Reader::Containerd | Reader::Transfer => true,
            Reader::Podman => self.what == Asked::Config,
            Reader::Docker(_) | Reader::Any => false,
        }
    }

    /// How many bytes are read at most.
    fn most(&self) -> u64 {
        if self.is_held_to_its_size() {
            self.blob.size
        } else {
            self.blob.size.saturating_add(BEYOND)
        }
    }

    /// Who refuses it for its size, though all bytes are right; `None`: its size is right, or whoever is
    /// followed does not look at it.
    pub(super) fn refused_for_size(&self) -> Option<String> {
        if self.got == self.blob.size && self.got > 0 {
            return None;
        }
        let who = match (self.reader, self.what) {
            (Reader::Any, Asked::Config) => "containerd and Podman refuse it",
            (Reader::Any | Reader::Containerd | Reader::Transfer, _) => "containerd refuses it",
            (Reader::Podman, Asked::Config) => "Podman refuses it",
            _ => return None,
        };
        Some(match self.blob.size {
            0 => format!("the manifest gives it no size: {who}"),
            size => format!(
                "the manifest gives it {size} bytes, and not {}: {who}",
                self.got
            ),
        })
    }

    /// Asks for what is left of it.
    fn reopen(&mut self, rows: Option<&mut Rows<'_>>) -> Result<(), Failed> {
        if self.asker.is_over() {
            return Err(Failed::Late);
        }
        let session = self.asker.session();
        let path = path(session, self.blob);
        let range = [("Range", format!("bytes={}-", self.got))];
        let (number, authorization) = self.asker.authorization();
        let ask = Ask {
            method: "GET",
            path: &path,
            fields: if self.got > 0 && !self.anew {
                &range
            } else {
                &[]
            },
            authorization: authorization.as_deref(),
            most: ERROR,
            ..Ask::default()
        };
        self.attempts += 1;
        let roles = (Target::Registry, Target::Blob);
        let answer = follow_with(
            session.net,
            &session.origin,
            roles,
            ask,
            self.sent_elsewhere(),
            rows,
            Net::open,
        );
        let answer = match answer {
            Ok(answer) => answer,
            Err(stopped) => return self.stopped(stopped),
        };
        (self.host, self.role) = (answer.at.host, answer.role);
        let opened = answer.response;
        self.status = opened.response.status;
        let Some(mut incoming) = opened.incoming else {
            return self.refused(opened.response, number);
        };
        self.page = opened.response.is_page();
        self.undone |= opened.response.undone;
        incoming.allow(session.net.options.timeout, self.asker.ends);
        self.renewed = false;
        if let Some(tries) = &mut self.tries
            && tries.resume() != Resume::InPairs
        {
            tries.fresh();
        }
        if self.got == 0 && !self.is_held_to_its_size() {
            self.incoming = Some(incoming);
            return Ok(());
        }
        if self.got == 0 {
            // A length that is wrong is known before a byte has come.
            let row = judge(Row::new(Hop::Layer, ""), &opened.response, self.blob);
            if row.is_failure() {
                // Its beginning tells whether it is a blob at all.
                let mut start = [0; 64];
                let read = incoming.read(&mut start).unwrap_or_default();
                self.page |= is_page(&start[..read]);
                return Err(Failed::Refused(Box::new(opened.response)));
            }
            self.incoming = Some(incoming);
            return Ok(());
        }
        let anew = std::mem::take(&mut self.anew);
        match (begin_of(&opened.response), self.tries.as_ref()) {
            (Some(begin), _) if begin == self.got => self.incoming = Some(incoming),
            (Some(0), Some(tries)) if !anew && !tries.resume().passes_over() => {
                self.no_range = true;
                return self.without_range();
            }
            // Nothing that was read is kept: what came before is passed over.
            (Some(0), _) => {
                self.no_range = true;
                self.pass_over(incoming)?;
            }
            _ => return self.without_rest(opened.response),
        }
        Ok(())
    }

    /// What the manifest says to be elsewhere, as if the registry sent it there.
    fn sent_elsewhere(&self) -> Option<Opened> {
        let response = sent_elsewhere(self.blob).filter(|_| self.elsewhere)?;
        Some(Opened {
            response,
            incoming: None,
        })
    }

    fn pass_over(&mut self, mut incoming: Incoming) -> Result<(), Failed> {
        let mut left = self.got;
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            if self.asker.is_over() {
                return Err(Failed::Late);
            }
            let most = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            match incoming.read(&mut buffer[..most]) {
                Ok(0) => return self.note(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => left -= u64::try_from(read).unwrap_or(left),
                Err(error) => return self.note(error),
            }
        }
        self.incoming = Some(incoming);
        Ok(())
    }
}

/// Whether a body begins as a page for people does.
fn is_page(start: &[u8]) -> bool {
    let start = &start[..start.len().min(512)];
    Response {
        body: start.to_vec(),
        ..Response::default()
    }
    .is_page()
}

/// The byte at which an answer begins.
fn begin_of(response: &Response) -> Option<u64> {
    if response.status == 200 {
        return Some(0);
    }
    let range = response.field("content-range")?.trim();
    let range = range.strip_prefix("bytes")?.trim_start();
    range.split('-').next()?.parse().ok()
}
