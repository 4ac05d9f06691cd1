//! Where each engine looks for credentials.
//!
//! Docker reads its own `config.json` only (cli, `config/config.go`), or since 28.3 what is in
//! `DOCKER_AUTH_CONFIG`. Podman reads `auth.json` and then Docker's file, but only the one file
//! that is named where one is named (containers/image, `pkg/docker/config`, `getAuthFilePaths`;
//! common, `pkg/auth`, `GetDefaultAuthFile`). containerd reads none: whoever asks it to pull hands
//! the credential over. The kubelet reads the pod's pull secrets and then the node's file
//! (kubernetes, `pkg/credentialprovider/config.go`); its provider plug-ins are in `setup`.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Engine, Environment};

/// Where credentials are looked for, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthPlan {
    /// What is looked into.
    pub sources: Vec<AuthSource>,
    /// What another engine would look into, and why it is left out.
    pub left_out: Vec<(PathBuf, String)>,
}

/// A place with credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthSource {
    /// What named it: an option or a variable; empty where it is the usual place.
    pub named_by: &'static str,
    /// The place.
    pub place: AuthPlace,
    /// Docker's old form, a table of hosts without `auths` around it.
    pub legacy: bool,
}

/// Where credentials are.
#[derive(Clone, PartialEq, Eq)]
pub enum AuthPlace {
    /// In a file.
    File(PathBuf),
    /// In a variable, or within another file.
    Text(String),
}

impl fmt::Debug for AuthSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl AuthSource {
    /// A file that an option or a variable names, or one in its usual place.
    pub fn file(named_by: &'static str, path: impl Into<PathBuf>) -> Self {
        Self {
            named_by,
            place: AuthPlace::File(path.into()),
            legacy: false,
        }
    }

    /// What a variable or another file holds.
    pub(crate) fn text(named_by: &'static str, text: impl Into<String>) -> Self {
        Self {
            named_by,
            place: AuthPlace::Text(text.into()),
            legacy: false,
        }
    }

    fn legacy(path: PathBuf) -> Self {
        Self {
            legacy: true,
            ..Self::file("", path)
        }
    }

    /// How it is called: the path, or the variable.
    pub fn name(&self) -> String {
        match &self.place {
            AuthPlace::File(path) => path.display().to_string(),
            AuthPlace::Text(_) => self.named_by.to_owned(),
        }
    }
}

/// Where an engine looks for credentials; without one, everything that any of them reads on this
/// machine as a user. A file that was named on the command line is the only one.
pub fn auth_plan(
    engine: Option<Engine>,
    authfile: Option<&Path>,
    environment: &Environment,
) -> AuthPlan {
    let places = Places::of(environment);
    let given = authfile.map(|path| AuthSource::file("--authfile", path));
    let mut plan = AuthPlan::default();
    let mut leave = |path: Option<&AuthSource>, why: &str| {
        if let Some(AuthSource {
            place: AuthPlace::File(path),
            ..
        }) = path
        {
            plan.left_out.push((path.clone(), why.to_owned()));
        }
    };
    plan.sources = match engine {
        None => given.map_or_else(|| places.everything(), |file| vec![file]),
        Some(Engine::Docker) => {
            for file in [&places.named, &places.runtime, &places.config_home] {
                leave(file.as_ref(), "Docker does not read it");
            }
            let own = places.variable.into_iter().chain(places.docker);
            given.map_or_else(|| own.collect(), |file| vec![file])
        }
        Some(Engine::Podman) => {
            let one = given
                .or(places.named)
                .or_else(|| places.docker.clone().filter(|d| !d.named_by.is_empty()));
            if let Some(file) = one {
                let why = format!("Podman reads only the file that `{}` names", file.named_by);
                for other in [&places.runtime, &places.config_home] {
                    leave(other.as_ref(), &why);
                }
                if Some(&file) != places.docker.as_ref() {
                    leave(places.docker.as_ref(), &why);
                }
                vec![file]
            } else {
                let all = [
                    places.runtime,
                    places.config_home,
                    places.docker,
                    places.legacy,
                ];
                all.into_iter().flatten().collect()
            }
        }
        Some(Engine::Containerd) => {
            let all = [&given, &places.named, &places.runtime, &places.docker];
            for file in all {
                leave(file.as_ref(), "containerd does not read it");
            }
            Vec::new()
        }
        Some(Engine::Kubelet) => {
            for file in [&places.named, &places.runtime, &places.docker] {
                leave(file.as_ref(), "the kubelet does not read it");
            }
            let kubelet = environment.root.join("var/lib/kubelet");
            let node = [
                AuthSource::file("", kubelet.join("config.json")),
                AuthSource::legacy(kubelet.join(".dockercfg")),
            ];
            given.into_iter().chain(node).collect()
        }
    };
    plan
}

/// The places of a user.
struct Places {
    variable: Option<AuthSource>,
    named: Option<AuthSource>,
    runtime: Option<AuthSource>,
    config_home: Option<AuthSource>,
    docker: Option<AuthSource>,
    legacy: Option<AuthSource>,
}

impl Places {
    fn of(environment: &Environment) -> Self {
        let home = environment.home.as_ref();
        let text = environment.docker_auth_config.clone();
        let below_run = || {
            let user = environment.user?;
            Some(
                environment
                    .root
                    .join(format!("run/containers/{user}/auth.json")),
            )
        };
        let runtime = environment
            .runtime
            .as_ref()
            .map(|folder| folder.join("containers/auth.json"))
            .or_else(below_run);
        let config_home = environment
            .config_home
            .clone()
            .or_else(|| home.map(|h| h.join(".config")));
        let docker = match &environment.docker_config {
            Some(folder) => Some(AuthSource::file(
                "DOCKER_CONFIG",
                folder.join("config.json"),
            )),
            None => home.map(|h| AuthSource::file("", h.join(".docker/config.json"))),
        };
        Self {
            variable: text.map(|text| AuthSource {
                named_by: "DOCKER_AUTH_CONFIG",
                place: AuthPlace::Text(text),
                legacy: false,
            }),
            named: environment
                .registry_auth_file
                .as_ref()
                .map(|path| AuthSource::file("REGISTRY_AUTH_FILE", path)),
            runtime: runtime.map(|path| AuthSource::file("", path)),
            config_home: config_home
                .map(|folder| AuthSource::file("", folder.join("containers/auth.json"))),
            docker,
            legacy: home.map(|h| AuthSource::legacy(h.join(".dockercfg"))),
        }
    }

    fn everything(self) -> Vec<AuthSource> {
        let all = [
            self.variable,
            self.named,
            self.runtime,
            self.config_home,
            self.docker,
            self.legacy,
        ];
        all.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            home: Some("/home/u".into()),
            runtime: Some("/run/user/7".into()),
            root: "/".into(),
            ..Environment::default()
        }
    }

    fn order(engine: Option<Engine>, authfile: Option<&str>, e: &Environment) -> String {
        let plan = auth_plan(engine, authfile.map(Path::new), e);
        let names: Vec<String> = plan.sources.iter().map(AuthSource::name).collect();
        names.join(" ")
    }

    #[test]
    fn each_engine_has_its_files_in_its_order() {
        let auth = "/run/user/7/containers/auth.json";
        let later = "/home/u/.config/containers/auth.json";
        let docker = "/home/u/.docker/config.json";
        let old = "/home/u/.dockercfg";
        let e = environment();
        for (engine, authfile, wanted) in [
            (None, None, format!("{auth} {later} {docker} {old}")),
            (None, Some("/a.json"), "/a.json".to_owned()),
            (Some(Engine::Docker), None, docker.to_owned()),
            (
                Some(Engine::Podman),
                None,
                format!("{auth} {later} {docker} {old}"),
            ),
            (Some(Engine::Podman), Some("/a.json"), "/a.json".to_owned()),
            (Some(Engine::Containerd), Some("/a.json"), String::new()),
            (
                Some(Engine::Kubelet),
                Some("/s.yaml"),
                "/s.yaml /var/lib/kubelet/config.json /var/lib/kubelet/.dockercfg".to_owned(),
            ),
        ] {
            assert_eq!(order(engine, authfile, &e), wanted, "{engine:?}");
        }
    }

    #[test]
    fn a_variable_comes_before_the_usual_places_and_shuts_podmans_others_out() {
        let e = Environment {
            registry_auth_file: Some("/r.json".into()),
            docker_config: Some("/d".into()),
            docker_auth_config: Some("{}".into()),
            ..environment()
        };
        assert!(order(None, None, &e).starts_with("DOCKER_AUTH_CONFIG /r.json /run/user/7/"));
        assert_eq!(order(Some(Engine::Podman), None, &e), "/r.json");
        assert_eq!(
            order(Some(Engine::Docker), None, &e),
            "DOCKER_AUTH_CONFIG /d/config.json"
        );
        let e = Environment {
            docker_config: Some("/d".into()),
            ..environment()
        };
        // Where Docker's folder is named, Podman does not look at its own file any more.
        assert_eq!(order(Some(Engine::Podman), None, &e), "/d/config.json");
    }

    #[test]
    fn nothing_of_a_variable_is_shown() {
        let e = Environment {
            docker_auth_config: Some("hidden".into()),
            ..environment()
        };
        let plan = auth_plan(None, None, &e);
        assert!(!format!("{plan:?} {e:?}").contains("hidden"));
    }
}
