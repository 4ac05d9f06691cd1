//! Sockets that take connections, and faulty ones that do not.
//!
//! A black hole without root: the queue of a listener that never accepts is filled until the
//! kernel drops further SYNs (`tcp(7)`, `tcp_abort_on_overflow` is off by default).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Address that no server of the lab listens on: connections there are refused.
pub const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 77));

/// Address that no connection can be made to: the broadcast address of loopback. The kernel says so
/// (ENETUNREACH) before anything is sent.
pub const NO_WAY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 255, 255, 255));

/// A listener with its address.
#[derive(Debug)]
pub struct Bound {
    /// Where clients go.
    pub address: SocketAddr,
    listener: TcpListener,
}

/// Takes a free port on loopback.
pub fn bind() -> io::Result<Bound> {
    bind_to(Ipv4Addr::LOCALHOST, 0)
}

/// Takes a port; any free one for 0.
pub fn bind_to(address: Ipv4Addr, port: u16) -> io::Result<Bound> {
    let listener = TcpListener::bind((address, port))?;
    Ok(Bound {
        address: listener.local_addr()?,
        listener,
    })
}

/// Stops what was started when it goes.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    wake: Option<SocketAddr>,
    // Held open: the port, and connections that fill a queue.
    _held: Vec<TcpListener>,
    _filling: Vec<TcpStream>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(address) = self.wake {
            // A listener that is gone needs no waking.
            let _ = TcpStream::connect_timeout(&address, Duration::from_millis(200));
        }
    }
}

impl Bound {
    /// Takes connections, each in a thread of its own, until it is dropped.
    pub fn serve(self, each: impl Fn(TcpStream) + Send + Sync + 'static) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, address) = (Arc::clone(&stop), self.address);
        let each = Arc::new(each);
        std::thread::spawn(move || {
            for socket in self.listener.incoming() {
                if seen.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(socket) = socket else { continue };
                let each = Arc::clone(&each);
                std::thread::spawn(move || each(socket));
            }
        });
        Running {
            stop,
            wake: Some(address),
            _held: Vec::new(),
            _filling: Vec::new(),
        }
    }

    /// Keeps the port, so that nobody else gets it; clients are sent to [`NOBODY`].
    pub fn refuse(self) -> Running {
        held(self.listener, Vec::new())
    }

    /// Never answers a connection.
    pub fn black_hole(self) -> io::Result<Running> {
        let mut filling = Vec::new();
        // More than any backlog that the standard library asks for.
        for _ in 0..8192 {
            match TcpStream::connect_timeout(&self.address, Duration::from_millis(60)) {
                Ok(stream) => filling.push(stream),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(held(self.listener, filling));
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("the queue of a listener was not filled"))
    }
}

fn held(listener: TcpListener, filling: Vec<TcpStream>) -> Running {
    Running {
        stop: Arc::default(),
        wake: None,
        _held: vec![listener],
        _filling: filling,
    }
}

/// Waits until a client has said something, without taking it.
pub fn wait_for_words(socket: &TcpStream) {
    // Whatever happened, the caller goes on to end the connection.
    let _ = socket.set_read_timeout(Some(super::stream::PATIENCE));
    let _ = socket.peek(&mut [0; 1]);
}
