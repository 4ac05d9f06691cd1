//! Wall times of `pullwhy check` beside `skopeo inspect`: same image, same registry, same path, in
//! turns. Prints the table of docs/benchmarks.md; `benches/check.sh` runs it.
//!
//! Usage: `beside_skopeo PULLWHY [RUNS]`

#![allow(clippy::print_stdout, reason = "the table is what it is for")]

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pullwhy_lab::content::{Content, REPOSITORY};
use pullwhy_lab::delay::relay;
use pullwhy_lab::registry::{Registry, Setup};

/// Layers of the image: `check` asks for each, `skopeo inspect` for none.
const LAYERS: usize = 5;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let own = arguments.next().ok_or("the path of pullwhy is missing")?;
    let runs: usize = arguments.next().map_or(Ok(15), |text| text.parse())?;
    println!(
        "| registry | path | pullwhy, least ms | median | skopeo, least ms | median | ratio of medians |"
    );
    println!("|---|---|---|---|---|---|---|");
    for delay in [0, 50] {
        for (name, tls, login) in [
            ("plain", false, false),
            ("htpasswd", false, true),
            ("TLS", true, false),
            ("TLS, htpasswd", true, true),
        ] {
            let setup = Setup {
                tls: tls.then_some("127.0.0.1"),
                login,
            };
            let [own, skopeo] = measure(&own, setup, Duration::from_millis(delay), runs)?;
            let path = match delay {
                0 => "loopback".to_owned(),
                delay => format!("{delay} ms each way"),
            };
            let ratio = own.1 / skopeo.1;
            println!(
                "| {name} | {path} | {:.1} | {:.1} | {:.1} | {:.1} | {ratio:.2} |",
                own.0, own.1, skopeo.0, skopeo.1,
            );
        }
    }
    Ok(())
}

/// Least and median of both, in milliseconds.
fn measure(own: &str, setup: Setup<'_>, delay: Duration, runs: usize) -> Result<[(f64, f64); 2]> {
    let registry = Registry::start("bench", setup, &Content::with_layers(LAYERS))?;
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, registry.port));
    let (_running, port) = match delay {
        Duration::ZERO => (None, registry.port),
        delay => {
            let (running, port) = relay(server, delay)?;
            (Some(running), port)
        }
    };
    let at = format!("127.0.0.1:{port}");
    let image = format!("{at}/{REPOSITORY}:1");
    let (mut check, mut skopeo) = (Command::new(own), Command::new("skopeo"));
    check.args(["check", "-q"]);
    skopeo.arg("inspect");
    if setup.login {
        check.args(["--creds", "u:pw"]);
        skopeo.args(["--creds", "u:pw"]);
    }
    if setup.tls.is_some() {
        let certs = registry.trusted_as(&at)?;
        skopeo.arg("--cert-dir").arg(certs.join(&at));
        check.arg("--certs-dir").arg(certs);
    } else {
        skopeo.arg("--tls-verify=false");
    }
    check.arg(&image);
    skopeo.arg(format!("docker://{image}"));
    let mut times = [Vec::new(), Vec::new()];
    // One run each to warm up.
    for run in 0..=runs {
        for (command, times) in [&mut check, &mut skopeo].into_iter().zip(&mut times) {
            let took = time(command)?;
            if run > 0 {
                times.push(took);
            }
        }
    }
    Ok(times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        (times[0], times[times.len() / 2])
    }))
}

fn time(command: &mut Command) -> Result<f64> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed().as_secs_f64() * 1000.0;
    if status.success() {
        Ok(took)
    } else {
        Err(format!("{command:?} ends with {status}").into())
    }
}
