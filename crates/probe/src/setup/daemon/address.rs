//! Addresses of daemons, each read as its client reads it.

use std::net::IpAddr;
use std::path::PathBuf;

/// Who reads an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Docker's client, of `DOCKER_HOST` (docker/cli, `opts/hosts.go`, `ParseHost`).
    Docker,
    /// Docker's client, of a context (moby, `client/client.go`, `ParseHostURL`).
    Context,
    /// Podman's client (`pkg/bindings/connection.go`).
    Podman,
    /// Clients of containerd and of CRI: there is nothing but sockets.
    Runtime,
}

/// An address of a daemon. No user and no password of it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A socket in the file system, or one without a file (`@name`, unix(7)).
    Socket(PathBuf),
    /// Another machine.
    Elsewhere(String),
    /// A way that is not asked: a named pipe, a port of this machine.
    Unasked(String),
    /// None that the client takes, and why.
    Bad(String, String),
    /// A context of Docker's client that is not there, and its file.
    NoContext(String, PathBuf),
}

impl Address {
    /// Reads one. `usual`: the socket that a bare `unix://` means.
    pub(crate) fn parse(text: &str, reads: Reads, usual: &str) -> Self {
        let text = text.trim();
        match text.split_once("://") {
            // Podman's client puts the `/` in front that is missing.
            Some(("unix", path)) if reads == Reads::Podman => {
                Self::Socket(PathBuf::from(format!("/{}", path.trim_start_matches('/'))))
            }
            Some(("unix", path)) => {
                Self::Socket(PathBuf::from(if path.is_empty() { usual } else { path }))
            }
            Some(("npipe", _)) if reads != Reads::Podman => Self::Unasked(text.to_owned()),
            Some((scheme, rest)) if reads.takes(scheme) => Self::of_host(scheme, rest),
            Some((scheme, rest)) => Self::Bad(
                format!("{scheme}://{}", host(rest)),
                format!("`{scheme}://` is nothing that {} takes", reads.client()),
            ),
            None => match reads {
                Reads::Runtime => Self::Socket(PathBuf::from(text)),
                Reads::Docker => Self::of_docker(text),
                Reads::Podman if text.starts_with("unix:/") => {
                    Self::Socket(PathBuf::from(&text["unix:".len()..]))
                }
                Reads::Context | Reads::Podman => Self::Bad(
                    host(text).to_owned(),
                    format!(
                        "it has no `unix://` in front, which {} wants",
                        reads.client()
                    ),
                ),
            },
        }
    }

    /// What has no `://` is a host of TCP to Docker's client, whatever it looks like.
    fn of_docker(text: &str) -> Self {
        let path = text.strip_prefix("unix:").unwrap_or(text);
        if !path.starts_with('/') {
            return Self::of_host("tcp", text);
        }
        let host = if path.len() < text.len() {
            "unix"
        } else {
            "localhost"
        };
        Self::Bad(
            text.to_owned(),
            format!(
                "Docker's client takes it for the host `{host}`, port 2375: a socket is `unix://{path}`"
            ),
        )
    }

    /// A host, without the user there.
    fn of_host(scheme: &str, rest: &str) -> Self {
        let named = host(rest);
        let named = if named.is_empty() { "localhost" } else { named };
        let (name, port) = split(named);
        let port = match port {
            "" if scheme == "tcp" => ":2375".to_owned(),
            "" => String::new(),
            port => format!(":{port}"),
        };
        let name = if name.is_empty() { "localhost" } else { name };
        let shown = format!("{scheme}://{name}{port}");
        if is_here(name) {
            Self::Unasked(shown)
        } else {
            Self::Elsewhere(shown)
        }
    }
}

impl Reads {
    fn takes(self, scheme: &str) -> bool {
        match self {
            Self::Docker | Self::Podman => matches!(scheme, "tcp" | "ssh"),
            Self::Context => matches!(scheme, "tcp" | "ssh" | "http" | "https"),
            Self::Runtime => false,
        }
    }

    fn client(self) -> &'static str {
        match self {
            Self::Docker | Self::Context => "Docker's client",
            Self::Podman => "Podman's client",
            Self::Runtime => "a client of a runtime",
        }
    }
}

/// The host and port of what follows the scheme. A password may hold anything but an `@`: all before
/// the last one goes, before anything else is looked for.
fn host(rest: &str) -> &str {
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Host and port; a host in brackets keeps them.
fn split(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        Some((name, port))
            if !port.contains(']') && (!name.contains(':') || name.ends_with(']')) =>
        {
            (name, port)
        }
        _ => (host, ""),
    }
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, reads: Reads) -> Address {
        Address::parse(text, reads, "/var/run/docker.sock")
    }

    fn socket(path: &str) -> Address {
        Address::Socket(PathBuf::from(path))
    }

    #[test]
    fn no_part_of_a_password_is_kept() {
        for text in [
            "tcp://user:p/w@h.test:1",
            "tcp://user:p?w@h.test:1",
            "tcp://user:p@w@h.test:1",
            "ssh://user:pw@h.test:1/x",
            "user:p/w@h.test:1",
            "gopher://user:p/w@h.test:1",
        ] {
            for reads in [Reads::Docker, Reads::Context, Reads::Podman, Reads::Runtime] {
                let shown = match read(text, reads) {
                    Address::Elsewhere(shown) | Address::Unasked(shown) => shown,
                    Address::Bad(shown, why) => shown + &why,
                    // A path, of which nobody says that it is none.
                    Address::Socket(_) if reads == Reads::Runtime => continue,
                    other => panic!("{text}: {other:?}"),
                };
                assert!(shown.contains("h.test:1"), "{text}: {shown}");
                for part in ["user", "p/", "p?", "pw", "p@", "w@"] {
                    assert!(!shown.contains(part), "{text}: {shown}");
                }
            }
        }
    }

    #[test]
    fn docker_host_is_read_as_dockers_client_reads_it() {
        let elsewhere = |text: &str| Address::Elsewhere(text.to_owned());
        let unasked = |text: &str| Address::Unasked(text.to_owned());
        for (text, wanted) in [
            ("unix:///a.sock", socket("/a.sock")),
            (" unix:// ", socket("/var/run/docker.sock")),
            ("unix://@name", socket("@name")),
            ("tcp://h.test", elsewhere("tcp://h.test:2375")),
            ("h.test:1", elsewhere("tcp://h.test:1")),
            (
                "tcp://localhost.far.test:1",
                elsewhere("tcp://localhost.far.test:1"),
            ),
            (
                "tcp://127.0.0.1.far.test:1",
                elsewhere("tcp://127.0.0.1.far.test:1"),
            ),
            ("ssh://me@h.test", elsewhere("ssh://h.test")),
            ("tcp://", unasked("tcp://localhost:2375")),
            (":2375", unasked("tcp://localhost:2375")),
            ("tcp://0.0.0.0:2375", unasked("tcp://0.0.0.0:2375")),
            ("tcp://127.1.2.3:1", unasked("tcp://127.1.2.3:1")),
            ("tcp://[::1]:1", unasked("tcp://[::1]:1")),
            ("npipe:////./pipe/a", unasked("npipe:////./pipe/a")),
        ] {
            assert_eq!(read(text, Reads::Docker), wanted, "{text}");
        }
        for (text, says) in [
            ("/var/run/docker.sock", "localhost"),
            ("unix:/var/run/docker.sock", "`unix`"),
            ("http://h.test:2375", "http://"),
            ("fd://", "fd://"),
        ] {
            let Address::Bad(_, why) = read(text, Reads::Docker) else {
                panic!("{text} is taken");
            };
            assert!(why.contains(says), "{text}: {why}");
        }
    }

    #[test]
    fn a_bare_path_is_a_socket_to_containerd_alone() {
        for text in ["/a.sock", "a.sock", "unix:///a.sock"] {
            let path = text.trim_start_matches("unix://");
            assert_eq!(read(text, Reads::Runtime), socket(path), "{text}");
        }
        assert!(matches!(
            read("tcp://h.test:1", Reads::Runtime),
            Address::Bad(..)
        ));
        assert!(matches!(read("/a.sock", Reads::Context), Address::Bad(..)));
        for text in ["unix:/a.sock", "unix:///a.sock", "unix://a.sock"] {
            assert_eq!(read(text, Reads::Podman), socket("/a.sock"), "{text}");
        }
    }
}
