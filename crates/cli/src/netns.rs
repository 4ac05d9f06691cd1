//! The network of another process, container or pod: `check --netns`.
//!
//! A thread that has moved takes every thread with it that it starts later, so the walk runs on one
//! of its own, and the rest of the program stays where it is.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Another network, with the files that tell its names.
#[derive(Debug)]
pub(crate) struct Network {
    shown: String,
    namespace: PathBuf,
    /// Folder of its `hosts`.
    pub(crate) etc: PathBuf,
    /// Its `resolv.conf`.
    pub(crate) resolv_conf: PathBuf,
}

impl Network {
    /// Finds it by the number of a process, or by the path of its namespace.
    pub(crate) fn find(text: &str) -> Self {
        let of_process = |pid: &str, namespace: PathBuf| {
            let root = Path::new("/proc").join(pid).join("root");
            Self {
                shown: text.to_owned(),
                namespace,
                resolv_conf: in_root(&root, "etc/resolv.conf"),
                etc: root.join("etc"),
            }
        };
        if is_number(text) {
            return of_process(text, Path::new("/proc").join(text).join("ns/net"));
        }
        let path = Path::new(text);
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        if let ["/", "proc", pid, "ns", "net"] = parts[..]
            && is_number(pid)
        {
            return of_process(pid, path.to_owned());
        }
        // ip-netns(8): files of /etc/netns/NAME stand in for those of /etc.
        let name = path.file_name().unwrap_or_default();
        let own = Path::new("/etc/netns").join(name);
        let usual = PathBuf::from("/etc");
        let in_own = |file: &str| own.join(file).is_file();
        Self {
            shown: text.to_owned(),
            namespace: path.to_owned(),
            resolv_conf: if in_own("resolv.conf") { &own } else { &usual }.join("resolv.conf"),
            etc: if in_own("hosts") { own.clone() } else { usual },
        }
    }

    /// Does work there.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Failure> {
        std::thread::scope(|scope| {
            let there = scope.spawn(|| self.enter().map(|()| work()));
            there
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    #[cfg(target_os = "linux")]
    fn enter(&self) -> Result<(), Failure> {
        use rustix::io::Errno;
        use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
        use std::os::fd::AsFd;

        let shown = &self.shown;
        let root = "run it as root, for example with sudo: entering a network needs CAP_SYS_ADMIN";
        let file = std::fs::File::open(&self.namespace).map_err(|error| {
            let path = self.namespace.display();
            let (why, help) = match error.kind() {
                std::io::ErrorKind::NotFound if is_number(shown) => (
                    format!("there is no process {shown}"),
                    "give the PID of a process that runs there: `docker inspect -f '{{.State.Pid}}' CONTAINER`, `crictl inspect CONTAINER`",
                ),
                std::io::ErrorKind::NotFound => (
                    format!("there is no {path}"),
                    "`ip netns list` shows the names below /run/netns",
                ),
                std::io::ErrorKind::PermissionDenied => {
                    (format!("{path} may not be opened by this user"), root)
                }
                _ => (format!("{path} cannot be opened: {error}"), root),
            };
            Failure::new(format!("`--netns {shown}`: {why}")).help(help)
        })?;
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(file.as_fd(), network).map_err(|error| match error {
            Errno::PERM => {
                Failure::new(format!("`--netns {shown}`: this user may not enter it")).help(root)
            }
            Errno::INVAL => Failure::new(format!("`--netns {shown}` is no network namespace"))
                .help("give a PID, or a path such as /run/netns/NAME or /proc/PID/ns/net"),
            other => Failure::new(format!("`--netns {shown}` cannot be entered: {other}")),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn enter(&self) -> Result<(), Failure> {
        Err(Failure::new(format!(
            "`--netns {}`: only Linux has such networks",
            self.shown
        ))
        .help("run it on the Linux machine where the container is"))
    }
}

/// A file as a process with another root sees it: links lead from that root on.
fn in_root(root: &Path, path: &str) -> PathBuf {
    let mut at = root.join(path);
    // As many links as a sensible file has; a loop is read as what it is, nothing.
    for _ in 0..8 {
        let Ok(target) = std::fs::read_link(&at) else {
            break;
        };
        at = match target.strip_prefix("/") {
            Ok(absolute) => root.join(absolute),
            Err(_) => at.parent().unwrap_or(root).join(target),
        };
    }
    at
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_network_are_found_by_process_and_by_path() {
        for (text, namespace, resolv_conf) in [
            ("42", "/proc/42/ns/net", "/proc/42/root/etc/resolv.conf"),
            (
                "/proc/42/ns/net",
                "/proc/42/ns/net",
                "/proc/42/root/etc/resolv.conf",
            ),
            (
                "/run/netns/pullwhy-none",
                "/run/netns/pullwhy-none",
                "/etc/resolv.conf",
            ),
            ("/proc/self/ns/net", "/proc/self/ns/net", "/etc/resolv.conf"),
        ] {
            let found = Network::find(text);
            assert_eq!(found.namespace, Path::new(namespace), "{text}");
            assert_eq!(found.resolv_conf, Path::new(resolv_conf), "{text}");
        }
    }
}
