//! What of the process's environment tells where engines have their files, read once and passed on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use pullwhy_probe::{Environment, ProxyEnvironment};

use crate::exit::Failure;

#[expect(
    clippy::disallowed_methods,
    reason = "settings are read here and passed on"
)]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn folder(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|v: &OsString| !v.is_empty())
        .map(PathBuf::from)
}

/// What of this environment tells where the engines' files are. Below another root it is the files in
/// their usual places: this shell's variables are of this system.
pub(super) fn environment(root: Option<&Path>) -> Result<Environment, Failure> {
    let shell = shell();
    if let Some(root) = root {
        if !root.is_dir() {
            let text = format!("`--root {}`: there is no such folder", root.display());
            return Err(Failure::new(text)
                .help("give the folder where the node's file system is mounted, such as /host"));
        }
        let below = |path: PathBuf| root.join(path.strip_prefix("/").unwrap_or(&path));
        return Ok(Environment {
            home: shell.home.map(below),
            user: shell.user,
            ssl_cert_file: shell.ssl_cert_file,
            proxy: shell.proxy,
            root: root.to_owned(),
            foreign: true,
            ..Environment::default()
        });
    }
    Ok(shell)
}

/// The environment of this process.
pub(super) fn shell() -> Environment {
    Environment {
        home: folder("HOME").or_else(|| folder("USERPROFILE")),
        docker_config: folder("DOCKER_CONFIG"),
        docker_host: variable("DOCKER_HOST"),
        docker_context: variable("DOCKER_CONTEXT"),
        containerd_address: variable("CONTAINERD_ADDRESS"),
        container_host: variable("CONTAINER_HOST"),
        container_connection: variable("CONTAINER_CONNECTION"),
        docker_auth_config: variable("DOCKER_AUTH_CONFIG"),
        registry_auth_file: folder("REGISTRY_AUTH_FILE"),
        runtime: folder("XDG_RUNTIME_DIR"),
        config_home: folder("XDG_CONFIG_HOME"),
        data_home: folder("XDG_DATA_HOME"),
        storage_conf: folder("CONTAINERS_STORAGE_CONF"),
        user: user(),
        registries_conf: folder("CONTAINERS_REGISTRIES_CONF"),
        ssl_cert_file: folder("SSL_CERT_FILE"),
        proxy: proxy(),
        root: PathBuf::from("/"),
        foreign: false,
        asks_programs: true,
    }
}

/// The number of this process's user.
#[cfg(unix)]
fn user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    // Linux alone has the file for which the number is wanted.
    std::fs::metadata("/proc/self").ok().map(|m| m.uid())
}

#[cfg(not(unix))]
fn user() -> Option<u32> {
    None
}

fn proxy() -> ProxyEnvironment {
    let either = |name: &str| variable(&name.to_uppercase()).or_else(|| variable(name));
    ProxyEnvironment {
        https: either("https_proxy"),
        http: either("http_proxy"),
        no: either("no_proxy").unwrap_or_default(),
    }
}
