//! The manifest by HEAD, beside GET: engines ask so first, and differ in what they do when it fails.

use std::io;

use super::Reader;
use crate::Engine;
use crate::hops::follow::{Answer, Ask, Stopped, broken, first, is_redirect};
use crate::hops::registry::Session;
use crate::net::http::Response;
use crate::net::tcp;
use crate::rows::Row;
use crate::setup::endpoint::Order;

/// What HEAD was answered.
pub(super) type Head = io::Result<Response>;

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
        return match ask() {
            // It would be waited for once more.
            Err(error) if tcp::Failure::of(&error) == tcp::Failure::Timeout => {
                (Err(Stopped::at_home(&session.origin, error)), None)
            }
            head => (get(), Some(head)),
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
    (answer, head)
}

/// What it means for engines that HEAD fails where GET has given the manifest.
pub(super) fn judge(session: &Session<'_, '_>, mut row: Row, head: Option<Head>) -> Row {
    let Some(head) = head else { return row };
    let options = session.net.options;
    let order = options.setup.as_ref().map(|setup| &setup.order);
    // The kubelet's runtime may be known.
    let is_containerd =
        options.engine == Some(Engine::Containerd) || matches!(order, Some(Order::Containerd(_)));
    let response = match head {
        Ok(response) => response,
        // Everybody who asks by HEAD stops here.
        Err(error) => {
            let told = broken(row, &error);
            return told.and_says(", to HEAD; GET is answered with the manifest");
        }
    };
    let status = response.status;
    row.note("head_status", i64::from(status));
    // containerd repeats 405 as GET; its later versions 403 too.
    if (200..300).contains(&status) || is_redirect(&response) || status == 405 {
        return row;
    }
    let stops = "containerd, and with it Kubernetes and BuildKit, asks by HEAD and stops there";
    let says = format!("HEAD is answered with {status} and GET with the manifest");
    if !is_containerd {
        let says = format!("{says}: Docker's own store and Podman go on, {stops}");
        return row.and_warns("head-refused", &says);
    }
    // GET has shown that the image may be had: what is refused is the way of asking.
    let saw = match status {
        429 => "rate-limited",
        500.. => "unavailable",
        _ => "head-refused",
    };
    row.fact("http_status", i64::from(status))
        .failed(saw, format!("{says}: {stops}"))
}
