//! `azure` with the real azure-cli, against a stand-in for Azure Resource Manager on loopback: the
//! commands, their `--query` and the shapes of the answers fit each other.
//!
//! SKIPPED where azure-cli (see `.ci/run`) or `openssl` is not here.

#![cfg(unix)]
#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

#[path = "support/azure.rs"]
mod stand_in;
mod support;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use stand_in::Machine;
use support::{json, pullwhy, text};

/// The folder with `az` and the Python that runs it.
fn programs() -> PathBuf {
    let python = std::env::var_os("PULLWHY_TEST_PYTHON").map(PathBuf::from);
    python
        .and_then(|p| Some(p.parent()?.to_owned()))
        .unwrap_or_else(|| {
            PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
                .with_file_name("programs")
                .join("bin")
        })
}

/// A server that answers as the API does; it ends with this.
struct Arm {
    child: Child,
    environment: Vec<(&'static str, OsString)>,
}

impl Drop for Arm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Arm {
    /// Serves the answers of a machine, and logs its `az` in.
    fn of(machine: &Machine) -> Self {
        let home = machine.home();
        let made = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args([
                "-keyout",
                "key.pem",
                "-out",
                "cert.pem",
                "-subj",
                "/CN=localhost",
            ])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .current_dir(home)
            .output()
            .expect("openssl runs");
        assert!(made.status.success(), "{}", text(&made.stderr));
        let child = Command::new(programs().join("python3"))
            .args([
                "-c",
                include_str!("support/arm.py"),
                "answers",
                "cert.pem",
                "key.pem",
                "port",
            ])
            .current_dir(home)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python runs");
        let path = std::env::join_paths([&programs(), Path::new("/usr/bin"), Path::new("/bin")]);
        let arm = Self {
            child,
            environment: vec![
                ("PATH", path.expect("a path")),
                ("AZURE_CONFIG_DIR", machine.path("config").into()),
                ("AZURE_CORE_COLLECT_TELEMETRY", "false".into()),
                ("REQUESTS_CA_BUNDLE", machine.path("cert.pem").into()),
                ("NO_PROXY", "localhost".into()),
                ("no_proxy", "localhost".into()),
            ],
        };
        let port = Self::port(&machine.path("port"));
        let server = format!("https://localhost:{port}");
        let tenant = "00000000-0000-0000-0000-0000000000bb";
        let user = "00000000-0000-0000-0000-0000000000cc";
        arm.az(&[
            "cloud",
            "register",
            "-n",
            "Test",
            "--endpoint-resource-manager",
            &server,
        ]);
        arm.az(&["cloud", "set", "-n", "Test"]);
        arm.az(&["config", "set", "core.instance_discovery=false"]);
        arm.az(&[
            "login",
            "--service-principal",
            "-u",
            user,
            "-p",
            "x",
            "--tenant",
            tenant,
        ]);
        arm
    }

    fn port(file: &Path) -> String {
        let started = Instant::now();
        loop {
            match fs::read_to_string(file) {
                Ok(port) if !port.is_empty() => return port,
                _ => assert!(started.elapsed() < Duration::from_secs(30), "no server"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn az(&self, arguments: &[&str]) {
        let output = Command::new(programs().join("az"))
            .args(arguments)
            .arg("--only-show-errors")
            .envs(self.environment.clone())
            .output()
            .expect("az runs");
        assert!(
            output.status.success(),
            "az {arguments:?}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn the_real_az_gives_what_the_settings_are_derived_from() {
    if !programs().join("az").exists() {
        eprintln!("SKIPPED: azure-cli is not in `{}`", programs().display());
        return;
    }
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("SKIPPED: `openssl` is not installed on this machine");
        return;
    }
    let image = "contosoreg1.azurecr.io/team/api:1.0";
    for (base, case, place) in [
        ("identity", "identity-without-role", &["--app", "shop"][..]),
        (
            "aks",
            "aks-kubelet-without-role",
            &["--aks", "k8s", "--image", image][..],
        ),
        ("aci", "aci-identity-without-role", &["--aci", "etl"][..]),
        (
            "container-app",
            "container-app-identity-without-role",
            &["--container-app", "api"][..],
        ),
    ] {
        for (case, cause) in [(Some(case), Some("auth/access-denied")), (None, None)] {
            let machine = Machine::new(base, case);
            let arm = Arm::of(&machine);
            let output = pullwhy()
                .envs(arm.environment.clone())
                .args(["azure", "--format", "json", "-g", "rg1"])
                .args(place)
                .output()
                .expect("runs");
            let errors = text(&output.stderr);
            let report = json(&output.stdout);
            let incidents = report["incidents"].as_array().expect("incidents");
            let causes: Vec<_> = incidents.iter().map(|i| i["cause"].as_str()).collect();
            assert_eq!(
                causes,
                cause.map(Some).into_iter().collect::<Vec<_>>(),
                "{base}: {errors}"
            );
            assert_eq!(
                output.status.code(),
                Some(i32::from(cause.is_some())),
                "{base}: {errors}"
            );
        }
    }
}
