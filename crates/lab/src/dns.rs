//! A DNS server over UDP and TCP that tells what its scenario says.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use simple_dns::rdata::{A, AAAA, CNAME, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

use crate::listener::{self, Running};
use crate::scenario::{DnsFault as Fault, DnsName};

/// Pause between the bytes of an answer that drips.
const DRIP: Duration = Duration::from_millis(100);

/// A DNS server that runs until it is dropped.
#[derive(Debug)]
pub struct Dns {
    /// Where it answers.
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
    _tcp: Running,
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that reads; if it is gone, all the better.
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = socket.send_to(&[], self.address);
        }
    }
}

/// What is told over UDP or TCP.
#[derive(Debug)]
struct Zone {
    names: Vec<DnsName>,
    /// Whether answers over TCP come byte by byte.
    drips: bool,
    asked: Mutex<HashMap<String, u32>>,
}

/// Starts a server; the same port over UDP and TCP, any free one for 0.
pub fn start(names: Vec<DnsName>, port: u16) -> io::Result<Dns> {
    let zone = Arc::new(Zone {
        drips: names.iter().any(|name| name.fault == Fault::Drip),
        names,
        asked: Mutex::default(),
    });
    // The port of a TCP listener may be taken for UDP: another one then.
    let (bound, udp) = (0..20)
        .find_map(|_| {
            let bound = listener::bind_to(Ipv4Addr::LOCALHOST, port).ok()?;
            let udp = UdpSocket::bind(bound.address).ok()?;
            Some((bound, udp))
        })
        .ok_or_else(|| io::Error::other("no port is free for both UDP and TCP"))?;
    let address = bound.address;
    let stop = Arc::new(AtomicBool::new(false));
    let (seen, own) = (Arc::clone(&stop), Arc::clone(&zone));
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = udp.recv_from(&mut buffer) {
            if seen.load(Ordering::SeqCst) {
                break;
            }
            if let Some(answer) = own.answer(&buffer[..length], false) {
                // A client that is gone asks no more.
                let _ = udp.send_to(&answer, client);
            }
        }
    });
    let tcp = bound.serve(move |socket| {
        // A client that goes away gets no answer.
        let _ = over_tcp(socket, &zone);
    });
    Ok(Dns {
        address,
        stop,
        _tcp: tcp,
    })
}

fn over_tcp(mut socket: TcpStream, zone: &Zone) -> io::Result<()> {
    socket.set_read_timeout(Some(super::stream::PATIENCE))?;
    let mut size = [0; 2];
    socket.read_exact(&mut size)?;
    let mut query = vec![0; usize::from(u16::from_be_bytes(size))];
    socket.read_exact(&mut query)?;
    if let Some(answer) = zone.answer(&query, true) {
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        let whole = [&length.to_be_bytes()[..], &answer].concat();
        let portion = if zone.drips { 1 } else { whole.len() };
        for part in whole.chunks(portion) {
            socket.write_all(part)?;
            if zone.drips {
                std::thread::sleep(DRIP);
            }
        }
    } else {
        // Silence, not an end.
        let _ = socket.read(&mut size);
    }
    Ok(())
}

impl Zone {
    fn answer(&self, query: &[u8], tcp: bool) -> Option<Vec<u8>> {
        let asked = Packet::parse(query).ok()?;
        let question = asked.questions.first()?;
        let name = question.qname.to_string();
        let mut reply = Packet::new_reply(asked.id());
        reply.set_flags(
            PacketFlag::RESPONSE | PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE,
        );
        reply.questions.push(question.clone());
        let known = self
            .names
            .iter()
            .find(|n| n.name.eq_ignore_ascii_case(&name));
        let Some(known) = known else {
            *reply.rcode_mut() = RCODE::NameError;
            return reply.build_bytes_vec().ok();
        };
        match known.fault {
            Fault::Silent => return None,
            Fault::Lost if self.is_first(&format!("{name} {:?}", question.qtype)) => return None,
            Fault::Garbage => {
                let mut bytes = query[..2].to_vec();
                bytes.extend_from_slice(b"\xff\xff\xff\xff\xff\xff nonsense");
                return Some(bytes);
            }
            Fault::TruncatedOnly if tcp => return None,
            Fault::Truncated | Fault::TruncatedOnly | Fault::Drip if !tcp => {
                reply.set_flags(PacketFlag::TRUNCATION);
                return reply.build_bytes_vec().ok();
            }
            Fault::Nxdomain => *reply.rcode_mut() = RCODE::NameError,
            Fault::Servfail => *reply.rcode_mut() = RCODE::ServerFailure,
            Fault::Refused => *reply.rcode_mut() = RCODE::Refused,
            _ => fill(&mut reply, known, question.qtype)?,
        }
        reply.build_bytes_vec().ok()
    }

    fn is_first(&self, question: &str) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry(question.to_owned()).or_insert(0);
        *count += 1;
        *count == 1
    }
}

fn fill<'a>(reply: &mut Packet<'a>, known: &'a DnsName, kind: QTYPE) -> Option<()> {
    let mut owner = known.name.as_str();
    for alias in &known.alias {
        let to = CNAME(Name::new(alias).ok()?);
        reply.answers.push(record(owner, RData::CNAME(to))?);
        owner = alias;
    }
    for address in &known.address {
        let data = match (address, kind) {
            (IpAddr::V4(a), QTYPE::TYPE(TYPE::A)) => RData::A(A {
                address: (*a).into(),
            }),
            (IpAddr::V6(a), QTYPE::TYPE(TYPE::AAAA)) => RData::AAAA(AAAA {
                address: (*a).into(),
            }),
            _ => continue,
        };
        reply.answers.push(record(owner, data)?);
    }
    Some(())
}

fn record<'a>(name: &'a str, data: RData<'a>) -> Option<ResourceRecord<'a>> {
    Some(ResourceRecord::new(
        Name::new(name).ok()?,
        CLASS::IN,
        60,
        data,
    ))
}
