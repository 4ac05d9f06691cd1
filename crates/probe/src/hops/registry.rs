//! The registry itself: `GET /v2/`, and requests with whatever it takes to be let in.
//! OCI distribution specification, section "Endpoints", end-1.

use pullwhy_model::{Fact, Hop, Image, Status, Target};
use serde_json::Value;

use super::follow::{Answer, Ask, Stopped, broken, follow};
use super::manifest::Reader;
use super::token::encoded;
use crate::challenge::{self, Challenge};
use crate::credentials::{Credential, Flaw, Held};
use crate::engine::again::CODE_ALONE;
use crate::net::clock;
use crate::net::connect::Net;
use crate::net::http::Response;
use crate::net::origin::Origin;
use crate::net::tcp;
use crate::rows::{Row, Rows};
use crate::secrets::CUT;
use crate::setup::endpoint::Endpoint;

/// Bytes of an error's body that are read.
pub(crate) const ERROR: usize = 64 << 10;

/// What is known about a registry during a walk.
#[derive(Clone)]
pub(crate) struct Session<'n, 'o> {
    pub net: &'n Net<'o>,
    pub origin: Origin,
    /// Path of the API: `/v2`.
    pub root: String,
    pub repository: String,
    /// The registry that a mirror is asked for, as containerd tells it.
    pub namespace: Option<String>,
    /// Whether `/v2/` is asked first.
    pub asks_first: bool,
    /// Whether it says that it keeps signatures of images itself, as that of `OpenShift` does.
    pub keeps_signatures: bool,
    pub credential: Option<Credential>,
    /// What was known of it before it was sent.
    pub flaw: Flaw,
    pub challenge: Option<Challenge>,
    /// Value of the `Authorization` field for this registry, and never for another host.
    pub authorization: Option<String>,
}

/// An error of the distribution API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub code: String,
    pub message: String,
    /// There is nothing besides the code: no detail, and no message but the usual one.
    pub alone: bool,
}

impl<'n, 'o> Session<'n, 'o> {
    pub(crate) fn new(net: &'n Net<'o>, endpoint: &Endpoint) -> Self {
        Self {
            net,
            origin: endpoint.origin.clone(),
            root: endpoint.root.clone(),
            repository: endpoint.repository.clone(),
            namespace: endpoint.namespace.clone(),
            asks_first: endpoint.asks_first,
            keeps_signatures: false,
            credential: None,
            flaw: Flaw::None,
            challenge: None,
            authorization: None,
        }
    }

    /// Path of something of the repository: `manifests/latest`.
    pub(crate) fn path(&self, of: &str) -> String {
        let path = format!("{}/{}/{of}", self.root, self.repository);
        match &self.namespace {
            Some(registry) if of.contains('?') => format!("{path}&ns={}", encoded(registry)),
            Some(registry) => format!("{path}?ns={}", encoded(registry)),
            None => path,
        }
    }

    /// Takes a credential to ask with.
    pub(crate) fn hold(&mut self, held: &Held) {
        self.credential = Some(held.credential.clone());
        self.flaw = held.flaw;
        self.authorization = None;
    }

    pub(crate) fn holds_registry_token(&self) -> bool {
        matches!(self.credential, Some(Credential::RegistryToken(_)))
    }

    /// The word for a credential that was refused.
    pub(crate) fn refusal(&self) -> &'static str {
        match self.flaw {
            Flaw::None => "credential-refused",
            Flaw::Suspicious => "suspicious-refused",
            Flaw::Expired => "credential-expired",
        }
    }

    /// Asks whether a registry is there: `/v2/`, or the manifest where only its path need be there.
    /// `false`: it is of no use.
    pub(crate) fn greet(&mut self, image: &Image, rows: &mut Rows<'_>) -> bool {
        if self.asks_first {
            let usable = self.ping(rows);
            // containerd does not ask for `/v2/`: the manifest says how to log in.
            let goes_on = Reader::of(self.net.options).is_containerd() && !rows.fails();
            if usable || !goes_on {
                return usable;
            }
        }
        let version = image.digest.as_ref().or(image.tag.as_ref());
        let path = self.path(&format!("manifests/{}", version.map_or("latest", |v| v)));
        let row = Row::new(Hop::Ping, format!("{}{path}", self.origin.authority()))
            .role(Target::Registry)
            .fact("host", self.origin.host.as_str());
        let accept = [("Accept", super::manifest::ACCEPT.to_owned())];
        let answer = match self.follow(&path, &accept, ERROR, None, Some(rows)) {
            Ok(answer) => answer,
            Err(stopped) => {
                rows.push(stopped.tell(row));
                return false;
            }
        };
        let response = answer.response;
        self.challenge = pick(response.all("www-authenticate"));
        let row = row.fact("http_status", i64::from(response.status));
        let row = match (&self.challenge, response.status) {
            (Some(c), 401) => row.ok(format!("it wants {} authentication", c.scheme)),
            (_, 500..) => row.failed(
                "unavailable",
                format!("{}: {}", response.status, said(&response)),
            ),
            (_, 200) if response.is_page() => {
                let says = "a page for people, where a registry answers with JSON";
                if Reader::keeps(self.net.options) {
                    row.warning("page", format!("{says}; `ctr` takes it as it comes"))
                } else {
                    row.failed("page", says)
                }
            }
            (_, status) => row.ok(format!("{status}: it is not asked for `/v2/`")),
        };
        let usable = !row.is_failure();
        rows.push(row);
        usable
    }

    /// Asks whether a registry is there, and what it wants to see. `false`: it is of no use.
    pub(crate) fn ping(&mut self, rows: &mut Rows<'_>) -> bool {
        let path = format!("{}/", self.root);
        let row = Row::new(Hop::Ping, format!("{}{path}", self.origin.authority()))
            .role(Target::Registry)
            .fact("host", self.origin.host.as_str());
        // Other faults of an early answer are none: it is asked again, as if for the first time.
        let (row, given) = match self.net.pinged(&self.origin) {
            Some((Ok(response), took)) => (row.lasting(took), Some(response)),
            // Silence would be waited for once more.
            Some((Err(error), took)) if tcp::Failure::of(&error) == tcp::Failure::Timeout => {
                rows.push(broken(row.lasting(took), &error));
                return false;
            }
            _ => (row, None),
        };
        let reader = Reader::of(self.net.options);
        let answer = match self.follow(&path, &[], ERROR, given, Some(rows)) {
            Ok(answer) => answer,
            Err(stopped) => {
                let row = stopped.tell(row);
                let silent = row.saw("timeout");
                rows.push(match reader {
                    Reader::Containerd | Reader::Transfer if !silent => not_asked(row),
                    _ => row,
                });
                return false;
            }
        };
        let response = answer.response;
        let row = row
            .fact("http_status", i64::from(response.status))
            .fact("host", answer.at.host.as_str());
        let row = note_code(super::limits::note(row, &response), &response);
        self.challenge = pick(response.all("www-authenticate"));
        self.keeps_signatures = response.field("x-registry-supports-signatures") == Some("1");
        let version = response.field("docker-distribution-api-version").is_some();
        let (row, usable) = match response.status {
            200 if response.is_page() => (
                row.failed(
                    "page",
                    "a page for people, where a registry answers with JSON",
                ),
                false,
            ),
            200 if version
                || response.text().trim().starts_with('{')
                || response.body.is_empty() =>
            {
                (row.ok("the registry lets everyone in"), true)
            }
            200 => (
                row.warning("odd", "200 without the words of a registry"),
                true,
            ),
            401 => match &self.challenge {
                Some(c) => (
                    row.ok(format!("the registry wants {} authentication", c.scheme)),
                    true,
                ),
                None => (
                    row.warning(
                        "no-challenge",
                        "401 without a challenge: nobody can know what it wants",
                    ),
                    true,
                ),
            },
            403 if response.is_page() => (
                row.failed(
                    "blocked",
                    "403 with a page for people: something on the way blocks",
                ),
                false,
            ),
            403 if is_ip_denied(&said(&response)) => (
                row.failed("ip-denied", format!("403: {}", said(&response))),
                false,
            ),
            403 => (
                row.failed("forbidden", format!("403: {}", said(&response))),
                false,
            ),
            404 => (
                row.failed("not-found", "404: no registry under this address"),
                false,
            ),
            429 => (
                super::limits::tell(
                    row.failed("rate-limited", format!("429: {}", said(&response))),
                    &response,
                ),
                false,
            ),
            500.. => (
                row.failed(
                    "unavailable",
                    format!("{}: {}", response.status, said(&response)),
                ),
                false,
            ),
            other => (
                row.failed("not-found", format!("{other}: no registry answers so")),
                false,
            ),
        };
        let goes_on = !usable && reader.is_docker();
        let row = match reader {
            Reader::Docker(_) if !usable => goes_on_anyway(row, self.challenge.is_some()),
            Reader::Containerd | Reader::Transfer if !usable => not_asked(row),
            _ => row,
        };
        rows.push(self.compare_clocks(row, &response));
        usable || goes_on
    }

    /// Notes a clock that is far off: tokens and certificates fail by it.
    fn compare_clocks(&self, row: Row, response: &Response) -> Row {
        let ahead = response.field("date").and_then(|d| self.net.clock.ahead(d));
        let Some((ahead, says)) = ahead.and_then(|a| Some((a, clock::says(a)?))) else {
            return row;
        };
        let row = row.fact("clock_ahead_s", ahead);
        if row.is_failure() {
            row
        } else {
            row.and_warns("clock-skew", &says)
        }
    }

    /// Asks the registry, and whoever it redirects to.
    pub(crate) fn get(
        &self,
        path: &str,
        fields: &[(&str, String)],
        most: usize,
        rows: Option<&mut Rows<'_>>,
    ) -> Result<Answer, Stopped> {
        self.follow(path, fields, most, None, rows)
    }

    /// The same. `given`: the registry's own answer, where it is known.
    fn follow(
        &self,
        path: &str,
        fields: &[(&str, String)],
        most: usize,
        given: Option<Response>,
        rows: Option<&mut Rows<'_>>,
    ) -> Result<Answer, Stopped> {
        let ask = Ask {
            method: "GET",
            path,
            fields,
            authorization: self.authorization.as_deref(),
            most,
            ..Ask::default()
        };
        let roles = (Target::Registry, Target::Registry);
        follow(self.net, &self.origin, roles, ask, given, rows)
    }
}

/// Docker looks at nothing but what it has to log in by, whatever the status (moby,
/// `daemon/pkg/registry/auth.go`, `PingV2Registry`); it learns that nowhere else.
fn goes_on_anyway(row: Row, told_how: bool) -> Row {
    let (word, says) = if told_how {
        ("yes", "Docker goes on, and asks for the manifest")
    } else {
        (
            "no-challenge",
            "Docker goes on, and asks for the manifest without a login",
        )
    };
    row.edit(|row| {
        row.status = Status::Warning;
        row.facts.insert("passed_ping".to_owned(), Fact::from(word));
        row.summary.push_str("; ");
        row.summary.push_str(says);
    })
}

/// containerd's first request is for the manifest (`core/remotes/docker/resolver.go`).
fn not_asked(row: Row) -> Row {
    row.edit(|row| {
        row.status = Status::Warning;
        row.summary
            .push_str("; containerd does not ask for this, but for the manifest");
    })
}

/// The challenge that can be met: Bearer before Basic.
fn pick<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let all: Vec<Challenge> = fields.take(8).flat_map(challenge::parse).collect();
    let of = |scheme: &str| all.iter().find(|c| c.scheme == scheme).cloned();
    of("bearer")
        .or_else(|| of("basic"))
        .or_else(|| all.first().cloned())
}

/// Whether a registry's firewall refuses this machine's address (ACR's words).
pub(crate) fn is_ip_denied(text: &str) -> bool {
    text.contains("client with IP")
}

/// Errors of the distribution API in an answer.
pub(crate) fn errors(response: &Response) -> Vec<ApiError> {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let list = body["errors"].as_array().into_iter().flatten().take(8);
    list.map(|e| {
        let (code, message) = (word(&e["code"]).to_ascii_uppercase(), word(&e["message"]));
        let usual = USUAL.iter().any(|one| *one == (&*code, &*message));
        ApiError {
            alone: e["detail"].is_null() && (message.is_empty() || usual),
            code,
            message,
        }
    })
    .collect()
}

/// Messages that are those of their codes, which Go's clients read as the code alone (distribution,
/// `registry/api/errcode/register.go` and `registry/api/v2/errors.go`).
const USUAL: [(&str, &str); 8] = [
    ("UNKNOWN", "unknown error"),
    ("UNSUPPORTED", "The operation is unsupported."),
    ("UNAVAILABLE", "service unavailable"),
    ("TOOMANYREQUESTS", "too many requests"),
    ("NAME_INVALID", "invalid repository name"),
    ("TAG_INVALID", "manifest tag did not match URI"),
    ("MANIFEST_INVALID", "manifest invalid"),
    ("BLOB_UNKNOWN", "blob unknown to registry"),
];

/// Notes the code of an error of the distribution API.
pub(crate) fn note_code(row: Row, response: &Response) -> Row {
    match errors(response).first() {
        Some(error) if response.status >= 400 => {
            let row = row.fact("error_code", error.code.as_str());
            if error.alone {
                row.fact(CODE_ALONE, "yes")
            } else {
                row
            }
        }
        _ => row,
    }
}

/// What an answer says, in a few words.
pub(crate) fn said(response: &Response) -> String {
    let errors = errors(response);
    if errors.is_empty() {
        let text = response.text();
        let text = text.trim();
        let start: String = text.chars().take(120).collect();
        return match start.len() {
            0 => "no words with it".to_owned(),
            short if short < text.len() => start + CUT,
            _ => start,
        };
    }
    let one = |e: &ApiError| format!("{}: {}", e.code, e.message);
    errors.iter().map(one).collect::<Vec<_>>().join("; ")
}
