//! `check` against a registry that nobody here wrote: Debian's `docker-registry`, where it is
//! installed. Its store is written by hand, so no client has to push.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "times are printed for who runs the test, and a skip must be loud"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{Judgement, judge};
use pullwhy_lab::certificate::{Authority, chain};
use pullwhy_lab::content::{Content, REPOSITORY, digest};
use pullwhy_lab::listener::{Running, bind};
use pullwhy_lab::scenario::CertificateFault;
use pullwhy_model::{Answer, HopRow};
use pullwhy_probe::{Options, walk};

/// `htpasswd -Bbn u pw`.
const HTPASSWD: &str = "u:$2y$05$cfwrXPoIE.AcmF1Dc7rvC.0kPutRBmGwRQfTbrHXYiQoSWjXnEptm\n";

fn is_installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        eprintln!("SKIPPED: `{program}` is not installed on this machine");
    }
    found.is_ok()
}

struct Registry {
    process: Child,
    folder: PathBuf,
    port: u16,
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
    /// Starts it with the lab's image; `more` is further configuration of `http` and `auth`.
    fn start(name: &str, http: &str, auth: &str, files: &[(&str, String)]) -> Self {
        let folder =
            std::env::temp_dir().join(format!("pullwhy-lab-{}-{name}", std::process::id()));
        for (path, text) in files {
            write(&folder.join(path), text.as_bytes());
        }
        pullwhy_lab::store::write(&folder.join("store"), REPOSITORY, &Content::new())
            .expect("the store can be written");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let place = folder.display().to_string();
        let configuration = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {place}/store\nhttp:\n  addr: 127.0.0.1:{port}\n{http}{auth}"
        )
        .replace("FOLDER", &place);
        write(&folder.join("config.yml"), configuration.as_bytes());
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(folder.join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry starts");
        let registry = Self {
            process,
            folder,
            port,
        };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(
                Instant::now() < until,
                "docker-registry does not listen on {port}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }
}

fn write(path: &Path, bytes: &[u8]) {
    let folder = path.parent().expect("a folder");
    std::fs::create_dir_all(folder).expect("a folder can be made");
    std::fs::write(path, bytes).expect("a file can be written");
}

fn check(image: &str, options: &Options) -> (Judgement, Vec<HopRow>, f64) {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue loads");
    let walked = walk(image, options, &mut ());
    let mut rows = walked.rows;
    let judged = judge(&catalogue, &walked.image, &mut rows);
    (judged, rows, walked.elapsed_ms)
}

fn says(image: &str, options: &Options, verdict: Answer, cause: &str) -> f64 {
    let (judged, rows, elapsed) = check(image, options);
    let got = judged
        .incident
        .map_or(String::new(), |i| i.cause.to_string());
    assert!(
        judged.answer == verdict && got == cause,
        "{image}: {} {got}\n{rows:#?}",
        judged.answer
    );
    elapsed
}

fn login(user: &str, password: &str) -> Options {
    Options {
        credentials: Some((user.to_owned(), password.to_owned())),
        ..Options::default()
    }
}

#[test]
fn an_open_registry() {
    if !is_installed("docker-registry") {
        return;
    }
    let registry = Registry::start("open", "", "", &[]);
    let at = format!("127.0.0.1:{}", registry.port);
    let open = Options::default();
    let image = format!("{at}/{REPOSITORY}:1");
    says(&image, &open, Answer::Pullable, "");
    let by_digest = format!("{at}/{REPOSITORY}@{}", digest(&Content::new().manifest));
    says(&by_digest, &open, Answer::Pullable, "");
    let failing = |name: &str, cause| {
        says(&format!("{at}/{name}"), &open, Answer::NotPullable, cause);
    };
    failing("team/app:2", "reference/tag-not-found");
    failing(
        &format!("team/app@{}", digest(b"nowhere")),
        "reference/digest-not-found",
    );
    if is_installed("skopeo") {
        let (own, skopeo) = beside_skopeo(&image, &open);
        assert!(own < skopeo, "the walk takes {own} ms, skopeo {skopeo} ms");
    }
}

/// Wall times of both in one run; the best of five each.
fn beside_skopeo(image: &str, options: &Options) -> (f64, f64) {
    let best = |mut one: Box<dyn FnMut() -> f64>| (0..5).map(|_| one()).fold(f64::MAX, f64::min);
    let (own_image, own_options) = (image.to_owned(), options.clone());
    let own = best(Box::new(move || {
        let started = Instant::now();
        walk(&own_image, &own_options, &mut ());
        started.elapsed().as_secs_f64() * 1000.0
    }));
    let name = format!("docker://{image}");
    let skopeo = best(Box::new(move || {
        let started = Instant::now();
        let status = Command::new("skopeo")
            .args(["inspect", "--tls-verify=false", &name])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.is_ok_and(|s| s.success()), "skopeo reads the image");
        started.elapsed().as_secs_f64() * 1000.0
    }));
    println!("walk {own:.1} ms, skopeo inspect {skopeo:.1} ms (best of 5)");
    (own, skopeo)
}

/// A relay that holds every byte back, each way.
fn delayed(port: u16, delay: Duration) -> (Running, u16) {
    let bound = bind().expect("a port");
    let own = bound.address.port();
    let running = bound.serve(move |client| {
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
            return;
        };
        let pair = |a: &TcpStream, b: &TcpStream| Some((a.try_clone().ok()?, b.try_clone().ok()?));
        for (from, to) in [pair(&client, &server), pair(&server, &client)]
            .into_iter()
            .flatten()
        {
            std::thread::spawn(move || hold_back(from, to, delay));
        }
    });
    (running, own)
}

fn hold_back(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (tell, told) = std::sync::mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        for (at, bytes) in told {
            std::thread::sleep((at + delay).saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        // The other side has ended: so does this one.
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    let mut buffer = [0; 16384];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0
            || tell
                .send((Instant::now(), buffer[..read].to_vec()))
                .is_err()
        {
            break;
        }
    }
}

#[test]
fn over_a_slow_path_it_is_quicker_than_skopeo() {
    if !is_installed("docker-registry") || !is_installed("skopeo") {
        return;
    }
    let registry = Registry::start("slow", "", "", &[]);
    let (_running, port) = delayed(registry.port, Duration::from_millis(50));
    let image = format!("127.0.0.1:{port}/{REPOSITORY}:1");
    let (own, skopeo) = beside_skopeo(&image, &Options::default());
    assert!(
        own < 0.7 * skopeo,
        "the walk takes {own:.0} ms, skopeo {skopeo:.0} ms"
    );
}

#[test]
fn a_registry_with_logins() {
    if !is_installed("docker-registry") {
        return;
    }
    let auth = "auth:\n  htpasswd:\n    realm: lab\n    path: FOLDER/htpasswd\n";
    let files = [("htpasswd", HTPASSWD.to_owned())];
    let registry = Registry::start("htpasswd", "", auth, &files);
    let image = format!("127.0.0.1:{}/{REPOSITORY}:1", registry.port);
    says(&image, &login("u", "pw"), Answer::Pullable, "");
    says(
        &image,
        &login("u", "wrong"),
        Answer::NotPullable,
        "auth/credentials-invalid",
    );
    says(
        &image,
        &Options::default(),
        Answer::NotPullable,
        "auth/credentials-missing",
    );
}

#[test]
fn a_registry_with_tls() {
    if !is_installed("docker-registry") {
        return;
    }
    let authority = Authority::new("Lab Root CA").expect("an authority");
    let shown = chain(CertificateFault::None, "registry.test", &authority).expect("a certificate");
    let http = "  tls:\n    certificate: FOLDER/server.crt\n    key: FOLDER/server.key\n";
    let files = [
        ("server.crt", shown.pem),
        ("server.key", shown.key.serialize_pem()),
        ("hosts", "127.0.0.1 registry.test other.test\n".to_owned()),
    ];
    let registry = Registry::start("tls", http, "", &files);
    let host = format!("registry.test:{}", registry.port);
    let trusting = |host: &str| {
        let folder = registry.folder.join("certs.d");
        write(
            &folder.join(host).join("ca.crt"),
            authority.pem().as_bytes(),
        );
        Options {
            etc: registry.folder.clone(),
            certificate_folders: vec![folder],
            ..Options::default()
        }
    };
    let image = format!("{host}/{REPOSITORY}:1");
    let nobody = Options {
        etc: registry.folder.clone(),
        ..Options::default()
    };
    says(
        &image,
        &nobody,
        Answer::NotPullable,
        "network/tls-unknown-authority",
    );
    says(&image, &trusting(&host), Answer::Pullable, "");
    let other = format!("other.test:{}", registry.port);
    says(
        &format!("{other}/{REPOSITORY}:1"),
        &trusting(&other),
        Answer::NotPullable,
        "network/tls-name-mismatch",
    );
}
