//! What `host` says of configuration files, held against the programs that read them: dockerd,
//! containerd, and containers/image by Skopeo. SKIPPED where they are not installed.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stderr, reason = "a skip must be loud")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use support::{json, pullwhy, text};

/// Files of dockerd, with options of its unit. Whether it refuses them is asked of itself.
const DAEMON: &[(&str, &str)] = &[
    ("{}", ""),
    ("", ""),
    ("null", ""),
    (r#"{"x": {}}"#, ""),
    (r#"{"x": {"debug": true}}"#, ""),
    (r#"{"proxy": {"http-proxy": "http://p:1"}}"#, ""),
    (r#"{"x": {"bridge": "none", "y": 1}}"#, ""),
    ("[1]", ""),
    (r#"{"dns": ["abc"]}"#, ""),
    (r#"{"dns": ["8.8.8.8", "::1"]}"#, ""),
    (r#"{"dns": [1]}"#, ""),
    (r#"{"dns": null}"#, ""),
    (r#"{"dns": ["1.1.1.1"]}"#, "--dns 8.8.8.8"),
    ("{}", "--dns abc"),
    (r#"{"dns-search": ["..."]}"#, ""),
    (r#"{"dns-search": ["a_b.c"]}"#, ""),
    (r#"{"dns-search": [".", "a.test"]}"#, ""),
    (r#"{"dns-opts": "a"}"#, ""),
    (r#"{"log-level": "loud"}"#, ""),
    (r#"{"log-level": "WARN"}"#, ""),
    (r#"{"log-level": "trace"}"#, ""),
    (r#"{"log-level": ""}"#, ""),
    (r#"{"log-level": 5}"#, ""),
    (r#"{"log-level": "info"}"#, "-Dlwarn"),
    ("{}", "--log-level=loud"),
    (r#"{"max-concurrent-downloads": 0}"#, ""),
    (r#"{"max-concurrent-downloads": -1}"#, ""),
    (r#"{"max-concurrent-downloads": "3"}"#, ""),
    (r#"{"max-concurrent-downloads": 1.5}"#, ""),
    (r#"{"max-concurrent-downloads": 3.0}"#, ""),
    (r#"{"max-concurrent-uploads": -1}"#, ""),
    (r#"{"max-download-attempts": -1}"#, ""),
    (r#"{"max-download-attempts": 0}"#, ""),
    ("{}", "--max-concurrent-downloads=x"),
    (r#"{"mtu": -3}"#, ""),
    (r#"{"mtu": "x"}"#, ""),
    (r#"{"hosts": "unix:///x"}"#, ""),
    (r#"{"hosts": ["unix:///x"]}"#, ""),
    (r#"{"hosts": ["unix:///x"]}"#, "-H fd://"),
    (r#"{"hosts": ["unix:///x"]}"#, "-Hfd://"),
    (r#"{"hosts": ["unix:///x"]}"#, "--host=fd://"),
    (r#"{"debug": true}"#, "-D"),
    (r#"{"debug": true}"#, "--debug=false"),
    (r#"{"debug": "yes"}"#, ""),
    (r#"{"debug": 1}"#, ""),
    (r#"{"debug": {"x": 1}}"#, ""),
    (r#"{"Debug": true}"#, ""),
    (r#"{"group": "a"}"#, "-Gb"),
    (r#"{"data-root": "/x"}"#, "--data-root=/x"),
    (r#"{"data-root": 1}"#, ""),
    (r#"{"labels": ["a"]}"#, ""),
    (r#"{"labels": ["a=1", "a=2"]}"#, ""),
    (r#"{"labels": ["a=1"]}"#, "--label b=2"),
    (r#"{"runtimes": {"runc": {"path": "a"}}}"#, ""),
    (r#"{"runtimes": []}"#, ""),
    (
        r#"{"runtimes": {"x": {"path": "/a"}}}"#,
        "--add-runtime y=/a",
    ),
    (r#"{"default-runtime": "x"}"#, ""),
    (
        r#"{"default-runtime": "x", "runtimes": {"x": {"path": "/a"}}}"#,
        "",
    ),
    (r#"{"log-opts": {"a": 1}}"#, ""),
    (r#"{"log-opts": ["a"]}"#, ""),
    (r#"{"log-opts": {"a": "b"}}"#, "--log-opt c=d"),
    (r#"{"features": {"a": "b"}}"#, ""),
    (r#"{"features": {"a": true}}"#, ""),
    (r#"{"features": []}"#, ""),
    (r#"{"insecure-registries": "x"}"#, ""),
    (r#"{"insecure-registry": ["x"]}"#, ""),
    (
        r#"{"registry-mirrors": ["https://a.test"]}"#,
        "--registry-mirror https://b.test",
    ),
    (r#"{"registry-mirror": []}"#, ""),
    (r#"{"mirrors": []}"#, ""),
    (r#"{"proxies": {"x": "1"}}"#, ""),
    (r#"{"proxies": {"http-proxy": "http://p.test"}}"#, ""),
    ("{}", "--http-proxy http://p.test"),
    (r#"{"graph": "/x"}"#, ""),
    (r#"{"graph": "/x", "data-root": "/y"}"#, ""),
    ("{}", "--graph /x"),
    ("{}", "-g /x --data-root /y"),
    (r#"{"cluster-store": "x"}"#, ""),
    (
        r#"{"cluster-store-opts": {"a": "b"}}"#,
        "--cluster-store-opt c=d",
    ),
    (r#"{"oom-score-adjust": 5}"#, ""),
    (r#"{"api-cors-header": "x"}"#, ""),
    (r#"{"log-format": "json"}"#, ""),
    (r#"{"bip6": "fd00::1/64"}"#, ""),
    (r#"{"host-gateway-ips": ["10.0.0.1"]}"#, ""),
    (r#"{"default-network-opts": {"bridge": {"a": "b"}}}"#, ""),
    ("{}", "--validate"),
    (r#"{"default-ipc-mode": "q"}"#, ""),
    (r#"{"default-ipc-mode": "Private"}"#, ""),
    (r#"{"default-cgroupns-mode": "q"}"#, ""),
    (r#"{"default-shm-size": "64M"}"#, ""),
    (r#"{"default-shm-size": "64 mb"}"#, ""),
    (r#"{"default-shm-size": 64}"#, ""),
    (r#"{"default-shm-size": "x"}"#, ""),
    (r#"{"ip": "x"}"#, ""),
    (r#"{"ip": ""}"#, ""),
    (r#"{"default-gateway": "x"}"#, ""),
    (r#"{"node-generic-resources": ["a"]}"#, ""),
    (r#"{"node-generic-resources": ["a=b"]}"#, ""),
    (r#"{"oom-score-adjust": "x"}"#, ""),
    (r#"{"iptables": "false"}"#, ""),
    (r#"{"init-path": true}"#, ""),
    (r#"{"tls": "x"}"#, ""),
    (r#"{"builder": 1}"#, ""),
    (r#"{"builder": {"gc": {"enabled": true}}}"#, ""),
    (r#"{"storage-opts": ["a"]}"#, "--storage-opt b"),
    (r#"{"live-restore-enabled": true}"#, ""),
    ("{}", "--bogus"),
    ("{ \"dns\": [", ""),
];

/// Files of containers/image.
const REGISTRIES: &[&str] = &[
    "",
    "bogus = 1\n",
    "[[registry]]\nlocation = \"r.test\"\ninsecure = true\n",
    "[[registry]]\nlocation = \"r.test\"\ninsecure = \"yes\"\n",
    "[[registry]]\nlocation = \"r.test\"\nInsecure = \"yes\"\n",
    "[[registry]]\nlocation = \"r.test\"\nblocked = 1\n",
    "[[registry]]\nlocation = \"r.test\"\nbogus = \"x\"\n",
    "[[registry]]\nlocation = 1\n",
    "[[registry]]\nprefix = 1\nlocation = \"a\"\n",
    "[registry]\nlocation = \"a\"\n",
    "registry = \"a\"\n",
    "[[registry]]\nlocation = \"a\"\nmirror = \"x\"\n",
    "[[registry]]\nlocation = \"a\"\nmirror = [\"x\"]\n",
    "[[registry]]\nlocation = \"a\"\nmirror = [{location = \"x\", insecure = \"n\"}]\n",
    "[[registry]]\nlocation = \"a\"\nmirror-by-digest-only = \"n\"\n",
    "[[registry]]\nlocation = \"a\"\npull-from-mirror = \"all\"\n",
    "[[registry]]\nlocation = \"https://a\"\n",
    "[[registry]]\nlocation = \"a\"\n[[registry]]\nlocation = \"a\"\ninsecure = true\n",
    "unqualified-search-registries = \"a\"\n",
    "unqualified-search-registries = [1]\n",
    "unqualified-search-registries = [\"a/b\"]\n",
    "unqualified-search-registries = [\"\"]\n",
    "unqualified-search-registries = [\"a.test\"]\n",
    "short-name-mode = \"x\"\n",
    "short-name-mode = true\n",
    "credential-helpers = \"a\"\n",
    "aliases = 1\n",
    "[aliases]\na = 1\n",
    "[aliases]\na = \"b\"\n",
    "[aliases]\na = \"b.c/d\"\n",
    "[aliases]\na = \"b.c/d:1\"\n",
    "[aliases]\n\"a:1\" = \"b.c/d\"\n",
    "[aliases]\n\"a.b/c\" = \"b.c/d\"\n",
    "[aliases]\nA = \"b.c/d\"\n",
    "[registries.search]\nregistries = \"a\"\n",
    "[registries.block]\nregistries = [1]\n",
    "[registries]\nsearch = 1\n",
    "registries = 1\n",
    "[registries.search]\nregistries = []\n[[registry]]\nlocation = \"a\"\n",
    "[registries.search]\nregistries = [\"b\"]\n[[registry]]\nlocation = \"a\"\n",
    "[[registry]\n",
];

const POLICIES: &[&str] = &[
    r#"{"default": [{"type": "insecureAcceptAnything"}]}"#,
    r#"{"default": [{"type": "insecureAcceptAnything", "x": 1}]}"#,
    r#"{"default": [{"type": "signedBy"}]}"#,
    r#"{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a"}]}"#,
    r#"{"default": [{"type": "signedBy", "keyType": "x", "keyPath": "/a"}]}"#,
    r#"{"default": [{"type": "signedBy", "keyType": "GPGKeys"}]}"#,
    r#"{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a", "keyData": "aaaa"}]}"#,
    r#"{"default": [{"type": "sigstoreSigned"}]}"#,
    r#"{"default": [{"type": "sigstoreSigned", "keyPath": "/a"}]}"#,
    r#"{"default": [{"type": "sigstoreSigned", "keyData": "*"}]}"#,
    r#"{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": null}]}"#,
    r#"{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "matchRepository"}}]}"#,
    r#"{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "matchRepository", "a": 1}}]}"#,
    r#"{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "matchAll"}}]}"#,
    r#"{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "exactReference"}}]}"#,
    r#"{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "exactReference", "dockerReference": "a"}}]}"#,
    r#"{"default": [{"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "exactReference", "dockerReference": "a:1"}}]}"#,
    r#"{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a", "signedIdentity": {"type": "exactRepository", "dockerRepository": "A"}}]}"#,
    r#"{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a", "signedIdentity": {"type": "remapIdentity", "prefix": "a.test"}}]}"#,
    r#"{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a", "signedIdentity": {"type": "remapIdentity", "prefix": "a.test", "signedPrefix": "b.test/c"}}]}"#,
    r#"{"default": [{"type": "signedBaseLayer"}]}"#,
    r#"{"default": [{"type": "fly"}]}"#,
    r#"{"default": [{"type": 1}]}"#,
    r#"{"default": ["reject"]}"#,
    r#"{"default": {"type": "reject"}}"#,
    r#"{"default": []}"#,
    r#"{"default": [{"type": "reject"}], "default": [{"type": "reject"}]}"#,
    r#"{"default": [{"type": "reject"}], "more": 1}"#,
    r#"{"default": [{"type": "reject"}], "transports": null}"#,
    r#"{"default": [{"type": "reject"}], "transports": {"docker": []}}"#,
    r#"{"default": [{"type": "reject"}], "transports": {"docker": {"a": []}}}"#,
    r#"{"default": [{"type": "reject"}], "transports": {"docker-daemon": {"": [{"type": "x"}]}}}"#,
    r#"{"transports": {}}"#,
    "[]",
    "{",
];

/// Files of `registries.d`. What Podman's readers of YAML differ in is not among them.
const SIGNATURES: &[&str] = &[
    "docker:\n",
    "docker: {a.test: {}}\n",
    "docker: {a.test: ~}\n",
    "docker: {a.test: 1}\n",
    "docker: x\n",
    "docker: [\n",
    "- docker\n",
    "x\n",
    "more: 1\n",
    "default-docker: x\n",
    "default-docker: {more: 1}\n",
    "default-docker: {lookaside: [a]}\n",
    "default-docker: {lookaside: 'https://a.test'}\n",
    "default-docker: {use-sigstore-attachments: true}\n",
    "default-docker: {use-sigstore-attachments: yes}\n",
    "default-docker: {use-sigstore-attachments: off}\n",
    "default-docker: {use-sigstore-attachments: 1}\n",
    "default-docker: {use-sigstore-attachments: 'true'}\n",
    "default-docker: {use-sigstore-attachments: maybe}\n",
    "default-docker: {use-sigstore-attachments: }\n",
];

/// Files of containerd, beside an empty `there.toml`.
const CONTAINERD: &[&str] = &[
    "",
    "version = 2\n",
    "version = 2\n[\n",
    "version = \"2\"\n",
    "version = 99\n",
    "version = 2\nroot = 1\n",
    "version = 2\nroot = \"/x\"\nstate = 1\n",
    "version = 2\nimports = [\"there.toml\"]\n",
    "version = 2\nimports = [\"none.toml\"]\n",
    "version = 2\nimports = [\"/nowhere/*.toml\"]\n",
    "version = 2\nimports = \"there.toml\"\n",
    "version = 2\nimports = [1]\n",
    "version = 2\n[grpc]\naddress = 1\n",
    "version = 2\ndisabled_plugins = [\"cri\"]\n",
    "version = 2\ndisabled_plugins = [\"a.b\"]\n",
    "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
    "version = 2\nrequired_plugins = [\"opt\"]\n",
    "disabled_plugins = [\"cri\"]\n",
    "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = 5\n",
    "[plugins.cri.registry]\nconfig_path = 5\n",
    "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"a\"]\nendpoint = \"x\"\n",
    "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"a\"]\nendpoint = [\"x\"]\n",
    "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"a\".auth]\nusername = 1\n",
    "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = 1\n",
];

fn put(root: &Path, name: &str, content: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("temporary folder");
    fs::write(path, content).expect("temporary folder");
}

/// What `host` says of an engine below a folder: whether it is stopped, and everything.
fn said(root: &Path, engine: &str) -> (bool, Vec<String>) {
    let output = pullwhy()
        .args([
            "host",
            "--no-logs",
            "--format",
            "json",
            "--as",
            engine,
            "--root",
        ])
        .arg(root)
        .env("HOME", "/nobody")
        .output()
        .expect("runs");
    let report = json(&output.stdout);
    let troubles = report["engines"][0]["troubles"].as_array().expect("a list");
    let stops = troubles.iter().any(|t| t["stops"] == true);
    assert_eq!(output.status.code(), Some(i32::from(stops)));
    // Every one of them is a finding too, with something to do.
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), troubles.len(), "{report}");
    for finding in findings {
        assert!(
            !finding["fixes"].as_array().expect("a list").is_empty(),
            "{finding}"
        );
    }
    let texts = troubles.iter().map(|t| t["text"].to_string());
    (stops, texts.collect())
}

fn runs(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

/// Whether dockerd refuses a file; its words. Releases before 23.0 cannot validate, but look at the file
/// before they ask who they are: as nobody they end there.
fn dockerd(file: &Path, options: &str) -> (bool, String) {
    let help = runs("dockerd", &["--help"]).unwrap_or_default();
    let validates = help.contains("--validate");
    let root = fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    let mut command = match (validates, root) {
        (false, true) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--clear-groups", "dockerd"]);
            command
        }
        _ => Command::new("dockerd"),
    };
    if validates {
        command.arg("--validate");
    }
    command.arg("--config-file").arg(file);
    command.args(options.split_whitespace());
    let output = command.output().expect("dockerd runs");
    let words = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let taken =
        words.contains("configuration OK") || words.contains("needs to be started with root");
    (!taken, words)
}

#[test]
fn dockerd_refuses_what_host_says_it_refuses() {
    let version = runs("dockerd", &["--version"]);
    let Some(version) = version.filter(|_| runs("setpriv", &["--version"]).is_some()) else {
        eprintln!("SKIPPED: dockerd (Debian: docker.io) or setpriv is not installed");
        return;
    };
    let release = version.split([' ', ',']).nth(2).expect("a release");
    let package = format!("Package: docker.io\nStatus: install ok installed\nVersion: {release}\n");
    let mut wrong = Vec::new();
    for (file, options) in DAEMON {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        // Nobody must be able to read it.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(root, open).expect("temporary folder");
        put(root, "etc/docker/daemon.json", file);
        let unit = format!("[Service]\nExecStart=/usr/bin/dockerd {options}\n");
        put(root, "lib/systemd/system/docker.service", &unit);
        put(root, "var/lib/dpkg/status", &package);
        let (stops, texts) = said(root, "docker");
        let (refused, words) = dockerd(&root.join("etc/docker/daemon.json"), options);
        // What depends on the release is told as such.
        let depends = texts.iter().any(|t| t.contains("Docker 20.10"))
            && !texts.iter().any(|t| t.contains("dockerd does not start"));
        if stops != refused && !depends {
            wrong.push(format!("{file} {options}: {texts:?}, and dockerd: {words}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn containerd_refuses_what_host_says_it_refuses() {
    if runs("containerd", &["--version"]).is_none() {
        eprintln!("SKIPPED: containerd is not installed");
        return;
    }
    let mut wrong = Vec::new();
    for file in CONTAINERD {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        put(root, "etc/containerd/config.toml", file);
        put(root, "etc/containerd/there.toml", "");
        let (stops, texts) = said(root, "containerd");
        // It reads its files, and shows what they come to.
        let output = Command::new("containerd")
            .arg("--config")
            .arg(root.join("etc/containerd/config.toml"))
            .args(["config", "dump"])
            .output()
            .expect("containerd runs");
        let refused = !output.status.success();
        // What depends on the release is told as such.
        let depends = texts.iter().any(|t| t.contains("containerd 1."));
        if stops != refused && !depends {
            let words = text(&output.stderr);
            wrong.push(format!("{file:?}: {texts:?}, and containerd: {words}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn skopeo_refuses_what_host_says_podman_refuses() {
    if runs("skopeo", &["--version"]).is_none() {
        eprintln!("SKIPPED: skopeo is not installed");
        return;
    }
    let mut wrong = Vec::new();
    let registries = REGISTRIES.iter().map(|file| (*file, POLICIES[0], ""));
    let policies = POLICIES.iter().map(|policy| ("", *policy, ""));
    let signatures = SIGNATURES.iter().map(|file| ("", POLICIES[0], *file));
    for (file, policy, signatures) in registries.chain(policies).chain(signatures) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = folder.path();
        put(root, "etc/containers/registries.conf", file);
        put(root, "etc/containers/policy.json", policy);
        put(root, "etc/containers/registries.d/a.yaml", signatures);
        let (stops, texts) = said(root, "podman");
        let path = |name: &str| root.join(name).display().to_string();
        // Nobody listens there: who reads the files asks, and is refused.
        let words = runs(
            "skopeo",
            &[
                "--registries-conf",
                &path("etc/containers/registries.conf"),
                "--policy",
                &path("etc/containers/policy.json"),
                "--registries.d",
                &path("etc/containers/registries.d"),
                "copy",
                "--src-tls-verify=false",
                "docker://127.0.0.1:1/a",
                &format!("dir:{}", path("out")),
            ],
        );
        let words = words.expect("skopeo runs");
        let refused = !words.contains("connection refused");
        if stops != refused {
            wrong.push(format!(
                "{file:?} {policy} {signatures:?}: {texts:?}, and skopeo: {words}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
