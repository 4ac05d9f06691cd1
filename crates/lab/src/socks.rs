//! A SOCKS proxy (RFC 1928, RFC 1929) that leads to servers of the lab.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::stage::OWN;
use crate::stream::PATIENCE;

/// Takes a client; `u` with `pw` is the login that it takes, if one is offered. `reply`: the number by
/// which it refuses; without, it connects to the port that is asked for.
pub fn serve(mut client: TcpStream, reply: Option<u8>) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let [_, count] = take::<2>(&mut client)?;
    let methods = read(&mut client, count.into())?;
    if methods.contains(&2) {
        client.write_all(&[5, 2])?;
        let [_, length] = take::<2>(&mut client)?;
        let user = read(&mut client, length.into())?;
        let [length] = take::<1>(&mut client)?;
        let password = read(&mut client, length.into())?;
        let right = user == b"u" && password == b"pw";
        client.write_all(&[1, u8::from(!right)])?;
        if !right {
            return Ok(());
        }
    } else {
        client.write_all(&[5, 0])?;
    }
    let [_, _, _, kind] = take::<4>(&mut client)?;
    let length = match kind {
        1 => 4,
        4 => 16,
        _ => usize::from(take::<1>(&mut client)?[0]),
    };
    read(&mut client, length)?;
    let port = u16::from_be_bytes(take::<2>(&mut client)?);
    client.write_all(&[5, reply.unwrap_or(0), 0, 1, 0, 0, 0, 0, 0, 0])?;
    if reply.is_some() {
        return Ok(());
    }
    // Every name of the lab is on this machine.
    let places = [Ipv4Addr::LOCALHOST, OWN].map(|address| (address, port).into());
    let server = TcpStream::connect(&places[..])?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        // Either side may end it.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let _ = io::copy(&mut &server, &mut client);
    client.shutdown(std::net::Shutdown::Both)
}

fn read(from: &mut TcpStream, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn take<const N: usize>(from: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}
