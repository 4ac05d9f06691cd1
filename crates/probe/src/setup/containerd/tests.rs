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
