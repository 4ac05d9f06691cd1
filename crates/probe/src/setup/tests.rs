//! Files of engines below a folder of their own: processes, differences, and text that is nothing.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::{AuthPlace, Options};

pub(crate) struct Root(pub(crate) PathBuf);

impl Root {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("pullwhy-setup-{}-{number}", std::process::id());
        let root = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(&root.0).expect("a folder");
        for (name, text) in files {
            root.write(name, text);
        }
        root
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment {
            root: self.0.clone(),
            home: Some(self.0.join("home")),
            user: Some(1000),
            foreign: true,
            ..Environment::default()
        }
    }

    pub(crate) fn troubles(&self, engine: Engine) -> Vec<String> {
        let setup = engine_setup(engine, &self.environment());
        let all = setup.troubles.iter();
        let shown = |t: &Trouble| format!("{} {}: {}", t.stops, t.source, t.says);
        let root = format!("{}/", self.0.display());
        all.map(|t| shown(t).replace(&root, "")).collect()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // What stays behind in the folder of temporary files harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const UNIT: &str = "[Service]\nExecStart=/usr/sbin/dockerd\nEnvironment=HTTPS_PROXY=http://u:secret@new.test:3128\n";

#[test]
fn the_running_daemon_counts_and_what_it_has_not_read_is_told() {
    let root = Root::new(&[
        ("etc/systemd/system/docker.service", UNIT),
        ("proc/77/comm", "dockerd\n"),
        (
            "proc/77/cmdline",
            "/usr/sbin/dockerd\0--data-root=/srv/docker\0",
        ),
        (
            "proc/77/environ",
            "HTTPS_PROXY=http://old.test:3128\0PATH=/bin\0",
        ),
        (
            "etc/docker/daemon.json",
            "{\n \"mirrors\": [],\n \"data-root\": \"/x\"}",
        ),
    ]);
    let setup = engine_setup(Engine::Docker, &root.environment());
    let proxy = setup
        .proxy
        .as_ref()
        .expect("a process tells its environment");
    assert_eq!(
        proxy.environment().https.as_deref(),
        Some("http://old.test:3128")
    );
    let said = root.troubles(Engine::Docker);
    let starts = |wanted: &str| said.iter().any(|s| s.starts_with(wanted));
    // A daemon that runs has read the file before it was broken.
    assert!(
        starts("false etc/docker/daemon.json:2: `mirrors` is no option"),
        "{said:#?}"
    );
    assert!(
        starts("false etc/docker/daemon.json:3: `data-root` is given here and as"),
        "{said:#?}"
    );
    assert!(
        starts("false etc/systemd/system/docker.service:3: sets HTTPS_PROXY"),
        "{said:#?}"
    );
}

#[test]
fn differences_are_told_without_secrets() {
    let root = Root::new(&[
        ("etc/systemd/system/docker.service", UNIT),
        ("home/.docker/config.json", "{\n\"proxies\": {}}"),
        (
            "etc/docker/daemon.json",
            "{\"registry-mirrors\": [\"https://m.test\"],\n \"insecure-registries\": [\"m.test\"]}",
        ),
    ]);
    let mut environment = root.environment();
    environment.proxy.no = "r.test".to_owned();
    let setup = engine_setup(Engine::Docker, &environment);
    let options = Options::default();
    let seen = view_differences("nginx", &setup, &options, &environment);
    let whats: Vec<&str> = seen.iter().map(|d| d.what.as_str()).collect();
    let wanted = [
        "HTTPS_PROXY",
        "NO_PROXY",
        "proxies of config.json",
        "mirrors",
        "trust of m.test",
        "credentials",
    ];
    assert_eq!(whats, wanted, "{seen:#?}");
    let text = format!("{seen:?}");
    assert!(
        text.contains("new.test") && !text.contains("secret"),
        "{text}"
    );
}

#[test]
fn drop_ins_of_a_later_name_count_and_an_empty_line_resets() {
    let root = Root::new(&[
        ("lib/systemd/system/docker.service", UNIT),
        (
            "etc/systemd/system/docker.service.d/a.conf",
            "[Service]\nEnvironment=\nEnvironment=HTTP_PROXY=http://a.test\n",
        ),
        (
            "run/systemd/system/docker.service.d/a.conf",
            "[Service]\nEnvironment=HTTP_PROXY=http://hidden.test\n",
        ),
        (
            "etc/systemd/system/docker.service.d/b.conf",
            "[Service]\nEnvironment=HTTP_PROXY=http://b.test\n",
        ),
    ]);
    let setup = engine_setup(Engine::Docker, &root.environment());
    let proxy = setup.proxy.expect("a unit").environment();
    assert_eq!(
        (proxy.https, proxy.http.as_deref()),
        (None, Some("http://b.test"))
    );
}

#[test]
fn the_users_registries_take_the_place_of_the_systems() {
    let root = Root::new(&[
        (
            "etc/containers/policy.json",
            r#"{"default":[{"type":"reject"}]}"#,
        ),
        ("etc/containers/registries.conf", "[[registry]\n"),
        (
            "home/.config/containers/registries.conf",
            "short-name-mode = 'disabled'\n",
        ),
        (
            "home/.config/containers/policy.json",
            r#"{"default":[{"type":"fly"}],"more":1}"#,
        ),
    ]);
    let said = root.troubles(Engine::Podman);
    assert_eq!(
        said,
        [
            "true home/.config/containers/policy.json:1: `more` is no key of a policy: Podman does not pull",
            "true home/.config/containers/policy.json:1: `fly` is no kind of requirement: Podman does not pull",
        ]
    );
}

#[test]
fn any_text_is_settings_or_a_trouble() {
    let deep = "[".repeat(50_000);
    let wide = "a = 1\n".repeat(10_000);
    let keys = format!("{{{}}}", "\"a\":[[[[[[[[1]]]]]]]],".repeat(5000));
    for text in [
        "",
        "\u{0}",
        "{",
        "[]",
        "{}",
        "[registries]",
        "[Service]\nExecStart=\\",
        "imports = [\"*\"]",
        "{\"registry-mirrors\": [\"http://[::\", 3], \"proxies\": 1, \"insecure-registries\": [\"-\", \"a/b\", \"1/8\"]}",
        "- a: [",
        "version = 99999999999999999999",
        "[[registry]]\nlocation = \"\"\nprefix = \"*.\"",
        "{\"default\": [{}], \"transports\": {\"docker\": {\"\": [1, {\"type\": 3}]}}}",
        "::::\n0:0:0",
        &deep,
        &wide,
        &keys,
    ] {
        let files = [
            "etc/docker/daemon.json",
            "etc/systemd/system/docker.service",
            "etc/containerd/config.toml",
            "etc/containerd/certs.d/_default/hosts.toml",
            "etc/containers/registries.conf",
            "etc/containers/policy.json",
            "etc/containers/containers.conf",
            "etc/containers/registries.d/a.yaml",
            "etc/provider.yaml",
            "etc/subuid",
            "proc/1/comm",
            "proc/1/environ",
        ];
        let root = Root::new(&files.map(|file| (file, text)));
        let unit = "[Service]\nExecStart=kubelet --image-credential-provider-config=/etc/provider.yaml --image-credential-provider-bin-dir /bin";
        root.write("etc/systemd/system/kubelet.service", unit);
        let environment = root.environment();
        for engine in Engine::ALL {
            let setup = engine_setup(engine, &environment);
            assert!(setup.troubles.iter().all(|t| !t.says.is_empty()));
            for reference in ["app", "r.test:5000/team/app:1"] {
                let options = Options::default();
                let seen = view_differences(reference, &setup, &options, &environment);
                assert!(seen.len() < 64);
            }
        }
    }
}

#[test]
fn what_systemd_gives_to_every_service_reaches_the_engines() {
    let manager =
        "[Manager]\nDefaultEnvironment=\"HTTPS_PROXY=http://all.test:3128\" NO_PROXY=a.test\n";
    let root = Root::new(&[
        ("etc/systemd/system.conf", manager),
        (
            "lib/systemd/system/docker.service",
            "[Service]\nExecStart=/usr/bin/dockerd -H fd://\nEnvironment=NO_PROXY=b.test\n",
        ),
        (
            "lib/systemd/system/containerd.service",
            "[Service]\nExecStart=/usr/bin/containerd\n",
        ),
    ]);
    let proxy = |engine| {
        engine_setup(engine, &root.environment())
            .proxy
            .expect("a unit")
    };
    let docker = proxy(Engine::Docker);
    let place = docker.https.as_ref().map(|s| s.source.to_string());
    assert!(place.is_some_and(|p| p.ends_with("etc/systemd/system.conf:2")));
    assert_eq!(docker.environment().no, "b.test");
    assert_eq!(proxy(Engine::Containerd).environment().no, "a.test");
}

#[test]
fn what_keeps_dockerd_from_starting_is_told_with_its_place() {
    for (file, options, wanted) in [
        (
            r#"{"dns": ["9.9.9.9", "abc"]}"#,
            "",
            "daemon.json:1: `dns`: `abc` is no IP address",
        ),
        (
            r#"{"log-level": "loud"}"#,
            "",
            "daemon.json:1: `log-level`: `loud` is none of",
        ),
        (
            r#"{"max-concurrent-downloads": -1}"#,
            "",
            "`max-concurrent-downloads`: -1 is less than 0",
        ),
        (
            r#"{"max-concurrent-downloads": "3"}"#,
            "",
            "`max-concurrent-downloads`: is text, not a number",
        ),
        (
            r#"{"hosts": ["unix:///a"]}"#,
            "-H fd://",
            "`hosts` is given here and as the option `-H`",
        ),
        (
            r#"{"group": "a"}"#,
            "-Gb",
            "`group` is given here and as the option `-Gb`",
        ),
        (
            r#"{"log-level": "info"}"#,
            "-Dlwarn",
            "`log-level` is given here",
        ),
        (
            r#"{"insecure-registries": "a"}"#,
            "",
            "`insecure-registries`: is text, not a list",
        ),
        (
            r#"{"features": {"a": "b"}}"#,
            "",
            "`features`: `a` is text, not true or false",
        ),
        (
            r#"{"default-runtime": "x"}"#,
            "",
            "the default runtime `x` is not among",
        ),
        (
            "{}",
            "--log-level=loud",
            "docker.service:2: `log-level`: `loud`",
        ),
        ("{}", "--bogus", "docker.service:2: `--bogus` is no option"),
    ] {
        let unit = format!("[Service]\nExecStart=/usr/bin/dockerd {options}\n");
        let root = Root::new(&[
            ("etc/docker/daemon.json", file),
            ("lib/systemd/system/docker.service", &unit),
        ]);
        let said = root.troubles(Engine::Docker);
        let tells = |s: &String| s.starts_with("true ") && s.contains(wanted);
        assert_eq!(said.len(), 1, "{file} {options}: {said:#?}");
        assert!(said.iter().all(tells), "{file} {options}: {said:#?}");
    }
}

#[test]
fn tables_policies_and_folders_of_registries_are_shown_line_by_line() {
    let hosts = "[host.\"https://m.test\"]\n  capabilities = [\"pull\"]\n";
    let tables = "[[registry]]\nlocation = \"r.test\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"m.test\"\n";
    let policy = "{\"default\": [{\"type\": \"reject\"}],\n \"transports\": {\"docker\": {\"r.test\":\n [{\"type\": \"insecureAcceptAnything\"}]}}}";
    let root = Root::new(&[
        ("etc/containerd/certs.d/r.test_5000_/hosts.toml", hosts),
        ("etc/containers/registries.conf", tables),
        ("etc/containers/policy.json", policy),
        ("etc/docker/certs.d/r.test/client.key", ""),
    ]);
    let environment = root.environment();
    let shown = |engine| {
        let mut setup = engine_setup(engine, &environment);
        look_into_folders(&mut setup, &environment);
        let name = |s: &Setting| format!("{} {} {}", s.name, s.value, s.source);
        let all: Vec<String> = setup.further.iter().map(name).collect();
        let below = format!("{}/", root.0.display());
        (all.join("\n").replace(&below, ""), setup.troubles)
    };
    let (podman, _) = shown(Engine::Podman);
    assert_eq!(
        podman,
        "registry r.test etc/containers/registries.conf:1\n\
         mirror m.test for r.test etc/containers/registries.conf:5\n\
         insecure r.test etc/containers/registries.conf:3\n\
         policy all others: rejected etc/containers/policy.json:1\n\
         policy r.test: taken without a signature etc/containers/policy.json:2"
    );
    let (containerd, _) = shown(Engine::Containerd);
    let wanted = "hosts.toml r.test:5000 is asked at https://m.test, for content only etc/containerd/certs.d/r.test_5000_/hosts.toml:1";
    assert!(containerd.starts_with(wanted), "{containerd}");
    let (_, troubles) = shown(Engine::Docker);
    assert!(
        troubles
            .iter()
            .any(|t| t.saw == "certs-unusable" && t.stops),
        "{troubles:?}"
    );
}

#[test]
fn logins_of_containerd_are_for_its_cri_service_and_never_shown() {
    let config = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"r.test\".auth]\n  username = \"u\"\n  password = \"hunter2\"\n";
    let root = Root::new(&[("etc/containerd/config.toml", config)]);
    let environment = root.environment();
    for (engine, sources) in [(Engine::Kubelet, 1), (Engine::Containerd, 0)] {
        let setup = engine_setup(engine, &environment);
        let mut plan = AuthPlan::default();
        setup.add_logins(&mut plan);
        assert_eq!(plan.sources.len(), sources, "{engine:?}");
        assert_eq!(plan.left_out.len(), 1 - sources, "{engine:?}");
        let login = setup
            .further
            .iter()
            .find(|s| s.name == "login")
            .expect("it is shown");
        assert!(login.value.starts_with("r.test"), "{login:?}");
        assert!(
            login.source.to_string().ends_with("config.toml:3"),
            "{login:?}"
        );
        let shown = format!("{setup:?} {plan:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        if let Some(AuthPlace::Text(text)) = plan.sources.first().map(|s| &s.place) {
            assert!(text.contains("r.test") && text.contains("hunter2"));
        }
    }
}

#[test]
fn what_a_unit_takes_out_of_its_environment_is_gone() {
    let manager = "[Manager]\nDefaultEnvironment=HTTPS_PROXY=http://all.test:3128\n";
    for (lines, https, no) in [
        ("UnsetEnvironment=HTTPS_PROXY", false, true),
        (
            "UnsetEnvironment=HTTPS_PROXY=http://all.test:3128",
            false,
            true,
        ),
        ("UnsetEnvironment=HTTPS_PROXY=http://other.test", true, true),
        ("UnsetEnvironment=NO_PROXY HTTPS_PROXY", false, false),
        (
            "UnsetEnvironment=HTTPS_PROXY\nUnsetEnvironment=",
            true,
            true,
        ),
        // The order of the lines does not count.
        (
            "UnsetEnvironment=NO_PROXY\nEnvironment=NO_PROXY=c.test",
            true,
            false,
        ),
    ] {
        let unit = format!(
            "[Service]\nExecStart=/usr/bin/dockerd\nEnvironment=NO_PROXY=b.test\n{lines}\n"
        );
        let root = Root::new(&[
            ("etc/systemd/system.conf", manager),
            ("lib/systemd/system/docker.service", &unit),
        ]);
        let proxy = engine_setup(Engine::Docker, &root.environment()).proxy;
        let proxy = proxy.expect("a unit");
        assert_eq!(proxy.https.is_some(), https, "{lines}");
        assert_eq!(!proxy.environment().no.is_empty(), no, "{lines}");
    }
}

#[test]
fn dockerd_does_not_listen_by_tls_without_its_certificates() {
    let all = r#""tlscacert": "/c/ca.pem", "tlscert": "/c/cert.pem", "tlskey": "/c/key.pem""#;
    for (file, options, wanted) in [
        (
            format!(r#"{{"tlsverify": true, {all}}}"#),
            "",
            &["tlscert", "tlscacert"][..],
        ),
        (format!(r#"{{"tls": true, {all}}}"#), "", &["tlscert"]),
        (
            format!(r#"{{"tlsverify": false, {all}}}"#),
            "",
            &["tlscert"],
        ),
        (format!("{{{all}}}"), "", &[]),
        (format!(r#"{{"tls": false, {all}}}"#), "", &[]),
        (format!("{{{all}}}"), "--tls", &["tlscert"]),
        (
            "{}".to_owned(),
            "--tlsverify --tlscert /c/none.pem --tlskey=/c/key.pem",
            &["tlscert"],
        ),
    ] {
        let unit = format!("[Service]\nExecStart=/usr/bin/dockerd {options}\n");
        let root = Root::new(&[
            ("etc/docker/daemon.json", &file),
            ("lib/systemd/system/docker.service", &unit),
            ("c/key.pem", ""),
        ]);
        let said = root.troubles(Engine::Docker);
        assert_eq!(said.len(), wanted.len(), "{file} {options}: {said:#?}");
        for (said, key) in said.iter().zip(wanted) {
            let tells =
                said.starts_with("true ") && said.contains(&format!("`{key}`: there is no"));
            assert!(tells, "{file} {options}: {said}");
        }
    }
}
