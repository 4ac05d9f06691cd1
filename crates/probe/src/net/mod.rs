//! From a host to a connection: name, TCP, proxy, TLS, each with its own row.

pub(crate) mod body;
pub(crate) mod certificate;
pub(crate) mod cidr;
pub(crate) mod clock;
pub(crate) mod connect;
pub(crate) mod dns;
pub(crate) mod guard;
pub(crate) mod http;
pub(crate) mod leaf;
pub(crate) mod names;
pub(crate) mod no_proxy;
pub(crate) mod origin;
pub(crate) mod pool;
pub(crate) mod proxy;
pub(crate) mod resolv;
#[cfg(unix)]
pub(crate) mod socket;
mod socks;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod told;
pub(crate) mod verify;
pub(crate) mod way;
pub(crate) mod wire;

use std::io;
use std::time::{Duration, Instant};

/// Until when a hop may work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self(Instant::now() + timeout)
    }

    /// The earlier one.
    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// Time left; an error of kind `TimedOut` when there is none.
    pub(crate) fn left(self) -> io::Result<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(left)
        }
    }
}

/// What a panic of another thread left is as good as before: nothing is left half done under locks.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// `host:port`, with brackets around an IPv6 address.
pub(crate) fn host_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Splits `host`, `host:port`, `[::1]:port`.
pub(crate) fn split_host(authority: &str, default: u16) -> Option<(String, u16)> {
    if let Some(inside) = authority.strip_prefix('[') {
        let (host, rest) = inside.split_once(']')?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None if rest.is_empty() => default,
            None => return None,
        };
        return Some((host.to_owned(), port));
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some((host.to_owned(), port.parse().ok()?)),
        _ => Some((authority.to_owned(), default)),
    }
    .filter(|(host, _)| !host.is_empty())
}

/// Whether a host is this machine: Docker speaks plain HTTP with such registries if need be.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
