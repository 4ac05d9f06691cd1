//! Where a command pulls, and as whom: on this machine, as this user, or who knows where.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use pullwhy_model::{Condition, Image};
use pullwhy_probe::{Engine, ProxyEnvironment};

/// Commands that pull on this machine and with this user's credentials; whether by themselves, with
/// the proxies of this shell, or by a service with its own.
const LOCAL: [(&str, Engine, bool); 7] = [
    ("docker", Engine::Docker, false),
    ("docker-compose", Engine::Docker, false),
    ("podman", Engine::Podman, true),
    ("podman-compose", Engine::Podman, true),
    ("buildah", Engine::Podman, true),
    ("skopeo", Engine::Podman, true),
    ("crane", Engine::Docker, true),
];

/// Options by which a command pulls elsewhere, or as somebody else.
const OTHERWISE: [&str; 12] = [
    "-H",
    "--host",
    "-c",
    "--context",
    "--connection",
    "--url",
    "-r",
    "--remote",
    "--config",
    "--authfile",
    "--creds",
    "--src-creds",
];

/// What of the environment bears on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings {
    /// A variable sends the client to another machine.
    pub(super) remote: bool,
    /// This shell has a proxy.
    pub(super) proxy: bool,
    /// Engines run on this machine itself, and not in a virtual one.
    pub(super) native: bool,
}

impl Surroundings {
    /// Of this process.
    pub(super) fn now(proxy: &ProxyEnvironment) -> Self {
        let variables = [
            "DOCKER_HOST",
            "DOCKER_CONTEXT",
            "CONTAINER_HOST",
            "CONTAINER_CONNECTION",
        ];
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        Self {
            remote: variables.iter().any(is_set),
            proxy: proxy.https.is_some() || proxy.http.is_some(),
            native: cfg!(target_os = "linux"),
        }
    }
}

/// What is known of where a command pulls.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Whose way it goes.
    pub(super) engine: Option<Engine>,
    /// What is the same as in a check from here.
    pub(super) same: BTreeSet<Condition>,
    /// The image that it pulls, if it pulls just one.
    pub(super) image: Option<Image>,
}

/// Where a command pulls. One that is not known, as `sudo` or `kubectl`, may pull anywhere.
pub(super) fn of_command(command: &[OsString], around: Surroundings) -> Place {
    let mut words = command.iter().map(|word| word.to_string_lossy());
    let program = words.next().unwrap_or_default();
    let name = Path::new(&*program).file_stem().unwrap_or_default();
    let known = LOCAL.iter().find(|(known, ..)| name == *known);
    let Some((_, engine, by_itself)) = known else {
        return Place::default();
    };
    let otherwise = |word: &str| {
        let option = word.split('=').next().unwrap_or_default();
        OTHERWISE.contains(&option)
    };
    if around.remote || words.any(|word| otherwise(&word)) {
        return Place::default();
    }
    let mut same = BTreeSet::from([Condition::Credentials]);
    // A service has proxies of its own.
    if around.native && (*by_itself || !around.proxy) {
        same.extend([Condition::Network, Condition::Host, Condition::Platform]);
    }
    Place {
        engine: Some(*engine),
        same,
        image: pulled(command),
    }
}

/// The image of `docker pull IMAGE`.
fn pulled(command: &[OsString]) -> Option<Image> {
    let words: Vec<&str> = command.iter().filter_map(|word| word.to_str()).collect();
    let at = words.iter().position(|word| *word == "pull")?;
    let last = words.last().filter(|word| !word.starts_with('-'))?;
    let read = pullwhy_reference::parse(last).ok()?;
    (at + 1 < words.len()).then(|| Image {
        reference: (*last).to_owned(),
        registry: Some(read.domain),
        repository: Some(read.path),
        tag: read.tag,
        digest: read.digest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NATIVE: Surroundings = Surroundings {
        remote: false,
        proxy: false,
        native: true,
    };

    fn same(line: &str, around: Surroundings) -> String {
        let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let place = of_command(&command, around);
        let words: Vec<&str> = place.same.iter().map(|c| c.as_str()).collect();
        words.join(" ")
    }

    #[test]
    fn the_image_of_a_pull_is_its_last_word() {
        for (line, wanted) in [
            ("docker pull r.example/a:1", Some("r.example/a:1")),
            ("docker pull --quiet r.example/a:1", Some("r.example/a:1")),
            ("docker compose pull", None),
            ("docker run r.example/a:1", None),
            ("docker pull r.example/A", None),
        ] {
            let command: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let image = of_command(&command, NATIVE).image.map(|i| i.reference);
            assert_eq!(image.as_deref(), wanted, "{line}");
        }
    }

    #[test]
    fn only_a_command_that_pulls_here_as_this_user_is_checked_as_such() {
        let all = "network credentials host platform";
        let proxied = Surroundings {
            proxy: true,
            ..NATIVE
        };
        let remote = Surroundings {
            remote: true,
            ..NATIVE
        };
        let desktop = Surroundings {
            native: false,
            ..NATIVE
        };
        for (line, around, wanted) in [
            ("docker pull r.example/a:1", NATIVE, all),
            ("/usr/bin/docker compose up", NATIVE, all),
            ("docker pull r.example/a:1", proxied, "credentials"),
            ("skopeo inspect docker://r.example/a", proxied, all),
            ("docker pull r.example/a:1", remote, ""),
            ("docker pull r.example/a:1", desktop, "credentials"),
            ("docker --context prod pull r.example/a", NATIVE, ""),
            ("docker -H=tcp://h:2375 pull r.example/a", NATIVE, ""),
            ("podman pull --creds=u:p r.example/a", NATIVE, ""),
            ("podman pull --authfile a.json r.example/a", NATIVE, ""),
            ("sudo docker pull r.example/a:1", NATIVE, ""),
            ("kubectl apply -f web.yaml", NATIVE, ""),
            ("", NATIVE, ""),
        ] {
            assert_eq!(same(line, around), wanted, "{line} {around:?}");
        }
    }
}
