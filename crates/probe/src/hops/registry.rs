//! The registry itself: `GET /v2/`, and requests with whatever it takes to be let in.
//! OCI distribution specification, section "Endpoints", end-1.

use std::io;

use pullwhy_model::{Hop, Target};
use serde_json::Value;

use super::credentials::Credential;
use crate::challenge::{self, Challenge};
use crate::net::connect::{Net, Origin};
use crate::net::http::{Request, Response};
use crate::net::tcp;
use crate::rows::{Row, Rows};

/// Bytes of an error's body that are read.
pub(crate) const ERROR: usize = 64 << 10;

/// What is known about a registry during a walk.
pub(crate) struct Session<'n, 'o> {
    pub net: &'n Net<'o>,
    pub origin: Origin,
    pub repository: String,
    pub credential: Option<Credential>,
    pub challenge: Option<Challenge>,
    /// Value of the `Authorization` field for this registry, and never for another host.
    pub authorization: Option<String>,
}

/// An error of the distribution API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub code: String,
    pub message: String,
}

impl<'n, 'o> Session<'n, 'o> {
    pub(crate) fn new(
        net: &'n Net<'o>,
        origin: Origin,
        repository: String,
        credential: Option<Credential>,
    ) -> Self {
        Self {
            net,
            origin,
            repository,
            credential,
            challenge: None,
            authorization: None,
        }
    }

    /// Asks whether a registry is there, and what it wants to see. `false`: it is of no use.
    pub(crate) fn ping(&mut self, rows: &mut Rows<'_>) -> bool {
        let row = Row::new(Hop::Ping, format!("{}/v2/", self.origin.authority()))
            .role(Target::Registry)
            .fact("host", self.origin.host.as_str());
        let response = match self.get("/v2/", &[], ERROR) {
            Ok(response) => response,
            Err(error) => {
                rows.push(broken(row, &error));
                return false;
            }
        };
        let row = row.fact("http_status", i64::from(response.status));
        self.challenge = pick(response.all("www-authenticate"));
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
            403 => (
                row.failed("forbidden", format!("403: {}", said(&response))),
                false,
            ),
            404 => (
                row.failed("not-found", "404: no registry under this address"),
                false,
            ),
            429 => (
                row.failed("rate-limited", format!("429: {}", said(&response))),
                false,
            ),
            301 | 302 | 303 | 307 | 308 => {
                let to = response.field("location").unwrap_or_default().to_owned();
                (
                    row.fact("location", to.as_str()).failed(
                        "redirect",
                        format!("redirected to {to}: a login page or another service"),
                    ),
                    false,
                )
            }
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
        rows.push(row);
        usable
    }

    pub(crate) fn get(
        &self,
        path: &str,
        fields: &[(&str, String)],
        most: usize,
    ) -> io::Result<Response> {
        self.send("GET", path, fields, most)
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, String)],
        most: usize,
    ) -> io::Result<Response> {
        let mut fields = fields.to_vec();
        if let Some(authorization) = &self.authorization {
            fields.push(("Authorization", authorization.clone()));
        }
        let authority = self.origin.authority();
        let request = Request {
            method,
            path,
            host: &authority,
            fields,
            body: None,
            most,
        };
        self.net.ask(&self.origin, &request)
    }
}

/// The challenge that can be met: Bearer before Basic.
fn pick<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let all: Vec<Challenge> = fields.take(8).flat_map(challenge::parse).collect();
    let of = |scheme: &str| all.iter().find(|c| c.scheme == scheme).cloned();
    of("bearer")
        .or_else(|| of("basic"))
        .or_else(|| all.first().cloned())
}

/// A request that got no answer.
pub(crate) fn broken(row: Row, error: &io::Error) -> Row {
    if error.kind() == io::ErrorKind::InvalidData {
        return row.failed("no-http", format!("what answers speaks no HTTP: {error}"));
    }
    match tcp::Failure::of(error) {
        tcp::Failure::Timeout => row.failed("timeout", "no answer in time"),
        tcp::Failure::Reset => row.failed("cut", "the connection was cut before the answer"),
        other => row.failed(other.saw(), other.says()),
    }
}

/// Errors of the distribution API in an answer.
pub(crate) fn errors(response: &Response) -> Vec<ApiError> {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let list = body["errors"].as_array().into_iter().flatten().take(8);
    list.map(|e| ApiError {
        code: word(&e["code"]).to_ascii_uppercase(),
        message: word(&e["message"]),
    })
    .collect()
}

/// What an answer says, in a few words.
pub(crate) fn said(response: &Response) -> String {
    let errors = errors(response);
    if errors.is_empty() {
        let text = response.text();
        let start: String = text.trim().chars().take(120).collect();
        return if start.is_empty() {
            "no words with it".to_owned()
        } else {
            start
        };
    }
    let one = |e: &ApiError| format!("{}: {}", e.code, e.message);
    errors.iter().map(one).collect::<Vec<_>>().join("; ")
}
