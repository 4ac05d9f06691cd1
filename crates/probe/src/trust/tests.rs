//! What folders hold, by each engine's rules. Certificates themselves are played in the lab.

use std::path::{Path, PathBuf};

use super::*;
use crate::{Engine, Environment};

/// A folder of its own that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root =
            std::env::temp_dir().join(format!("pullwhy-trust-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        Self(root)
    }

    fn said(&self, registry: &str) -> Vec<String> {
        let trust = registry_trust(&[CertsDir::given(&self.0)], registry);
        let own = |p: &Problem| {
            let text = format!("{} {}: {}", p.stops, p.source, p.says);
            text.replace(&format!("{}/", self.0.display()), "")
        };
        trust.problems.iter().map(own).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn dockers_rules_for_pairs() {
    let folder = Folder::new(
        "pairs",
        &[
            ("r.test:5000/a.cert", "x"),
            ("r.test:5000/b.key", "x"),
            ("r.test:5000/ca.pem", "x"),
            ("r.test:5000/empty.crt", "x"),
        ],
    );
    let said = folder.said("r.test:5000");
    assert_eq!(said.len(), 4, "{said:#?}");
    assert!(
        said[0].starts_with("true r.test:5000/a.cert: missing key `a.key`"),
        "{said:#?}"
    );
    assert!(said[1].starts_with("true r.test:5000/b.key: missing client certificate `b.cert`"));
    assert!(said[2].starts_with("false r.test:5000/ca.pem: is not read"));
    assert!(said[3].starts_with("false r.test:5000/empty.crt: holds no certificate"));
    let passing = CertsDir::of(Layout::Docker, &folder.0);
    let trust = registry_trust(&[passing], "r.test:5000");
    assert!(
        trust.problems.iter().all(|p| !p.stops),
        "an engine that may not be used"
    );
    let other = registry_trust(&[CertsDir::given(&folder.0)], "r.test");
    assert!(other.folders.is_empty());
    assert_eq!(other.misnamed, [folder.0.join("r.test:5000")]);
}

#[test]
fn what_is_wrong_in_hosts_toml_is_told_with_its_line() {
    for (text, wanted) in [
        ("ca = 3", "false r.test/hosts.toml:1: `ca` is no string"),
        ("\n[host", "false r.test/hosts.toml:2: is no TOML"),
        ("host = 1", "false r.test/hosts.toml:1: `host` is no table"),
        (
            "skip_verify = \"yes\"",
            "false r.test/hosts.toml:1: `skip_verify` is neither",
        ),
        (
            "\n\nca = [\"a.crt\"]",
            "true r.test/a.crt (r.test/hosts.toml:3): cannot be read",
        ),
        (
            "client = [[\"a\", \"b\", \"c\"]]",
            "false r.test/hosts.toml:1: `client` has an entry",
        ),
        (
            "client = \"a\"",
            "true r.test/a (r.test/hosts.toml:1): client certificate:",
        ),
        (
            "server = \"https://m.test\"\nca = []",
            "false r.test/hosts.toml:1: sends pulls to https://m.test",
        ),
        (
            "[host.\"https://r.test\"]\ncapabilities = [\"push\"]",
            "false r.test/hosts.toml:1: https://r.test may not both",
        ),
        (
            "[host.\"https://m.test\"]\ncapabilities = [\"fly\"]",
            "false r.test/hosts.toml:2: `fly` is no capability",
        ),
    ] {
        let folder = Folder::new("hosts", &[("r.test/hosts.toml", text)]);
        let said = folder.said("r.test");
        assert!(
            said.iter().any(|s| s.starts_with(wanted)),
            "{text}: {said:#?}"
        );
    }
}

#[test]
fn containerd_looks_for_several_names() {
    assert_eq!(
        names(Layout::Containerd, "r.test:5000"),
        ["r.test_5000_", "r.test:5000", "_default"]
    );
    assert_eq!(names(Layout::Docker, "r.test:5000"), ["r.test:5000"]);
    assert_eq!(
        recognised(Path::new("/etc/containerd/certs.d")),
        Layout::Containerd
    );
    assert_eq!(recognised(Path::new("/etc/docker/certs.d")), Layout::Docker);
}

#[test]
fn any_bytes_are_settings_or_a_problem() {
    let deep = format!("ca = {}", "[".repeat(100_000));
    let wide = "x = 1\n".repeat(50_000);
    for text in [
        &deep,
        &wide,
        "\u{0}",
        "[host.\"\"]",
        "server = \"http://[::\"",
        "a.b.c.d = 1",
    ] {
        let folder = Folder::new("bytes", &[("r.test/hosts.toml", text)]);
        let _ = folder.said("r.test");
    }
}

#[test]
fn each_engine_reads_its_own_folders() {
    let environment = Environment {
        root: PathBuf::from("/r"),
        home: Some(PathBuf::from("/h")),
        ..Environment::default()
    };
    let own = "/h/.config/containers/certs.d";
    let podman = [own, "/r/etc/containers/certs.d", "/r/etc/docker/certs.d"];
    let docker = "/r/etc/docker/certs.d";
    let containerd = "/r/etc/containerd/certs.d";
    let podman_own = "/r/etc/containers/certs.d";
    for (engine, decides, wanted) in [
        (Some(Engine::Docker), true, vec![docker]),
        (Some(Engine::Podman), true, podman.to_vec()),
        (Some(Engine::Containerd), false, vec![containerd]),
        (
            Some(Engine::Kubelet),
            false,
            vec![containerd, podman_own, docker],
        ),
        (None, false, vec![docker, containerd, own, podman_own]),
    ] {
        let plan = certs_plan(engine, &environment);
        let paths: Vec<&Path> = plan.iter().map(|folder| folder.path.as_path()).collect();
        let wanted: Vec<&Path> = wanted.into_iter().map(Path::new).collect();
        assert_eq!(paths, wanted, "{engine:?}");
        assert!(plan.iter().all(|f| f.decides == decides), "{engine:?}");
    }
}

#[test]
fn paths_in_hosts_toml_begin_at_the_root_that_is_looked_at() {
    let folder = Folder::new(
        "rooted",
        &[
            (
                "etc/containerd/certs.d/r.test/hosts.toml",
                "ca = '/none-of-this-machine.pem'\n",
            ),
            ("none-of-this-machine.pem", "no certificate"),
        ],
    );
    let environment = Environment {
        root: folder.0.clone(),
        ..Environment::default()
    };
    let plan = certs_plan(Some(Engine::Containerd), &environment);
    let trust = registry_trust(&plan, "r.test");
    let said: Vec<&str> = trust.problems.iter().map(|p| p.says.as_str()).collect();
    assert!(
        matches!(said[..], [says] if says.starts_with("holds no certificate")),
        "{said:?}"
    );
}
