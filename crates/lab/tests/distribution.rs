//! `check` against a registry that nobody here wrote: Debian's `docker-registry`, where it is
//! installed, and beside skopeo.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "times are printed for who runs the test, and a skip must be loud"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pullwhy_catalogue::Catalogue;
use pullwhy_diagnose::{Judgement, judge};
use pullwhy_lab::content::{Content, REPOSITORY, digest};
use pullwhy_lab::delay::relay;
use pullwhy_lab::made::Made;
use pullwhy_lab::registry::{Registry, Setup, is_installed};
use pullwhy_model::{Answer, HopRow};
use pullwhy_probe::trust::CertsDir;
use pullwhy_probe::{Options, Pull, walk};

fn is_there(program: &str) -> bool {
    let there = is_installed(program);
    if !there {
        eprintln!("SKIPPED: `{program}` is not installed on this machine");
    }
    there
}

fn start(name: &str, setup: Setup<'_>) -> Registry {
    Registry::start(name, setup, &Content::new()).expect("docker-registry starts")
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
    if !is_there("docker-registry") {
        return;
    }
    let registry = start("open", Setup::default());
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
    if is_there("skopeo") {
        let (own, skopeo) = beside_skopeo(&image, &open, &["--tls-verify=false"]);
        assert!(own < skopeo, "the walk takes {own} ms, skopeo {skopeo} ms");
    }
}

/// An image whose layers are archives.
const MADE: &str = "[[layer]]\n[[layer.member]]\nname = 'etc/app.conf'\nbytes = 3000\n\
    [[layer]]\ncompression = 'zstd'\n[[layer.member]]\nname = 'bin/app'\nbytes = 9000000\n\
    [[layer]]\ncompression = 'none'\n[[layer.member]]\nname = 'bin/other'\nbytes = 700000\n";

#[test]
fn every_byte_of_an_image() {
    if !is_there("docker-registry") {
        return;
    }
    let content = toml::from_str::<Made>(MADE).expect("an image").content();
    let setup = Setup {
        tls: Some("127.0.0.1"),
        login: true,
    };
    let registry = Registry::start("pull", setup, &content).expect("docker-registry starts");
    let at = format!("127.0.0.1:{}", registry.port);
    let certs = registry.trusted_as(&at).expect("a file can be written");
    let layout = registry.folder.join("layout");
    let options = Options {
        certs_dirs: vec![CertsDir::given(certs)],
        pull: Some(Pull {
            layout: Some(layout.clone()),
            ..Pull::default()
        }),
        ..login("u", "pw")
    };
    says(
        &format!("{at}/{REPOSITORY}:1"),
        &options,
        Answer::Pullable,
        "",
    );
    for layer in &content.layers {
        let digest = digest(layer);
        let kept = layout.join("blobs").join(digest.replace(':', "/"));
        let kept = std::fs::read(kept).expect("the layer is kept");
        assert!(kept == *layer, "{digest} is kept as it is");
    }
    // With a layer that is not the registry's any more.
    let gone = digest(&content.layers[1]);
    let hex = gone.trim_start_matches("sha256:");
    let store = registry
        .folder
        .join("store/docker/registry/v2/blobs/sha256");
    std::fs::remove_dir_all(store.join(&hex[..2]).join(hex)).expect("a blob goes");
    let (judged, rows, _) = check(&format!("{at}/{REPOSITORY}:1"), &options);
    assert_eq!(judged.answer, Answer::NotPullable, "{rows:#?}");
}

/// Wall times of both in one run; the best of five each.
fn beside_skopeo(image: &str, options: &Options, arguments: &[&str]) -> (f64, f64) {
    let best = |one: &dyn Fn() -> f64| (0..5).map(|_| one()).fold(f64::MAX, f64::min);
    let own = best(&|| {
        let started = Instant::now();
        walk(image, options, &mut ());
        started.elapsed().as_secs_f64() * 1000.0
    });
    let skopeo = best(&|| {
        let started = Instant::now();
        let status = Command::new("skopeo")
            .arg("inspect")
            .args(arguments)
            .arg(format!("docker://{image}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.is_ok_and(|s| s.success()), "skopeo reads the image");
        started.elapsed().as_secs_f64() * 1000.0
    });
    println!("walk {own:.1} ms, skopeo inspect {skopeo:.1} ms (best of 5)");
    (own, skopeo)
}

/// Over 50 ms each way at most 0.7 of skopeo's time, also for the connections.
fn is_quicker_over_a_slow_path(name: &str, setup: Setup<'_>) {
    if !is_there("docker-registry") || !is_there("skopeo") {
        return;
    }
    let registry = start(name, setup);
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, registry.port));
    let (_running, port) = relay(server, Duration::from_millis(50)).expect("a relay");
    let at = format!("127.0.0.1:{port}");
    let mut options = if setup.login {
        login("u", "pw")
    } else {
        Options::default()
    };
    let mut arguments = Vec::new();
    if setup.login {
        arguments.push("--creds=u:pw".to_owned());
    }
    if setup.tls.is_some() {
        let certs = registry.trusted_as(&at).expect("a file can be written");
        arguments.push(format!("--cert-dir={}", certs.join(&at).display()));
        options.certs_dirs = vec![CertsDir::given(certs)];
    } else {
        arguments.push("--tls-verify=false".to_owned());
    }
    let image = format!("{at}/{REPOSITORY}:1");
    says(&image, &options, Answer::Pullable, "");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (own, skopeo) = beside_skopeo(&image, &options, &arguments);
    assert!(
        own < 0.7 * skopeo,
        "the walk takes {own:.0} ms, skopeo {skopeo:.0} ms"
    );
}

#[test]
fn over_a_slow_path_it_is_quicker_than_skopeo() {
    is_quicker_over_a_slow_path("slow", Setup::default());
}

#[test]
fn over_a_slow_path_with_a_login_it_is_quicker_than_skopeo() {
    let setup = Setup {
        login: true,
        ..Setup::default()
    };
    is_quicker_over_a_slow_path("slow-login", setup);
}

#[test]
fn over_a_slow_path_with_tls_it_is_quicker_than_skopeo() {
    let setup = Setup {
        tls: Some("127.0.0.1"),
        ..Setup::default()
    };
    is_quicker_over_a_slow_path("slow-tls", setup);
}

#[test]
fn a_registry_with_logins() {
    if !is_there("docker-registry") {
        return;
    }
    let setup = Setup {
        login: true,
        ..Setup::default()
    };
    let registry = start("htpasswd", setup);
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
    if !is_there("docker-registry") {
        return;
    }
    let setup = Setup {
        tls: Some("registry.test"),
        ..Setup::default()
    };
    let registry = start("tls", setup);
    let hosts = "127.0.0.1 registry.test other.test\n";
    std::fs::write(registry.folder.join("hosts"), hosts).expect("a file can be written");
    let host = format!("registry.test:{}", registry.port);
    let trusting = |host: &str| Options {
        etc: registry.folder.clone(),
        certs_dirs: vec![CertsDir::given(registry.trusted_as(host).expect("a file"))],
        ..Options::default()
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
