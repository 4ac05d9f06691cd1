//! A long path on a short one: a relay that holds back every byte, and the connection itself.
//!
//! The kernel completes a connection to the relay at once. What a client says is held back as if
//! its connection had taken one time there and back first, so that a client which waits for the
//! connection is told everything when it would be told over a path of that length.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::listener::{Running, bind};

/// Relays connections to a server, each way so much later. Gives the port for clients.
pub fn relay(server: SocketAddr, each_way: Duration) -> io::Result<(Running, u16)> {
    let bound = bind()?;
    let port = bound.address.port();
    let running = bound.serve(move |client| {
        // A server that is not there ends the client's connection.
        let _ = join(&client, server, each_way);
    });
    Ok((running, port))
}

fn join(client: &TcpStream, server: SocketAddr, each_way: Duration) -> io::Result<()> {
    let connected = Instant::now() + 2 * each_way;
    let server = TcpStream::connect(server)?;
    for socket in [client, &server] {
        socket.set_nodelay(true)?;
    }
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || hold_back(from, to, each_way, connected));
    let (from, to) = (server, client.try_clone()?);
    std::thread::spawn(move || hold_back(from, to, each_way, connected));
    Ok(())
}

/// Passes bytes on, each so much after it came, and none that came before `connected` earlier than
/// if it had come then.
fn hold_back(mut from: TcpStream, mut to: TcpStream, each_way: Duration, connected: Instant) {
    let (tell, told) = channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        for (at, bytes) in told {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        // The other side has ended: so does this one.
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut buffer = [0; 16384];
    while let Ok(read) = from.read(&mut buffer) {
        let at = Instant::now().max(connected) + each_way;
        if read == 0 || tell.send((at, buffer[..read].to_vec())).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_over_a_new_connection_takes_two_times_there_and_back() {
        let echo = bind().expect("a port");
        let at = echo.address;
        let _running = echo.serve(|mut socket| {
            let mut byte = [0];
            while socket.read_exact(&mut byte).is_ok() && socket.write_all(&byte).is_ok() {}
        });
        let each_way = Duration::from_millis(30);
        let (_relay, port) = relay(at, each_way).expect("a relay");
        // A machine that does more takes longer now and then: the shortest time counts.
        let mut shortest = [Duration::MAX; 2];
        for _ in 0..5 {
            let mut client = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
            for shortest in &mut shortest {
                let started = Instant::now();
                client.write_all(b"x").expect("sent");
                client.read_exact(&mut [0]).expect("an answer");
                *shortest = started.elapsed().min(*shortest);
            }
        }
        for (took, times) in shortest.into_iter().zip([4, 2]) {
            let least = times * each_way;
            assert!(
                took >= least && took < least + each_way,
                "{times}: {took:?}"
            );
        }
    }
}
