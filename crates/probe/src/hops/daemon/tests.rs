//! What counts as: the engine is here. Below a folder of the test's own, so that whatever this machine
//! runs does not matter.

use std::os::unix::net::UnixListener;

use pullwhy_model::{HopRow, Status};

use super::*;
use crate::Environment;
use crate::setup::engine_setup;
use crate::setup::tests::Root;

/// The row of a daemon on a system that holds these files.
fn row_of(engine: Engine, root: &Root, change: impl Fn(&mut Environment)) -> Option<HopRow> {
    let mut environment = Environment {
        foreign: false,
        ..root.environment()
    };
    change(&mut environment);
    let options = Options {
        setup: Some(engine_setup(engine, &environment)),
        ask_engine: true,
        ..Options::default()
    };
    let mut nobody = ();
    let mut rows = Rows::new(&mut nobody);
    ask(&options, &mut rows);
    rows.done().pop()
}

fn usual(engine: Engine, files: &[(&str, &str)]) -> (Root, HopRow) {
    let root = Root::new(files);
    let row = row_of(engine, &root, |_| {}).expect("a row");
    (root, row)
}

const UNIT: &str = "[Service]\nExecStart=/usr/bin/dockerd -H fd://\n";

#[test]
fn an_engine_without_a_trace_is_no_failure() {
    for engine in [Engine::Docker, Engine::Containerd, Engine::Kubelet] {
        let (_root, row) = usual(engine, &[]);
        assert_eq!(row.status, Status::Skipped, "{row:?}");
        assert!(
            row.summary.contains("does not run on this machine"),
            "{row:?}"
        );
    }
    // A unit that nobody starts is none either: many a package leaves it so.
    let unit = ("lib/systemd/system/docker.service", UNIT);
    let (_root, row) = usual(Engine::Docker, &[unit]);
    assert_eq!(row.status, Status::Skipped, "{row:?}");
    let root = Root::new(&[]);
    assert!(
        row_of(Engine::Podman, &root, |_| {}).is_none(),
        "it has no daemon"
    );
}

#[test]
fn where_an_engine_has_run_or_is_meant_to_it_must_answer() {
    let wants = "etc/systemd/system/multi-user.target.wants";
    let docker = [
        ("var/lib/docker/engine-id", "x", "var/lib/docker"),
        (&*format!("{wants}/docker.service"), UNIT, "docker.service"),
        (
            "etc/systemd/system/sockets.target.wants/docker.socket",
            "",
            "docker.socket",
        ),
        ("proc/77/comm", "dockerd\n", "process 77"),
    ];
    for (file, text, says) in docker {
        let (_root, row) = usual(Engine::Docker, &[(file, text)]);
        assert_eq!(row.saw.as_deref(), Some("daemon-absent"), "{file}: {row:?}");
        assert!(row.summary.contains(says), "{file}: {row:?}");
    }
    for engine in [Engine::Containerd, Engine::Kubelet] {
        for file in [
            "var/lib/containerd/x",
            &format!("{wants}/containerd.service"),
        ] {
            let (_root, row) = usual(engine, &[(file, "")]);
            assert_eq!(row.saw.as_deref(), Some("daemon-absent"), "{file}: {row:?}");
        }
    }
    // The folder that its own file names, and not another.
    let moved = ("etc/docker/daemon.json", r#"{"data-root": "/mnt/d"}"#);
    let (_root, row) = usual(Engine::Docker, &[moved, ("var/lib/docker/x", "")]);
    assert_eq!(row.status, Status::Skipped, "{row:?}");
    let (_root, row) = usual(Engine::Docker, &[moved, ("mnt/d/x", "")]);
    assert_eq!(row.status, Status::Failed, "{row:?}");
}

#[test]
fn a_daemon_that_listens_elsewhere_is_told_where() {
    let hosts = r#"{"hosts": ["tcp://10.0.0.1:2376", "unix:///run/other.sock"]}"#;
    let files = [("etc/docker/daemon.json", hosts), ("var/lib/docker/x", "")];
    let (_root, row) = usual(Engine::Docker, &files);
    assert!(
        row.summary
            .contains("is to listen at tcp://10.0.0.1:2376, unix:///run/other.sock"),
        "{row:?}"
    );
    assert!(row.summary.contains("daemon.json:1"), "{row:?}");
    // As a user whose daemon runs without root, and whose client does not know.
    let root = Root::new(&[("user/docker.sock", "")]);
    let row = row_of(Engine::Docker, &root, |e| {
        e.runtime = Some(root.0.join("user"));
    })
    .expect("a row");
    assert_eq!(row.saw.as_deref(), Some("daemon-absent"), "{row:?}");
    assert!(row.summary.contains("user/docker.sock"), "{row:?}");
    assert!(
        row.summary.contains("docker context use rootless"),
        "{row:?}"
    );
}

#[test]
fn the_socket_is_that_of_the_settings() {
    let file = "version = 2\n[grpc]\naddress = 'SOCKET'\n";
    for (engine, name, text) in [
        (Engine::Containerd, "etc/containerd/config.toml", file),
        (Engine::Kubelet, "etc/containerd/config.toml", file),
        (
            Engine::Kubelet,
            "lib/systemd/system/kubelet.service",
            "[Service]\nExecStart=/usr/bin/kubelet --container-runtime-endpoint=unix://SOCKET\n",
        ),
        (
            Engine::Containerd,
            "lib/systemd/system/containerd.service",
            "[Service]\nExecStart=/usr/bin/containerd -a SOCKET\n",
        ),
    ] {
        let root = Root::new(&[]);
        let socket = root.0.join("s.sock");
        let shown = socket.display().to_string();
        root.write(name, &text.replace("SOCKET", &shown));
        let _listener = UnixListener::bind(&socket).expect("a socket");
        let row = row_of(engine, &root, |_| {}).expect("a row");
        assert_eq!(
            (row.status, row.target.as_str()),
            (Status::Ok, shown.as_str()),
            "{row:?}"
        );
        assert!(row.facts.contains_key("config_line"), "{row:?}");
    }
    // From 1.27 on a kubelet has it in its file.
    let root = Root::new(&[(
        "lib/systemd/system/kubelet.service",
        "[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml\n",
    )]);
    root.write(
        "var/lib/kubelet/config.yaml",
        "kind: KubeletConfiguration\ncontainerRuntimeEndpoint: unix:///run/x.sock\n",
    );
    let row = row_of(Engine::Kubelet, &root, |_| {}).expect("a row");
    assert_eq!(row.target, "/run/x.sock");
    let place = row.facts.get("config_place").map(ToString::to_string);
    assert!(
        place.is_some_and(|p| p.ends_with("config.yaml:2")),
        "{row:?}"
    );
}

#[test]
fn rights_are_not_judged_for_the_kubelet() {
    let root = Root::new(&[]);
    let setup = engine_setup(Engine::Kubelet, &root.environment());
    let daemon = setup.daemon.expect("it has a runtime");
    let told = |engine| {
        let row = Row::new(Hop::Config, "s");
        says(row, engine, &daemon, Path::new("/s"), Answer::Denied)
    };
    assert!(!told(Engine::Kubelet).is_failure());
    assert!(told(Engine::Containerd).is_failure());
}
