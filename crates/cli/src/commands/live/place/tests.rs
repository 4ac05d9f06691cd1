//! Command lines as users write them.

use super::*;

const NATIVE: Surroundings = Surroundings {
    remote: false,
    proxy: false,
    native: true,
    root: false,
};
const ALL: &str = "network credentials host platform";

fn words(line: &str) -> Vec<OsString> {
    // A script is one word, in brackets.
    let mut all = Vec::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        all.extend(before.split_whitespace().map(OsString::from));
        let (script, behind) = after.split_once(']').expect("closed");
        all.push(OsString::from(script));
        rest = behind;
    }
    all.extend(rest.split_whitespace().map(OsString::from));
    all
}

fn told(place: &Place) -> String {
    let same: Vec<&str> = place.same.iter().map(|c| c.as_str()).collect();
    let engine = place.engine.map_or("-", Engine::word);
    format!("{engine}: {}", same.join(" "))
}

#[test]
fn the_image_of_a_pull_is_its_last_word() {
    for (line, wanted) in [
        ("docker pull r.example/a:1", Some("r.example/a:1")),
        (
            "sudo docker pull --quiet r.example/a:1",
            Some("r.example/a:1"),
        ),
        ("sh -c [docker pull r.example/a:1]", Some("r.example/a:1")),
        ("podman pull docker://r.example/a:1", Some("r.example/a:1")),
        ("sh -c [docker pull a && docker pull b]", None),
        ("docker compose pull", None),
        ("docker compose pull web", None),
        ("docker run r.example/a:1", None),
        ("docker pull r.example/A", None),
    ] {
        let image = of_command(&words(line), "docker", NATIVE).image;
        let image = image.map(|i| i.reference);
        assert_eq!(image.as_deref(), wanted, "{line}");
    }
}

#[test]
fn who_pulls_is_found_behind_what_starts_it() {
    let all = |engine: &str| format!("{engine}: {ALL}");
    let not_as_user = |engine: &str| format!("{engine}: network host platform");
    let elsewhere = "-: ".to_owned();
    for (line, wanted) in [
        ("docker pull r.example/a:1", all("docker")),
        ("/usr/bin/docker compose up -d", all("docker")),
        (
            "docker run -c 5 r.example/a sh -c [kubectl get pods]",
            all("docker"),
        ),
        (
            "docker -H unix:///run/docker.sock pull r.example/a",
            all("docker"),
        ),
        ("docker --context default pull r.example/a", all("docker")),
        (
            "docker --log-level debug -H tcp://h:2375 pull r.example/a",
            elsewhere.clone(),
        ),
        ("docker --context prod pull r.example/a", elsewhere.clone()),
        ("docker -H=tcp://h:2375 pull r.example/a", elsewhere.clone()),
        ("docker --config /x pull r.example/a", not_as_user("docker")),
        ("sudo docker pull r.example/a:1", not_as_user("docker")),
        (
            "sudo -u app -- docker pull r.example/a:1",
            not_as_user("docker"),
        ),
        ("env A=b docker pull r.example/a:1", all("docker")),
        (
            "env DOCKER_HOST=ssh://h docker pull r.example/a:1",
            elsewhere.clone(),
        ),
        (
            "env -u DOCKER_HOST DOCKER_CONFIG=/x docker pull a",
            not_as_user("docker"),
        ),
        ("timeout -k 5 60 docker pull a", all("docker")),
        ("nice -n 10 podman pull a", all("podman")),
        ("time docker build .", all("docker")),
        ("sh -c [cd /x && docker pull a]", all("docker")),
        ("bash -euo pipefail -c [docker pull a]", all("docker")),
        ("sh -ec [A=b docker pull a; echo done]", all("docker")),
        ("sudo sh -c [docker pull a]", not_as_user("docker")),
        ("sh -c [kubectl apply -f x]", elsewhere.clone()),
        ("podman --root /x --remote pull a", elsewhere.clone()),
        ("podman --url unix:///run/podman.sock pull a", all("podman")),
        (
            "podman pull --authfile a.json r.example/a",
            not_as_user("podman"),
        ),
        ("buildah from r.example/a", all("podman")),
        (
            "skopeo copy --src-creds u:p docker://r.example/a dir:x",
            not_as_user("podman"),
        ),
        ("crane pull r.example/a a.tar", all("-")),
        ("nerdctl -n k8s.io pull a", all("containerd")),
        ("ctr -n k8s.io images pull r.example/a:1", all("containerd")),
        (
            "ctr images pull -u u:p r.example/a:1",
            not_as_user("containerd"),
        ),
        ("crictl pull a", all("kubelet")),
        ("helm install web oci://r.example/chart", elsewhere.clone()),
        ("kubectl apply -f web.yaml", elsewhere.clone()),
        ("az webapp create", elsewhere.clone()),
        ("ssh node docker pull a", elsewhere.clone()),
        // By the words of the log, which are Docker's here.
        ("make image", not_as_user("docker")),
        ("./deploy.sh", not_as_user("docker")),
        ("sh deploy.sh", not_as_user("docker")),
        (
            "sh -c [podman pull a; docker pull a]",
            not_as_user("docker"),
        ),
    ] {
        let place = of_command(&words(line), "docker", NATIVE);
        assert_eq!(told(&place), wanted, "{line}");
        assert!(
            place.says.starts_with("checked from this machine"),
            "{line}"
        );
    }
}

#[test]
fn what_is_around_counts() {
    let with = |change: fn(&mut Surroundings)| {
        let mut around = NATIVE;
        change(&mut around);
        around
    };
    let proxied = with(|a| a.proxy = true);
    let docker = "docker pull r.example/a:1";
    for (line, around, wanted) in [
        // The service may have other proxies; that is for its settings to tell.
        (docker, proxied, "docker: credentials"),
        (
            "skopeo inspect docker://r.example/a",
            proxied,
            "podman: network credentials host platform",
        ),
        ("sudo podman pull a", proxied, "podman: "),
        (docker, with(|a| a.remote = true), "-: "),
        (docker, with(|a| a.native = false), "docker: credentials"),
        (
            "sudo docker pull a",
            with(|a| a.root = true),
            "docker: network credentials host platform",
        ),
        ("", NATIVE, "docker: network host platform"),
    ] {
        let place = of_command(&words(line), "docker", around);
        assert_eq!(told(&place), wanted, "{line} {around:?}");
    }
    let unknown = of_command(&words("make image"), "unknown", NATIVE);
    assert_eq!(told(&unknown), "-: ");
    assert!(
        unknown.says.contains("`make` pulls here"),
        "{}",
        unknown.says
    );
}
