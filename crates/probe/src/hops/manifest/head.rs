//! The manifest by HEAD, beside GET: engines ask so first, and differ in what they do when it fails.

use std::io;

use super::Reader;
use pullwhy_model::Hop;

use crate::Engine;
use crate::engine::again::Asked;
use crate::hops::again::Tries;
use crate::hops::follow::{Answer, Ask, Stopped, broken, first, is_redirect};
use crate::hops::limits;
use crate::hops::registry::Session;
use crate::net::http::Response;
use crate::net::tcp;
use crate::rows::Row;

/// What HEAD was answered, and at which try.
pub(super) struct Head {
    answer: io::Result<Response>,
    tries: Option<Tries>,
}

impl Head {
    /// Whether those who ask so go on.
    fn works(&self) -> bool {
        self.answer.as_ref().is_ok_and(|response| {
            // containerd repeats 405 as GET; its later versions 403 too.
            (200..300).contains(&response.status) || is_redirect(response) || response.status == 405
        })
    }

    /// Tells in a row what was answered, and how often it was asked.
    fn note(&self, mut row: Row) -> Row {
        if let Ok(response) = &self.answer {
            row.note("head_status", i64::from(response.status));
        }
        match &self.tries {
            Some(tries) if row.is_failure() => row.edit(|row| tries.tell_failed(row)),
            Some(tries) => row.edit(|row| tries.tell_passed(row)),
            None => row,
        }
    }

    /// The length of what HEAD has found.
    fn length(response: &Response) -> Option<usize> {
        response.field("docker-content-digest")?;
        let is_found = response.status == 200;
        let length = response.field("content-length")?.trim();
        length.parse().ok().filter(|_| is_found)
    }

    /// What one try was answered, for those who may ask again.
    fn row(&self) -> Row {
        let row = Row::new(Hop::Manifest, "");
        match &self.answer {
            Ok(response) => {
                let status = response.status;
                let row = row.fact("http_status", i64::from(status));
                let says = format!("HEAD is answered with {status}");
                limits::note(row, response).failed(saw(status), says)
            }
            Err(error) => broken(row, error).and_says(", to HEAD"),
        }
    }
}

/// The word for the status of a way of asking that is refused: GET may show that the image is there.
fn saw(status: u16) -> &'static str {
    match status {
        429 => "rate-limited",
        500.. => "unavailable",
        _ => "head-refused",
    }
}

/// Asks by HEAD while `get` asks by GET, over another connection, so that it costs no time of its
/// own. Where an engine is followed they go one after the other, as its own do: a fault that passes
/// by itself strikes the first. Redirects are left to GET, which goes the same way.
pub(super) fn beside(
    session: &Session<'_, '_>,
    path: &str,
    fields: &[(&str, String)],
    by_head: bool,
    get: impl FnOnce() -> Result<Answer, Stopped>,
) -> (Result<Answer, Stopped>, Option<Head>) {
    // Podman never asks so.
    if !by_head || session.net.options.engine == Some(Engine::Podman) {
        return (get(), None);
    }
    let ask = || {
        let ask = Ask {
            method: "HEAD",
            path,
            fields,
            authorization: session.authorization.as_deref(),
            ..Ask::default()
        };
        first(session.net, &session.origin, ask)
    };
    if Reader::of(session.net.options) != Reader::Any {
        let until = session.net.deadline();
        let mut tries = Tries::of(session.net, Asked::Manifest, until);
        let mut head = Head {
            answer: ask(),
            tries: None,
        };
        while !head.works()
            && tries
                .as_mut()
                .is_some_and(|tries| tries.again(head.row().so_far()))
        {
            let before = session.net.within(Some(until));
            head.answer = ask();
            session.net.within(before);
        }
        head.tries = tries;
        return match head.answer {
            // It would be waited for once more.
            Err(error) if tcp::Failure::of(&error) == tcp::Failure::Timeout => {
                (Err(Stopped::at_home(&session.origin, error)), None)
            }
            _ => (get(), Some(head)),
        };
    }
    let (answer, head) = std::thread::scope(|scope| {
        let head = scope.spawn(ask);
        (get(), head.join().ok())
    });
    let works = answer.as_ref().is_ok_and(|a| a.response.status == 200);
    let cut = |error: &io::Error| tcp::Failure::of(error) != tcp::Failure::Timeout;
    // A connection that broke is no answer: it is asked once more, alone.
    let again = works && matches!(&head, Some(Err(error)) if cut(error));
    let head = if again { Some(ask()) } else { head };
    let tries = None;
    (answer, head.map(|answer| Head { answer, tries }))
}

/// Notes the answer to HEAD where GET has not given the manifest.
pub(super) fn note(head: Option<&Head>, row: Row) -> Row {
    match head {
        Some(head) => head.note(row),
        None => row,
    }
}

/// Sets the answer to HEAD beside the manifest, which GET has given, and which has so many bytes.
pub(super) fn judge(session: &Session<'_, '_>, row: Row, head: Option<&Head>, bytes: usize) -> Row {
    match head {
        Some(head) if head.works() => {
            let length = head.answer.as_ref().ok().and_then(Head::length);
            let reader = Reader::of(session.net.options);
            head.note(sized(row, length, bytes, reader))
        }
        Some(head) => head.note(refused(session, row, head)),
        None => row,
    }
}

/// containerd takes the length that HEAD says for the manifest's, where its digest is said too
/// (`core/remotes/docker/resolver.go`): of one that is compressed for the way it is another.
fn sized(row: Row, length: Option<usize>, bytes: usize, reader: Reader) -> Row {
    let Some(length) = length.filter(|length| *length > 0 && *length != bytes) else {
        return row;
    };
    let says = format!("HEAD says {length} bytes, and GET gives {bytes}: containerd refuses that");
    match reader {
        _ if row.is_failure() => row,
        Reader::Containerd | Reader::Transfer => row.failed("wrong-size", says),
        Reader::Any => row.and_warns("wrong-size", &says),
        Reader::Docker(_) | Reader::Podman => row,
    }
}

/// What it means for engines that HEAD fails where GET has given the manifest.
fn refused(session: &Session<'_, '_>, row: Row, head: &Head) -> Row {
    // The kubelet's runtime may be known, and Docker's store of images.
    let is_containerd = Reader::of(session.net.options).is_containerd();
    let response = match &head.answer {
        Ok(response) => response,
        // Everybody who asks by HEAD stops here.
        Err(error) => {
            let told = broken(row, error);
            return told.and_says(", to HEAD; GET is answered with the manifest");
        }
    };
    let status = response.status;
    let stops = "containerd, and with it Kubernetes and BuildKit, asks by HEAD and stops there";
    let says = format!("HEAD is answered with {status} and GET with the manifest");
    if !is_containerd {
        let says = format!("{says}: Docker's own store and Podman go on, {stops}");
        return row.and_warns("head-refused", &says);
    }
    row.fact("http_status", i64::from(status))
        .failed(saw(status), format!("{says}: {stops}"))
}
