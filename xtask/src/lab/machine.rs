//! What the lab needs of the machine: root, Debian, and packages.

use std::path::Path;
use std::process::{Command, Stdio};

/// Programs and the packages that they come from.
pub(super) const NEEDED: [(&str, &str); 12] = [
    ("dockerd", "docker.io"),
    ("docker", "docker.io"),
    ("containerd", "containerd"),
    ("podman", "podman"),
    ("skopeo", "skopeo"),
    ("buildah", "buildah"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("newuidmap", "uidmap"),
    ("curl", "curl"),
    ("unshare", "util-linux"),
    ("fuse-overlayfs", "fuse-overlayfs"),
];

/// Makes the machine ready; `Err` tells what is missing.
pub(crate) fn prepare() -> Result<(), String> {
    let mut missing = Vec::new();
    let user = Command::new("id").arg("-u").output();
    let is_root = user.is_ok_and(|told| told.stdout.trim_ascii() == b"0");
    if !is_root {
        missing.push("root (namespaces, mounts and daemons need it)".to_owned());
    }
    let is_debian = Path::new("/etc/debian_version").is_file();
    if !is_debian {
        missing.push("Debian (the engines are its packages)".to_owned());
    }
    if is_root && is_debian {
        install(&packages())?;
        missing.extend(packages().into_iter().map(|p| format!("the package {p}")));
        if !can_unshare() {
            missing.push("the right to make namespaces and overlay mounts".to_owned());
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing.join("; "))
    }
}

/// Packages whose programs are not where Debian puts them.
fn packages() -> Vec<&'static str> {
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
    let absent = |program: &str| !folders.iter().any(|f| Path::new(f).join(program).exists());
    let mut packages: Vec<_> = NEEDED
        .into_iter()
        .filter(|(program, _)| absent(program))
        .map(|(_, package)| package)
        .collect();
    packages.dedup();
    packages
}

pub(super) fn install(packages: &[&str]) -> Result<(), String> {
    if packages.is_empty() {
        return Ok(());
    }
    println!("installing with apt-get: {}", packages.join(" "));
    for arguments in [
        vec!["update", "-qq"],
        [vec!["install", "-y", "-qq"], packages.to_vec()].concat(),
    ] {
        let done = Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        match done {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("`apt-get {}`: {status}", arguments.join(" "))),
            Err(error) => return Err(format!("`apt-get`: {error}")),
        }
    }
    Ok(())
}

fn can_unshare() -> bool {
    let script = "mount -t tmpfs t /run && mkdir /run/u /run/w && \
                  mount -t overlay o -o lowerdir=/etc,upperdir=/run/u,workdir=/run/w /etc";
    let made = Command::new("unshare")
        .args([
            "--mount",
            "--net",
            "--pid",
            "--fork",
            "--mount-proc",
            "sh",
            "-c",
            script,
        ])
        .stderr(Stdio::null())
        .status();
    made.is_ok_and(|status| status.success())
}
