//! A request that is followed through redirects, as engines do: every further host with its own
//! rows, and no credential to any of them.

use std::io;

use pullwhy_model::{Hop, Target};

use crate::engine::again::{Came, RESET};
use crate::net::body::Opened;
use crate::net::connect::Net;
use crate::net::http::{Request, Response};
use crate::net::origin::Origin;
use crate::net::{tcp, tls};
use crate::rows::{NOT_CONTACTED, Row, Rows};

/// Redirects that are followed: what Docker, containerd and Podman ask ends with its tenth request (Go,
/// `net/http/client.go`, `defaultCheckRedirect`, and the like of it in distribution and containerd).
const REDIRECTS: usize = 9;

/// A request as it is sent to the first host.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub fields: &'a [(&'a str, String)],
    /// For the first host only.
    pub authorization: Option<&'a str>,
    /// For the first host only: it holds a credential.
    pub body: Option<&'a str>,
    /// Bytes of an answer that are read.
    pub most: usize,
    /// Further hosts are asked for the first byte: a signed URL is signed for GET.
    pub first_byte: bool,
}

/// An answer: read to its end, or with a body that is still to come.
pub(crate) trait Reply {
    /// Its status and fields.
    fn head(&self) -> &Response;
}

impl Reply for Response {
    fn head(&self) -> &Response {
        self
    }
}

impl Reply for Opened {
    fn head(&self) -> &Response {
        &self.response
    }
}

/// An answer, and who gave it.
pub(crate) struct Answer<R = Response> {
    pub response: R,
    pub at: Origin,
    pub role: Target,
}

/// Why there is no answer, and where it ended.
pub(crate) struct Stopped {
    at: Origin,
    role: Target,
    why: Why,
}

enum Why {
    Broken(io::Error),
    Astray(&'static str, String),
}

impl Stopped {
    /// The first host gave no answer.
    pub(crate) fn at_home(at: &Origin, error: io::Error) -> Self {
        Self {
            at: at.clone(),
            role: Target::Registry,
            why: Why::Broken(error),
        }
    }

    /// The error of the connection, where it is one.
    pub(crate) fn error(&self) -> Option<&io::Error> {
        match &self.why {
            Why::Broken(error) => Some(error),
            Why::Astray(..) => None,
        }
    }

    /// Tells it in a row.
    pub(crate) fn tell(&self, row: Row) -> Row {
        let row = row.role(self.role).fact("host", self.at.host.as_str());
        match &self.why {
            Why::Broken(error) => broken(row, error),
            Why::Astray(saw, says) => row.failed(saw, says.as_str()),
        }
    }
}

/// Whether an answer sends elsewhere.
pub(crate) fn is_redirect(response: &Response) -> bool {
    matches!(response.status, 301 | 302 | 303 | 307 | 308)
}

/// The first host's own answer.
pub(crate) fn first(net: &Net<'_>, first: &Origin, ask: Ask<'_>) -> io::Result<Response> {
    net.ask(
        first,
        &request(ask, &first.authority(), ask.path, false, true),
    )
}

/// Sends a request and follows redirects. `roles`: of the first host, and of others. `given`: the
/// first host's answer, where it is known. `rows`: where rows of new hosts go.
pub(crate) fn follow(
    net: &Net<'_>,
    first: &Origin,
    roles: (Target, Target),
    ask: Ask<'_>,
    given: Option<Response>,
    rows: Option<&mut Rows<'_>>,
) -> Result<Answer, Stopped> {
    follow_with(net, first, roles, ask, given, rows, Net::ask)
}

/// The same with another way to send.
pub(crate) fn follow_with<'o, R: Reply>(
    net: &Net<'o>,
    first: &Origin,
    roles: (Target, Target),
    ask: Ask<'_>,
    mut given: Option<R>,
    mut rows: Option<&mut Rows<'_>>,
    send: impl Fn(&Net<'o>, &Origin, &Request<'_>) -> io::Result<R>,
) -> Result<Answer<R>, Stopped> {
    let mut at = first.clone();
    let mut path = ask.path.to_owned();
    for step in 0..=REDIRECTS {
        let home = is_home(net, first, &at);
        let role = if home { roles.0 } else { roles.1 };
        let stop = |why| Stopped {
            at: at.clone(),
            role,
            why,
        };
        let astray = |saw, says: String| stop(Why::Astray(saw, says));
        let response = match given.take() {
            Some(response) => response,
            None => send(
                net,
                &at,
                &request(ask, &at.authority(), &path, step > 0, home),
            )
            .map_err(|error| stop(Why::Broken(error)))?,
        };
        if response.head().status == 407 {
            return Err(astray(
                "proxy-refused",
                "407: the proxy on the way wants a login".to_owned(),
            ));
        }
        if !is_redirect(response.head()) {
            return Ok(Answer { response, at, role });
        }
        let location = response.head().field("location").unwrap_or_default();
        let Some((to, target)) = at.join(&path, location, net.is_plain(&at)) else {
            return Err(astray(
                "bad-redirect",
                "a redirect that leads nowhere".to_owned(),
            ));
        };
        let role = if is_home(net, first, &to) {
            roles.0
        } else {
            roles.1
        };
        let stop = |saw, says| Stopped {
            at: to.clone(),
            role,
            why: Why::Astray(saw, says),
        };
        if !net.is_plain(&at) && !to.https {
            return Err(stop(
                "bad-redirect",
                format!("a redirect from HTTPS to plain HTTP on {}", to.host),
            ));
        }
        if ask.body.is_some() && !is_home(net, first, &to) {
            return Err(stop(
                "bad-redirect",
                format!("a redirect that would hand the credential to {}", to.host),
            ));
        }
        let there = match rows.as_deref_mut() {
            Some(rows) => net.reach(&to, role, rows),
            None => net.reach(&to, role, &mut Rows::new(&mut ())),
        };
        if !there {
            let (saw, says) = if net.holds_back(&to) {
                (NOT_CONTACTED, "must not be contacted")
            } else {
                ("unreachable", "cannot be reached")
            };
            return Err(stop(
                saw,
                format!("redirected to {}, which {says}", to.host),
            ));
        }
        (at, path) = (to, target);
    }
    let role = if is_home(net, first, &at) {
        roles.0
    } else {
        roles.1
    };
    Err(Stopped {
        at,
        role,
        why: Why::Astray("redirect-loop", format!("more than {REDIRECTS} redirects")),
    })
}

fn request<'r>(
    ask: Ask<'r>,
    host: &'r str,
    path: &'r str,
    further: bool,
    home: bool,
) -> Request<'r> {
    let mut fields = ask.fields.to_vec();
    if let Some(authorization) = ask.authorization.filter(|_| home) {
        fields.push(("Authorization", authorization.to_owned()));
    }
    let first_byte = further && ask.first_byte;
    if first_byte {
        fields.push(("Range", "bytes=0-0".to_owned()));
    }
    Request {
        method: if first_byte { "GET" } else { ask.method },
        path,
        host,
        fields,
        body: ask.body.map(str::to_owned),
        most: ask.most,
    }
}

/// Whether a host is the one that the credential is for: same name and port, or the step from
/// plain HTTP to HTTPS on the usual ports; never a step down.
fn is_home(net: &Net<'_>, first: &Origin, to: &Origin) -> bool {
    let port = first.port == to.port || (first.port == 80 && to.port == 443);
    first.host == to.host && port && (to.https || net.is_plain(first))
}

/// A request that got no answer.
pub(crate) fn broken(row: Row, error: &io::Error) -> Row {
    // TLS 1.3 lets a server refuse after the client's handshake is done.
    if let Some((saw, says)) = tls::refused_later(error) {
        return row.at(Hop::Tls).failed(saw, says);
    }
    if error.kind() == io::ErrorKind::InvalidData {
        return row.failed("no-http", format!("what answers speaks no HTTP: {error}"));
    }
    match tcp::Failure::of(error) {
        // A request that was not made says so itself.
        tcp::Failure::Timeout if error.get_ref().is_some() => {
            row.failed("timeout", error.to_string())
        }
        tcp::Failure::Timeout => row.failed("timeout", "no answer in time"),
        tcp::Failure::Reset => {
            let row = row.failed("cut", "the connection was cut before the answer");
            tell_reset(row, error)
        }
        other => row.failed(other.saw(), other.says()),
    }
}

/// Notes that a connection was reset, and did not just end: engines that ask again tell the two apart.
pub(crate) fn tell_reset(row: Row, error: &io::Error) -> Row {
    match Came::of_error(error) {
        Came::Reset => row.fact(RESET, "yes"),
        _ => row,
    }
}
