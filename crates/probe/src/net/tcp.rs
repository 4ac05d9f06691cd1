//! TCP connections to every address of a host.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What became of a connection.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub address: SocketAddr,
    pub elapsed_ms: f64,
    pub result: Result<TcpStream, Failure>,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Refused,
    Timeout,
    Unreachable(String),
    Reset,
    Other(String),
}

impl Failure {
    pub(crate) fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionRefused => Self::Refused,
            Kind::TimedOut | Kind::WouldBlock => Self::Timeout,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable => {
                Self::Unreachable(words(error))
            }
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::UnexpectedEof => Self::Reset,
            _ => Self::Other(words(error)),
        }
    }

    pub(crate) fn saw(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Reset => "reset",
            Self::Other(_) => "failed",
        }
    }

    pub(crate) fn says(&self) -> String {
        match self {
            Self::Refused => "connection refused".to_owned(),
            Self::Timeout => "no answer in time".to_owned(),
            Self::Reset => "connection reset".to_owned(),
            Self::Unreachable(why) | Self::Other(why) => why.clone(),
        }
    }
}

/// The system's words without `(os error 113)`.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let cut = text.find(" (os error").unwrap_or(text.len());
    text[..cut].to_lowercase()
}

/// Addresses of a host tried at most.
const MOST: usize = 16;

/// Tries all addresses side by side, so that a dead one costs its time once.
pub(crate) fn connect(addresses: &[IpAddr], port: u16, timeout: Duration) -> Vec<Attempt> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = addresses
            .iter()
            .take(MOST)
            .map(|address| {
                let address = SocketAddr::new(*address, port);
                scope.spawn(move || attempt(address, timeout))
            })
            .collect();
        threads.into_iter().filter_map(|t| t.join().ok()).collect()
    })
}

fn attempt(address: SocketAddr, timeout: Duration) -> Attempt {
    let started = Instant::now();
    let result = TcpStream::connect_timeout(&address, timeout).map_err(|e| Failure::of(&e));
    if let Ok(stream) = &result {
        // Small requests, each waited for: Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
    }
    Attempt {
        address,
        elapsed_ms: started.elapsed().as_secs_f64() * 1000.0,
        result,
    }
}
