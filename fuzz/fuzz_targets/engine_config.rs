//! Any text as each file of an engine's configuration: read or refused with a place, bounded.
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use pullwhy_probe::{Engine, Environment, Options, engine_setup, view_differences};

fuzz_target!(|text: &str| {
    let root = std::env::temp_dir().join(format!("pullwhy-fuzz-{}", std::process::id()));
    let environment = Environment {
        root: root.clone(),
        user: Some(1000),
        foreign: true,
        ..Environment::default()
    };
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
    ];
    for file in files {
        write(&root.join(file), text);
    }
    let unit = "[Service]\nExecStart=kubelet --image-credential-provider-config=/etc/provider.yaml --image-credential-provider-bin-dir=/bin";
    write(&root.join("etc/systemd/system/kubelet.service"), unit);
    for engine in Engine::ALL {
        let setup = engine_setup(engine, &environment);
        assert!(
            setup
                .troubles
                .iter()
                .all(|trouble| !trouble.says.is_empty())
        );
        for reference in ["app", "r.test:5000/team/app:1"] {
            let seen = view_differences(reference, &setup, &Options::default(), &environment);
            assert!(seen.len() < 64);
        }
    }
});

fn write(path: &PathBuf, text: &str) {
    let folder = path.parent().expect("a folder");
    std::fs::create_dir_all(folder).expect("a folder is made");
    std::fs::write(path, text).expect("a file is written");
}
