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

/// systemd runs the system.
const BOOTED: (&str, &str) = ("run/systemd/system/x", "");

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
    // In an image of a container the packages' links are there, and no systemd.
    let link = (
        "etc/systemd/system/multi-user.target.wants/docker.service",
        UNIT,
    );
    let (_root, row) = usual(Engine::Docker, &[unit, link]);
    assert_eq!(row.status, Status::Skipped, "{row:?}");
    let masked = Root::new(&[BOOTED, unit, link]);
    let file = masked.0.join("etc/systemd/system/docker.service");
    std::os::unix::fs::symlink("/dev/null", file).expect("a link");
    let row = row_of(Engine::Docker, &masked, |_| {}).expect("a row");
    assert_eq!(row.status, Status::Skipped, "{row:?}");
    let root = Root::new(&[]);
    assert!(
        row_of(Engine::Podman, &root, |_| {}).is_none(),
        "it has no daemon"
    );
}

#[test]
fn an_engine_inside_of_a_container_is_no_trace_of_one_here() {
    let process = ("proc/77/comm", "dockerd\n");
    for (numbers, status) in [
        ("NSpid:\t77\n", Status::Failed),
        ("NSpid:\t77\t1\n", Status::Skipped),
    ] {
        let (_root, row) = usual(Engine::Docker, &[process, ("proc/77/status", numbers)]);
        assert_eq!(row.status, status, "{numbers:?}: {row:?}");
    }
}

#[test]
fn an_empty_data_root_is_no_trace_of_an_engine() {
    let (root, row) = usual(Engine::Docker, &[("var/lib/docker/engine-id", "x")]);
    assert_eq!(row.saw.as_deref(), Some("daemon-absent"), "{row:?}");
    std::fs::remove_file(root.0.join("var/lib/docker/engine-id")).expect("it was written");
    let row = row_of(Engine::Docker, &root, |_| {}).expect("a row");
    assert_eq!(row.status, Status::Skipped, "{row:?}");
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
        let (_root, row) = usual(Engine::Docker, &[BOOTED, (file, text)]);
        assert_eq!(row.saw.as_deref(), Some("daemon-absent"), "{file}: {row:?}");
        assert!(row.summary.contains(says), "{file}: {row:?}");
    }
    for engine in [Engine::Containerd, Engine::Kubelet] {
        for file in [
            "var/lib/containerd/x",
            &format!("{wants}/containerd.service"),
        ] {
            let (_root, row) = usual(engine, &[BOOTED, (file, "")]);
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
    // Where systemd listens for it, as its client would if nothing had it ask elsewhere.
    let listens = (
        "lib/systemd/system/docker.service",
        "[Service]\nExecStart=/usr/bin/dockerd -H fd://\n",
    );
    let root = Root::new(&[listens]);
    let row = row_of(Engine::Docker, &root, |e| {
        e.docker_host = Some("unix:///run/none-of-docker.sock".to_owned());
    })
    .expect("a row");
    assert!(
        row.summary
            .contains("/var/run/docker.sock (systemd's docker.socket)"),
        "{row:?}"
    );
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

#[test]
fn only_what_says_so_is_docker() {
    let root = Root::new(&[]);
    let setup = engine_setup(Engine::Docker, &root.environment());
    let daemon = setup.daemon.expect("it has one");
    let told = |status, server: &str, api: &str| {
        let told = Told {
            status,
            server: server.to_owned(),
            api: api.to_owned(),
        };
        let row = Row::new(Hop::Config, "s");
        answered(row, &daemon, Path::new("/s"), &told)
            .so_far()
            .clone()
    };
    for (status, server, api, wanted, saw) in [
        (200, "Docker/28.0.1 (linux)", "1.48", Status::Ok, None),
        (200, "", "1.48", Status::Ok, None),
        (
            404,
            "nginx/1.18.0",
            "",
            Status::Failed,
            Some("daemon-strange"),
        ),
        (200, "", "", Status::Failed, Some("daemon-strange")),
        (403, "", "", Status::Warning, Some("daemon-guarded")),
        (401, "envoy", "", Status::Warning, Some("daemon-guarded")),
        (
            503,
            "Docker/28.0.1",
            "1.48",
            Status::Failed,
            Some("daemon-strange"),
        ),
    ] {
        let row = told(status, server, api);
        assert_eq!((row.status, row.saw.as_deref()), (wanted, saw), "{row:?}");
        let version = row.facts.get("engine_version").map(ToString::to_string);
        let docker = wanted == Status::Ok && !server.is_empty();
        assert_eq!(version.as_deref(), docker.then_some("28.0.1"), "{row:?}");
        assert!(!row.summary.contains("1.18.0"), "{row:?}");
    }
}

#[test]
fn a_daemon_of_another_container_is_elsewhere() {
    let peer = |process, user| socket::Peer { process, user };
    assert!(is_apart(peer(0, 0)).is_some());
    let own = i32::try_from(std::process::id()).expect("a number");
    assert_eq!(is_apart(peer(own, 0)), None);
    // One without root is in a network of its own on this machine.
    assert_eq!(is_apart(peer(own, 1000)), None);
}

#[test]
fn what_is_no_socket_is_told_as_what_it_is() {
    let root = Root::new(&[("file.sock", "")]);
    let folder = root.0.join("d.sock");
    std::fs::create_dir(&folder).expect("a folder");
    for (path, says) in [
        (folder, "is a folder, and no socket"),
        (root.0.join("file.sock"), "is a file, and no socket"),
    ] {
        let row = row_of(Engine::Docker, &root, |e| {
            e.docker_host = Some(format!("unix://{}", path.display()));
        })
        .expect("a row");
        assert_eq!(row.saw.as_deref(), Some("daemon-refused"), "{row:?}");
        assert!(row.summary.contains(says), "{row:?}");
    }
}

#[test]
fn who_may_open_a_socket_is_told_by_its_mode() {
    use std::os::unix::fs::PermissionsExt;

    let root = Root::new(&[("s", "")]);
    let path = root.0.join("s");
    for (mode, says) in [
        (0o660, "its owner and group"),
        (0o600, "nobody but its owner can"),
        (0o000, "nobody but root"),
        (0o666, "everybody may by that"),
    ] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("set");
        let shown = rights(&path, "Docker");
        assert!(shown.contains(says), "{shown}");
    }
    let shown = rights(&root.0.join("none"), "Docker");
    assert!(shown.contains("a folder above it"), "{shown}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_socket_without_a_file_is_asked() {
    use std::io::{Read, Write};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    let name = format!("pullwhy-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let listener = UnixListener::bind_addr(&address).expect("a socket");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("asked");
        let mut asked = [0; 256];
        let _ = stream.read(&mut asked);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nServer: Docker/1\r\n\r\n");
    });
    let root = Root::new(&[]);
    let row = row_of(Engine::Docker, &root, |e| {
        e.docker_host = Some(format!("unix://@{name}"));
    })
    .expect("a row");
    assert_eq!(row.status, Status::Ok, "{row:?}");
    let row = row_of(Engine::Docker, &root, |e| {
        e.docker_host = Some("unix://@pullwhy-test-none".to_owned());
    })
    .expect("a row");
    assert_eq!(row.saw.as_deref(), Some("daemon-refused"), "{row:?}");
    assert!(!row.summary.contains("is left of"), "{row:?}");
}

#[test]
fn podmans_service_is_asked_where_a_variable_names_one() {
    let root = Root::new(&[]);
    let row = row_of(Engine::Podman, &root, |e| {
        e.container_host = Some(format!("unix://{}/none.sock", root.0.display()));
    })
    .expect("a row");
    assert_eq!(row.saw.as_deref(), Some("daemon-absent"), "{row:?}");
    assert!(row.summary.contains("CONTAINER_HOST names it"), "{row:?}");
    let row = row_of(Engine::Podman, &root, |e| {
        e.container_connection = Some("far".to_owned());
    })
    .expect("a row");
    assert_eq!(row.saw.as_deref(), Some("daemon-elsewhere"), "{row:?}");
}
