//! Whether Docker keeps images in containerd's store, and so pulls as containerd does (moby,
//! `daemon/image_store_choice.go`).

use super::File;
use crate::Environment;
use crate::setup::Setup;
use crate::setup::release::{Known, Program};
use crate::setup::service::{Placed, Service};
use crate::trust::Source;

/// The key by which Docker keeps images in containerd's store, of Docker 23 to 29; a new installation
/// of Docker 29 has it on without the key.
pub(crate) const CONTAINERD_STORE: &str = "features.containerd-snapshotter";
/// The feature's own name.
const FEATURE: &str = "containerd-snapshotter";
/// The first release that has it.
const FIRST: [u32; 3] = [23, 0, 0];
/// The first release that has it on where nothing says otherwise.
const USUAL: [u32; 3] = [29, 0, 0];
/// Drivers of Docker's own store.
const DRIVERS: [&str; 5] = ["overlay2", "fuse-overlayfs", "btrfs", "zfs", "vfs"];

/// Releases whose own store does not take what others take (moby/moby#53298, #53318), and the first one
/// that is mended.
const FAULTY: [[u32; 3]; 2] = [[29, 7, 0], [29, 7, 2]];

/// What tells dockerd's release.
const PROGRAM: Program = Program {
    name: "dockerd",
    says: "Docker version ",
    packages: &["docker.io", "docker-ce", "moby-engine", "docker-engine"],
};

/// What else decides.
pub(super) struct Beside<'a> {
    /// `data-root`.
    pub root: Option<&'a str>,
    pub driver: Option<&'a str>,
    pub remap: Option<&'a Placed>,
}

/// Which release dockerd is.
pub(super) fn release(environment: &Environment, service: &Service) -> Known {
    Known {
        release: PROGRAM.release(environment, service),
        ..Known::default()
    }
}

/// Notes which store dockerd has.
pub(super) fn choose(
    file: Option<&File>,
    service: &Service,
    environment: &Environment,
    beside: &Beside<'_>,
    setup: &mut Setup,
) {
    let reaches = |release, setup: &Setup| setup.release.reaches(release);
    if let Some((on, source)) = told(file, service) {
        setup.note(CONTAINERD_STORE, if on { "true" } else { "false" }, &source);
        let absent = reaches(FIRST, setup) == Some(false);
        if absent && on {
            let says = format!(
                "`{FEATURE}` is of no effect: it came with Docker 23.0, and this is {}",
                setup.release.shown()
            );
            setup.warns(&source, says);
        }
        let remap = beside.remap.filter(|_| on);
        if let Some((_, by)) = remap.filter(|_| reaches(USUAL, setup) == Some(true)) {
            let says = format!(
                "`{FEATURE}` is on, and `userns-remap` is set ({by}): from 29.0 on, dockerd does not start with both"
            );
            setup.breaks_start(service, &source, &says);
        }
        setup.containerd_store = on && !absent;
        return;
    }
    let Some(release) = setup.release.release.clone() else {
        return;
    };
    if setup.release.reaches(USUAL) != Some(true) || beside.remap.is_some() {
        return;
    }
    let own = match beside.driver {
        Some(driver) => DRIVERS.contains(&driver),
        None => has_own_store(environment, beside.root),
    };
    if !own {
        let says = "true, as Docker has it from 29.0 on where it has no store of its own yet";
        setup.note(CONTAINERD_STORE, says, &release.source);
        setup.containerd_store = true;
    }
}

/// Tells of a release that cannot unpack what others can.
pub(super) fn faults(setup: &mut Setup) {
    let [from, below] = FAULTY.map(|release| setup.release.reaches(release));
    let release = setup.release.release.clone();
    if let (Some(release), false, Some(true), Some(false)) =
        (release, setup.containerd_store, from, below)
    {
        let says = format!(
            "Docker {} cannot unpack some images that others take: with device files, absolute links or absolute hard links; 29.7.2 is mended",
            release.text
        );
        setup.warns(&release.source, says);
    }
}

/// What the file says of the feature, or an option.
fn told(file: Option<&File>, service: &Service) -> Option<(bool, Source)> {
    let of_file = || {
        let file = file?;
        let on = file.table.get("features")?.get(FEATURE)?;
        Some((on.as_bool()?, file.source(CONTAINERD_STORE)))
    };
    let of_option = || {
        let all = service.option("feature", "").into_iter();
        let mut own = all.filter_map(|(value, source)| {
            let on = value.strip_prefix(FEATURE)?;
            match on.strip_prefix('=') {
                None if !on.is_empty() => None,
                on => Some((!matches!(on, Some("false" | "0")), source)),
            }
        });
        own.next_back()
    };
    of_file().or_else(of_option)
}

/// Whether dockerd has had a store of its own, which it goes on with.
fn has_own_store(environment: &Environment, root: Option<&str>) -> bool {
    let root = environment.rooted(root.unwrap_or("/var/lib/docker"));
    let holds = |driver: &str| {
        let mut entries = std::fs::read_dir(root.join(driver)).into_iter().flatten();
        driver != "vfs" && entries.next().is_some()
    };
    DRIVERS.into_iter().any(holds)
}

#[cfg(test)]
mod tests {
    use crate::Engine;
    use crate::setup::engine_setup;
    use crate::setup::tests::Root;

    /// Whether Docker of a release has containerd's store, and what is told.
    fn store(release: &str, files: &[(&str, &str)]) -> (bool, Vec<String>) {
        let status =
            format!("Package: docker-ce\nStatus: install ok installed\nVersion: {release}\n");
        let mut all = files.to_vec();
        if !release.is_empty() {
            all.push(("var/lib/dpkg/status", &status));
        }
        let root = Root::new(&all);
        let setup = engine_setup(Engine::Docker, &root.environment());
        (setup.containerd_store, root.troubles(Engine::Docker))
    }

    #[test]
    fn docker_29_has_containerds_store_unless_it_has_one_of_its_own() {
        const FILE: &str = "etc/docker/daemon.json";
        for (release, files, on) in [
            ("5:29.0.1-1~debian.12~bookworm", &[][..], true),
            ("5:28.5.2-1~debian.12~bookworm", &[], false),
            ("", &[], false),
            ("5:29.0.1-1", &[("var/lib/docker/overlay2/l/x", "")], false),
            ("5:29.0.1-1", &[("var/lib/docker/vfs/dir/x", "")], true),
            (
                "5:29.0.1-1",
                &[(FILE, r#"{"storage-driver":"overlay2"}"#)],
                false,
            ),
            (
                "5:29.0.1-1",
                &[(FILE, r#"{"storage-driver":"overlayfs"}"#)],
                true,
            ),
            (
                "5:29.0.1-1",
                &[
                    (FILE, r#"{"data-root":"/mnt/d"}"#),
                    ("mnt/d/overlay2/l/x", ""),
                ],
                false,
            ),
            (
                "5:29.0.1-1",
                &[(FILE, r#"{"features":{"containerd-snapshotter":false}}"#)],
                false,
            ),
            (
                "5:28.5.2-1",
                &[(FILE, r#"{"features":{"containerd-snapshotter":true}}"#)],
                true,
            ),
            (
                "5:28.5.2-1",
                &[(
                    "lib/systemd/system/docker.service",
                    "[Service]\nExecStart=/usr/bin/dockerd --feature containerd-snapshotter\n",
                )],
                true,
            ),
        ] {
            let (own, told) = store(release, files);
            assert_eq!(own, on, "{release}: {files:?}");
            assert!(told.iter().all(|t| t.starts_with("false ")), "{told:?}");
        }
        let on = [(FILE, r#"{"features":{"containerd-snapshotter":true}}"#)];
        let (own, told) = store("20.10.24+dfsg1-1+deb12u1", &on);
        assert!(
            !own && told.iter().any(|t| t.ends_with("this is 20.10.24")),
            "{told:?}"
        );
        let both = [(
            FILE,
            r#"{"features":{"containerd-snapshotter":true},"userns-remap":"default"}"#,
        )];
        let refuses = |release: &str| {
            let (_, told) = store(release, &both);
            told.iter()
                .any(|t| t.contains("dockerd does not start with both"))
        };
        assert!(refuses("5:29.0.1-1") && !refuses("5:28.5.2-1"));
    }

    #[test]
    fn releases_that_cannot_unpack_what_others_can_are_named() {
        let own = [("var/lib/docker/overlay2/l/x", "")];
        let is_faulty = |release: &str, files| {
            let (_, told) = store(release, files);
            told.iter().any(|t| t.contains("29.7.2 is mended"))
        };
        assert!(is_faulty("5:29.7.0-1~debian.13~trixie", &own));
        assert!(is_faulty("5:29.7.1-1~debian.13~trixie", &own));
        assert!(!is_faulty("5:29.7.1-1~debian.13~trixie", &[]));
        assert!(!is_faulty("5:29.7.2-1~debian.13~trixie", &own));
        assert!(!is_faulty("5:29.6.2-1~debian.13~trixie", &own));
        assert!(!is_faulty("", &own));
    }
}
