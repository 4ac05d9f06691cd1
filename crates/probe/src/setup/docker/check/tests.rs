//! Keys and options that only some releases take.

use crate::Engine;
use crate::setup::tests::Root;

const PROXIES: &str = r#"{"proxies": {"http-proxy": "http://p.test:3128"}}"#;

const GRAPH: &str = r#"{"graph": "/x"}"#;

fn said(file: &str, options: &str) -> Vec<String> {
    let unit = format!("[Service]\nExecStart=/usr/bin/dockerd {options}\n");
    let root = Root::new(&[
        ("etc/docker/daemon.json", file),
        ("lib/systemd/system/docker.service", &unit),
    ]);
    root.troubles(Engine::Docker)
}

#[test]
fn keys_of_some_releases_are_a_warning_that_names_them() {
    for (file, options, wanted) in [
        (
            PROXIES,
            "",
            "etc/docker/daemon.json:1: `proxies` came with Docker 23.0",
        ),
        (
            r#"{"graph": "/x"}"#,
            "",
            "`graph` is gone: Docker 20.10 takes it, and from Docker 23.0",
        ),
        (
            "{}",
            "--http-proxy=http://p",
            "docker.service:2: `--http-proxy=http://p` came with",
        ),
        ("{}", "-g /x", "docker.service:2: `-g` is gone"),
    ] {
        let said = said(file, options);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(
            said[0].starts_with("false ") && said[0].contains(wanted),
            "{said:#?}"
        );
    }
    for (file, options) in [
        (r#"{"graph": "/x", "data-root": "/y"}"#, ""),
        ("{}", "-g /x --data-root /y"),
    ] {
        let all = said(file, options);
        let both =
            |s: &String| s.starts_with("true ") && s.contains("`graph` and `data-root` are both");
        assert!(all.iter().any(both), "{all:#?}");
    }
}

#[test]
fn keys_that_a_known_release_does_not_know_keep_it_from_starting() {
    let said = |file: &str, release: &str| {
        let status =
            format!("Package: docker-ce\nStatus: install ok installed\nVersion: {release}\n");
        let root = Root::new(&[
            ("etc/docker/daemon.json", file),
            ("var/lib/dpkg/status", &status),
        ]);
        root.troubles(Engine::Docker)
    };
    for (file, release, wanted) in [
        (
            PROXIES,
            "20.10.24+dfsg1-1",
            "came with Docker 23.0, and this is 20.10.24",
        ),
        (PROXIES, "5:28.5.2-1", ""),
        (
            GRAPH,
            "5:28.5.2-1",
            "is gone since Docker 23.0, and this is 28.5.2",
        ),
        (GRAPH, "20.10.24+dfsg1-1", ""),
    ] {
        let said = said(file, release);
        if wanted.is_empty() {
            assert_eq!(said, <[String; 0]>::default());
        } else {
            assert!(
                said[0].starts_with("true ") && said[0].contains(wanted),
                "{said:#?}"
            );
        }
    }
}

#[test]
fn what_no_release_knows_below_proxies_stops_all() {
    let all = said(r#"{"proxies": {"x": "y"}}"#, "");
    let stops = |s: &String| s.starts_with("true ") && s.contains("`x` is no option");
    assert!(all.iter().any(stops), "{all:#?}");
}

#[test]
fn a_daemon_that_runs_with_a_key_takes_it() {
    // Ticks of a hundred a second since the machine was started, in 1970 or long from now.
    for (booted, told) in [("1", true), ("9000000000", false)] {
        let root = Root::new(&[
            ("etc/docker/daemon.json", PROXIES),
            ("proc/stat", &format!("cpu 1 2\nbtime {booted}\n")),
            ("proc/7/comm", "dockerd\n"),
            ("proc/7/cmdline", "/usr/bin/dockerd\0"),
            (
                "proc/7/stat",
                "7 (dockerd (x)) S 1 7 7 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 500 1 1\n",
            ),
        ]);
        let said = root.troubles(Engine::Docker);
        assert_eq!(said.len(), usize::from(told), "{said:#?}");
    }
}
