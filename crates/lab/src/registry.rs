//! A registry that nobody here wrote: Debian's `docker-registry`, where it is installed. Its store
//! is written by hand, so no client has to push.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Error;
use crate::certificate::{Authority, chain};
use crate::content::{Content, REPOSITORY};
use crate::scenario::CertificateFault;

/// `htpasswd -Bbn u pw`.
pub const HTPASSWD: &str = "u:$2y$05$cfwrXPoIE.AcmF1Dc7rvC.0kPutRBmGwRQfTbrHXYiQoSWjXnEptm\n";

/// How long it may take to listen.
const START: Duration = Duration::from_secs(20);

/// Whether a program is there to be run.
pub fn is_installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok()
}

/// How a registry is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup<'s> {
    /// The host that its certificate is for; plain HTTP without.
    pub tls: Option<&'s str>,
    /// Whether it wants the login `u` with the password `pw`.
    pub login: bool,
}

/// A running registry with the lab's image; it ends when it is dropped.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    /// Its files. `ca.crt` is the authority of its certificate.
    pub folder: PathBuf,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The authority of its certificate.
    pub authority: Option<String>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself; the folder is in the system's place for such.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Registry {
    /// Starts it and waits until it listens. `name` is for its folder.
    pub fn start(name: &str, setup: Setup<'_>, content: &Content) -> Result<Self, Error> {
        let listen = |source| Error::Listen {
            server: "docker-registry".to_owned(),
            source,
        };
        let folder =
            std::env::temp_dir().join(format!("pullwhy-lab-{}-{name}", std::process::id()));
        let store = folder.join("store");
        crate::store::write(&store, REPOSITORY, content).map_err(|source| Error::File {
            path: store,
            source,
        })?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(listen)?;
        let port = free.local_addr().map_err(listen)?.port();
        drop(free);
        let place = folder.display();
        let mut configuration = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {place}/store\nhttp:\n  addr: 127.0.0.1:{port}\n"
        );
        let mut authority = None;
        if let Some(host) = setup.tls {
            let wrap = |why: rcgen::Error| Error::Certificate {
                server: name.to_owned(),
                why: why.to_string(),
            };
            let root = Authority::new("Lab Root CA").map_err(wrap)?;
            let shown = chain(CertificateFault::None, host, &root).map_err(wrap)?;
            write(&folder.join("server.crt"), shown.pem.as_bytes())?;
            write(
                &folder.join("server.key"),
                shown.key.serialize_pem().as_bytes(),
            )?;
            configuration.push_str(&format!(
                "  tls:\n    certificate: {place}/server.crt\n    key: {place}/server.key\n"
            ));
            authority = Some(root.pem());
        }
        if setup.login {
            write(&folder.join("htpasswd"), HTPASSWD.as_bytes())?;
            configuration.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: lab\n    path: {place}/htpasswd\n"
            ));
        }
        write(&folder.join("config.yml"), configuration.as_bytes())?;
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(folder.join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(listen)?;
        let registry = Self {
            process,
            folder,
            port,
            authority,
        };
        let until = Instant::now() + START;
        while let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            if Instant::now() > until {
                return Err(listen(error));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }

    /// Puts its authority where clients look for it: `FOLDER/HOST/ca.crt`. The folder of all hosts
    /// is given back.
    pub fn trusted_as(&self, host: &str) -> Result<PathBuf, Error> {
        let certs = self.folder.join("certs.d");
        let text = self.authority.clone().unwrap_or_default();
        write(&certs.join(host).join("ca.crt"), text.as_bytes())?;
        Ok(certs)
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, bytes))
        .map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
}
