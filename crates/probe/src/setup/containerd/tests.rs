//! What containerd's files say of its start, and which of them count.

use crate::Engine;
use crate::setup::engine_setup;
use crate::setup::tests::Root;

const FILE: &str = "etc/containerd/config.toml";

#[test]
fn what_keeps_containerd_from_starting_is_told_with_its_place() {
    for (text, wanted) in [
        (
            "version = 2\nimports = [\"conf.d/*.toml\",\n \"/etc/none.toml\"]\n",
            "true etc/containerd/config.toml:3: names etc/none.toml, which is not there",
        ),
        (
            "version = 2\ndisabled_plugins = [\"io.containerd.internal.v1.opt\",\n \"cri\"]\n",
            "true etc/containerd/config.toml:3: `cri` is no whole name",
        ),
        (
            "version = 3\nrequired_plugins = [\"opt\"]\n",
            "true etc/containerd/config.toml:2: `opt` is no whole name",
        ),
        (
            "version = 2\ndisabled_plugins = [\"a.b\"]\n",
            "false etc/containerd/config.toml:2: `a.b` is no whole name of a plug-in, such as `io.containerd.grpc.v1.cri`: containerd 1.x",
        ),
        (
            "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = 5\n",
            "true etc/containerd/config.toml:3: `config_path` is not text",
        ),
        (
            "version = 4\n[plugins.\"io.containerd.cri.v1.images\".registry]\n  config_path = 5\n",
            "true etc/containerd/config.toml:3: `config_path` is not text",
        ),
        (
            "[plugins.cri.registry.mirrors.\"r.test\"]\n  endpoint = \"https://m.test\"\n",
            "true etc/containerd/config.toml:2: `endpoint` is not a list of texts",
        ),
        (
            "version = \"2\"\n",
            "true etc/containerd/config.toml:1: `version` is not a whole number",
        ),
        (
            "version = 2\nroot = 1\n",
            "true etc/containerd/config.toml:2: `root` is not text",
        ),
        (
            "version = 99\n",
            "false etc/containerd/config.toml:1: `version` 99 is none that there is",
        ),
    ] {
        let root = Root::new(&[(FILE, text)]);
        let said = root.troubles(Engine::Containerd);
        let tells = |s: &&String| s.starts_with(wanted);
        assert_eq!(said.iter().filter(tells).count(), 1, "{text}: {said:#?}");
        let stops = said.iter().filter(|s| s.starts_with("true ")).count();
        assert_eq!(stops, usize::from(wanted.starts_with("true ")), "{said:#?}");
    }
    for text in [
        "version = 2\nimports = [\"conf.d/*.toml\"]\n",
        "disabled_plugins = [\"opt\"]\n",
        "version = 4\nroot = \"/mnt/c\"\n",
    ] {
        let said = Root::new(&[(FILE, text)]).troubles(Engine::Containerd);
        assert!(said.is_empty(), "{text}: {said:#?}");
    }
    let unit = "[Service]\nExecStart=/usr/bin/containerd --config /etc/own.toml\n";
    let root = Root::new(&[("lib/systemd/system/containerd.service", unit)]);
    let said = root.troubles(Engine::Containerd);
    let wanted = "true lib/systemd/system/containerd.service:2: names etc/own.toml, which is not there: containerd does not start";
    assert_eq!(said, [wanted]);
}

#[test]
fn version_4_has_the_tables_of_version_3_and_an_address_of_its_own() {
    let text = "version = 4\n[plugins.\"io.containerd.cri.v1.images\".registry]\n  config_path = \"/etc/own.d\"\n";
    let root = Root::new(&[(FILE, text)]);
    let setup = engine_setup(Engine::Kubelet, &root.environment());
    let said = setup
        .settings
        .iter()
        .map(|s| (s.name.as_str(), s.value.as_str()));
    let said: Vec<_> = said.collect();
    assert!(said.contains(&("config_path", "/etc/own.d")), "{said:?}");
    assert!(setup.troubles.is_empty(), "{:?}", setup.troubles);
}

#[test]
fn a_plugin_that_one_file_disables_stays_so() {
    let root = Root::new(&[
        (
            FILE,
            "version = 2\nimports = [\"a.toml\"]\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
        ),
        (
            "etc/containerd/a.toml",
            "version = 2\ndisabled_plugins = [\"io.containerd.internal.v1.opt\"]\n",
        ),
    ]);
    let said = root.troubles(Engine::Kubelet);
    let wanted = "true etc/containerd/config.toml:3: the CRI service is among `disabled_plugins`";
    assert!(said.iter().any(|s| s.starts_with(wanted)), "{said:#?}");
}

/// What a drop-in of a plug-in's table does, by release: the settings, and what is told.
fn of_release(release: &str, files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let status = format!(
        "Package: containerd\nStatus: deinstall ok config-files\nVersion: 1.0\n\nPackage: containerd\nStatus: install ok installed\nVersion: {release}\n"
    );
    let mut all = files.to_vec();
    if !release.is_empty() {
        all.push(("var/lib/dpkg/status", &status));
    }
    let root = Root::new(&all);
    let setup = engine_setup(Engine::Kubelet, &root.environment());
    let settings = setup.settings.iter();
    let settings = settings.map(|s| format!("{} {}", s.name, s.value));
    (settings.collect(), root.troubles(Engine::Kubelet))
}

#[test]
fn drop_ins_replace_tables_up_to_1_7_and_are_merged_from_2_0_on() {
    const CRI: &str = "[plugins.\"io.containerd.grpc.v1.cri\"";
    let main = format!(
        "version = 2\nimports = [\"a.toml\"]\n{CRI}.registry]\n  config_path = \"/etc/own.d\"\n"
    );
    let drop_in = format!("version = 2\n{CRI}]\n  sandbox_image = \"pause\"\n");
    let files = [(FILE, main.as_str()), ("etc/containerd/a.toml", &drop_in)];
    let own = "config_path /etc/own.d".to_owned();
    let replaced = "false etc/containerd/config.toml:4: is of no effect with containerd 1.x";
    let (settings, told) = of_release("1.7.24~ds1-6", &files);
    assert!(
        settings.contains(&"release 1.7.24".to_owned()),
        "{settings:?}"
    );
    assert!(!settings.contains(&own), "{settings:?}");
    assert!(told.len() == 1 && told[0].starts_with(replaced), "{told:?}");
    for release in ["2.0.0", "2.3.4-1"] {
        let (settings, told) = of_release(release, &files);
        assert!(settings.contains(&own), "{release}: {settings:?}");
        assert!(told.is_empty(), "{release}: {told:?}");
    }
    let (settings, told) = of_release("", &files);
    assert!(!settings.contains(&own), "{settings:?}");
    assert!(
        told.len() == 1 && told[0].ends_with("from 2.0 on the two are merged"),
        "{told:?}"
    );
}

#[test]
fn merged_tables_keep_what_a_later_one_does_not_name() {
    let main = "version = 3\nimports = [\"a.toml\"]\n\
        [plugins.'io.containerd.cri.v1.images'.registry.mirrors.'a.test']\n  endpoint = ['https://one.test']\n\
        [plugins.'io.containerd.cri.v1.images'.registry.mirrors.'b.test']\n  endpoint = ['https://two.test']\n\
        [plugins.'io.containerd.cri.v1.images'.registry.configs.'a.test'.auth]\n  username = 'u'\n";
    let drop_in = "version = 3\n\
        [plugins.'io.containerd.cri.v1.images'.registry.mirrors.'b.test']\n  endpoint = ['https://three.test']\n\
        [plugins.'io.containerd.cri.v1.images'.registry.configs.'a.test'.auth]\n  password = 'p'\n";
    let root = Root::new(&[(FILE, main), ("etc/containerd/a.toml", drop_in)]);
    let setup = engine_setup(Engine::Kubelet, &root.environment());
    let crate::setup::endpoint::Order::Containerd(registries) = &setup.order else {
        panic!("{:?}", setup.order);
    };
    let mirrors: Vec<_> = registries
        .mirrors
        .iter()
        .map(|(name, all)| {
            let urls: Vec<&str> = all.iter().map(|(url, _)| url.as_str()).collect();
            (name.as_str(), urls)
        })
        .collect();
    let wanted = [
        ("a.test", vec!["https://one.test"]),
        ("b.test", vec!["https://three.test"]),
    ];
    assert_eq!(mirrors, wanted);
    let logins = &setup.logins.as_ref().expect("a login").text;
    let held: serde_json::Value = serde_json::from_str(logins).expect("JSON");
    assert_eq!(
        held["auths"]["a.test"],
        serde_json::json!({"username": "u", "password": "p"})
    );
}

#[test]
fn one_version_counts_for_all_files_up_to_2_2() {
    let images = "[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '/etc/new.d'\n";
    let cri = "[plugins.'io.containerd.grpc.v1.cri'.registry]\n  config_path = '/etc/old.d'\n";
    let old = format!("version = 2\nimports = ['a.toml']\n{cri}");
    let newer = format!("version = 3\n{images}");
    let files = [(FILE, old.as_str()), ("etc/containerd/a.toml", &newer)];
    // All are taken for version 3, and the table of version 2 is not brought to it.
    let (settings, told) = of_release("2.1.9", &files);
    assert!(
        settings.contains(&"config_path /etc/new.d".to_owned()),
        "{settings:?}"
    );
    assert!(
        told.iter()
            .any(|t| t.contains("all files count as of version 3")),
        "{told:?}"
    );
    let (_, told) = of_release("2.3.0", &files);
    let wanted =
        "true etc/containerd/a.toml:1: `version` 3 is higher than 2 of the file that imports it";
    assert!(told.iter().any(|t| t.starts_with(wanted)), "{told:?}");
    let (_, told) = of_release("1.7.24", &files);
    let wanted = "true etc/containerd/a.toml:1: `version` 3 is too new for containerd 1.7.24";
    assert!(told.iter().any(|t| t.starts_with(wanted)), "{told:?}");
    let (_, told) = of_release("1.6.20", &files);
    let wanted = "false etc/containerd/a.toml:1: `version` 3 is too new for containerd 1.6.20";
    assert!(told.iter().any(|t| t.starts_with(wanted)), "{told:?}");
}

#[test]
fn tls_of_the_older_table_is_of_effect_up_to_1_7() {
    let text = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = \"/etc/own.d\"\n\
        [plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"r.test\".tls]\n  insecure_skip_verify = true\n";
    let (_, told) = of_release("1.7.24", &[(FILE, text)]);
    let wanted = "true etc/containerd/config.toml:5: `configs.*.tls` is set and `config_path` too";
    assert!(told.len() == 1 && told[0].starts_with(wanted), "{told:?}");
    let (_, told) = of_release("2.0.0", &[(FILE, text)]);
    let wanted =
        "false etc/containerd/config.toml:5: `configs.*.tls` is of no effect: containerd 2.0.0 has";
    assert!(told.len() == 1 && told[0].starts_with(wanted), "{told:?}");
    let (_, told) = of_release("", &[(FILE, text)]);
    let wanted = "false etc/containerd/config.toml:5: `configs.*.tls` is set and `config_path` too";
    assert!(told.len() == 1 && told[0].starts_with(wanted), "{told:?}");
}
