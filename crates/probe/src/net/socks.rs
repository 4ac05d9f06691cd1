//! SOCKS version 5 as Go's `net/http` speaks it to `socks5://` and `socks5h://` proxies: the name goes
//! to the proxy, which resolves it. RFC 1928; user and password by RFC 1929.

use std::io::{self, Read, Write};

use super::wire::Wire;

/// Why a proxy gives no connection.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It wants a login, or another one.
    Login(&'static str),
    /// It says so itself.
    Said(&'static str),
    Io(io::Error),
    /// What answered is no SOCKS proxy.
    Nonsense,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;

/// Asks for a connection to a host.
pub(super) fn connect(
    wire: &mut Wire,
    login: Option<&(Vec<u8>, Vec<u8>)>,
    host: &str,
    port: u16,
) -> Result<(), Refusal> {
    match login {
        None => wire.write_all(&[VERSION, 1, NO_LOGIN])?,
        Some(_) => wire.write_all(&[VERSION, 2, NO_LOGIN, LOGIN])?,
    }
    let [version, method] = take::<2>(wire)?;
    if version != VERSION {
        return Err(Refusal::Nonsense);
    }
    match (method, login) {
        (NO_LOGIN, _) => {}
        (LOGIN, Some(login)) => log_in(wire, login)?,
        (_, Some(_)) => return Err(Refusal::Login("it takes no login of this kind")),
        (_, None) => return Err(Refusal::Login("it wants a login")),
    }
    let mut request = vec![VERSION, 1, 0];
    match host.parse() {
        Ok(std::net::IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Ok(std::net::IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(3);
            request.extend(counted(host.as_bytes())?);
        }
    }
    request.extend(port.to_be_bytes());
    wire.write_all(&request)?;
    let [version, reply, _, kind] = take::<4>(wire)?;
    if version != VERSION {
        return Err(Refusal::Nonsense);
    }
    let says = match reply {
        0 => None,
        1 => Some("the proxy failed"),
        2 => Some("its rules do not allow this host"),
        3 => Some("it cannot reach the network of this host"),
        4 => Some("it cannot reach this host, or does not find its name"),
        5 => Some("the host refuses the proxy's connection"),
        6 => Some("its time for the connection ran out"),
        _ => Some("it does not do this"),
    };
    if let Some(says) = says {
        return Err(Refusal::Said(says));
    }
    // The address that it connects from, which nobody needs.
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(take::<1>(wire)?[0]),
        _ => return Err(Refusal::Nonsense),
    };
    let mut rest = vec![0; length + 2];
    wire.read_exact(&mut rest)?;
    Ok(())
}

fn log_in(wire: &mut Wire, (user, password): &(Vec<u8>, Vec<u8>)) -> Result<(), Refusal> {
    let mut request = vec![1];
    request.extend(counted(user)?);
    request.extend(counted(password)?);
    wire.write_all(&request)?;
    match take::<2>(wire)? {
        [_, 0] => Ok(()),
        _ => Err(Refusal::Login("it does not take the login")),
    }
}

/// A text behind its length.
fn counted(text: &[u8]) -> io::Result<Vec<u8>> {
    let length = u8::try_from(text.len()).map_err(io::Error::other)?;
    let mut out = vec![length];
    out.extend(text);
    Ok(out)
}

fn take<const N: usize>(wire: &mut Wire) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    wire.read_exact(&mut bytes)?;
    Ok(bytes)
}
