//! One question to one resolver, over UDP and, if the answer was cut, over TCP.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};

use super::Deadline;
use super::wire::Wire;

/// What a resolver said about a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub addresses: Vec<IpAddr>,
    /// Names on the way, when the name is an alias.
    pub aliases: Vec<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The name does not exist.
    NoSuchName,
    /// The name exists and has no address.
    Empty,
    /// The resolver could not find out.
    Unable,
    /// The resolver does not answer this client.
    Refused,
    /// Nothing came back in time.
    Timeout,
    /// Nobody listens there, or no way leads there.
    Unreachable(String),
    /// What came back is no answer to the question.
    Nonsense,
}

impl Failure {
    /// The word by which causes are found.
    pub(crate) fn saw(&self) -> &'static str {
        match self {
            Self::NoSuchName => "nxdomain",
            Self::Empty => "empty",
            Self::Unable => "servfail",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Nonsense => "nonsense",
        }
    }

    /// For people.
    pub(crate) fn says(&self) -> String {
        match self {
            Self::NoSuchName => "no such name (NXDOMAIN)".to_owned(),
            Self::Empty => "the name has no address".to_owned(),
            Self::Unable => "server failure (SERVFAIL)".to_owned(),
            Self::Refused => "the resolver refuses to answer".to_owned(),
            Self::Timeout => "no answer in time".to_owned(),
            Self::Unreachable(why) => format!("the resolver cannot be reached: {why}"),
            Self::Nonsense => "the answer makes no sense".to_owned(),
        }
    }
}

/// Asks a resolver for both kinds of addresses of a name, side by side.
pub(crate) fn ask(server: SocketAddr, name: &str, timeout: Duration) -> Result<Answer, Failure> {
    let (four, six) = std::thread::scope(|scope| {
        let six = scope.spawn(|| ask_one(server, name, TYPE::AAAA, timeout));
        let four = ask_one(server, name, TYPE::A, timeout);
        (four, six.join().unwrap_or(Err(Failure::Nonsense)))
    });
    match (four, six) {
        (Ok(mut four), Ok(six)) => {
            four.addresses.extend(six.addresses);
            if four.aliases.is_empty() {
                four.aliases = six.aliases;
            }
            if four.addresses.is_empty() {
                Err(Failure::Empty)
            } else {
                Ok(four)
            }
        }
        (Ok(one), Err(why)) | (Err(why), Ok(one)) => {
            if one.addresses.is_empty() {
                Err(why)
            } else {
                Ok(one)
            }
        }
        // A resolver that says "no such name" to one kind knows more than one that is silent.
        (Err(a), Err(b)) => Err(if b == Failure::NoSuchName { b } else { a }),
    }
}

fn ask_one(
    server: SocketAddr,
    name: &str,
    kind: TYPE,
    timeout: Duration,
) -> Result<Answer, Failure> {
    let deadline = Deadline::after(timeout);
    let id = question_id(name, kind);
    let query = query(id, name, kind).ok_or(Failure::NoSuchName)?;
    let mut answer = Err(Failure::Timeout);
    // A lost datagram is asked again, as the system's resolver does.
    for share in [timeout / 3, timeout] {
        answer = over_udp(server, &query, share, deadline)
            .map_err(|error| failure(&error))
            .and_then(|bytes| read(&bytes, id));
        if answer != Err(Failure::Timeout) {
            break;
        }
    }
    match answer? {
        Some(answer) => Ok(answer),
        // It did not fit into the datagram.
        None => over_tcp(server, &query, deadline)
            .map_err(|error| failure(&error))
            .and_then(|bytes| read(&bytes, id))?
            .ok_or(Failure::Nonsense),
    }
}

fn query(id: u16, name: &str, kind: TYPE) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok()?;
    packet
        .questions
        .push(Question::new(name, kind.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().ok()
}

/// An id that others on the path do not know beforehand is not needed for safety here, since
/// nothing is fetched on the strength of it without TLS; it only tells answers apart.
fn question_id(name: &str, kind: TYPE) -> u16 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one((name, format!("{kind:?}"))) & 0xffff) as u16
}

fn over_udp(
    server: SocketAddr,
    query: &[u8],
    share: Duration,
    deadline: Deadline,
) -> io::Result<Vec<u8>> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.send(query)?;
    let until = Deadline::after(share.min(deadline.left()?));
    let mut buffer = vec![0u8; 4096];
    loop {
        socket.set_read_timeout(Some(until.left()?))?;
        let length = socket.recv(&mut buffer)?;
        // An answer to another question is waited out.
        if buffer[..length].get(..2) == query.get(..2) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

fn over_tcp(server: SocketAddr, query: &[u8], deadline: Deadline) -> io::Result<Vec<u8>> {
    let socket = TcpStream::connect_timeout(&server, deadline.left()?)?;
    // A resolver that drips is cut off by the deadline, not byte by byte.
    let mut stream = Wire::new(socket, deadline);
    let length = u16::try_from(query.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes())?;
    stream.write_all(query)?;
    let mut size = [0; 2];
    stream.read_exact(&mut size)?;
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(size))];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::Timeout,
        _ => Failure::Unreachable(error.to_string()),
    }
}

/// Reads an answer; `None` when it was cut.
fn read(bytes: &[u8], id: u16) -> Result<Option<Answer>, Failure> {
    let packet = Packet::parse(bytes).map_err(|_| Failure::Nonsense)?;
    if packet.id() != id {
        return Err(Failure::Nonsense);
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Ok(None);
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Err(Failure::NoSuchName),
        RCODE::ServerFailure => return Err(Failure::Unable),
        RCODE::Refused => return Err(Failure::Refused),
        _ => return Err(Failure::Nonsense),
    }
    let mut answer = Answer::default();
    for record in packet.answers.iter().take(64) {
        match &record.rdata {
            RData::A(a) => answer.addresses.push(Ipv4Addr::from(a.address).into()),
            RData::AAAA(a) => answer.addresses.push(Ipv6Addr::from(a.address).into()),
            RData::CNAME(alias) => answer.aliases.push(alias.0.to_string()),
            _ => {}
        }
    }
    Ok(Some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_an_answer_or_a_failure() {
        for bytes in [&b""[..], &[0; 12], &[0xff; 64], &[0xc0; 40]] {
            let _ = read(bytes, 0);
        }
    }
}
