//! Every mistake is told by its kind, its place, and what was meant where that is plain.

use pullwhy_reference::ProblemKind::{
    Assignment, Backslash, Blank, Character, Command, Credentials, DigestAlgorithm, DigestAlone,
    DigestCharacter, DigestLength, DigestUppercase, Empty, EmptyComponent, EmptyTag, ImageId,
    Invisible, Ipv6, LookAlike, MisplacedColon, MissingDigest, MissingName, NameTooLong,
    Placeholder, Port, PortRange, Quote, RegistryAlone, RegistryName, RegistryTypo,
    RegistryUnderscore, Scheme, Separator, TagCharacter, TagTooLong, TwoDigests, TwoTags,
    Uppercase, UppercaseRegistry, WebAddress,
};
use pullwhy_reference::{
    Assumed, Client, ProblemKind, Reading, Reference, assumptions, differences, doubts, parse,
};

const HEX: &str = "e6693c20186f837fc393390135d8a598a96a833917917789d63766cab6c59582";

/// Text, kind, place, what was meant; `HEX` stands for a digest's digits.
type Row = (&'static str, ProblemKind, usize, Option<&'static str>);

#[rustfmt::skip]
const REFUSED: &[Row] = &[
    ("", Empty, 0, None),
    (" \n", Empty, 0, None),
    // Pasted with what stood around it.
    ("https://registry.example/app:1", Scheme, 0, Some("registry.example/app:1")),
    ("https://hub.docker.com/_/nginx", Scheme, 0, Some("nginx")),
    ("https://hub.docker.com/r/bitnami/redis/tags?page=1", Scheme, 0, Some("bitnami/redis")),
    ("https://registry.example/v2/a/b/manifests/1", Scheme, 0, Some("registry.example/a/b:1")),
    ("https://registry.example/v2/a/b/manifests/sha256:HEX", Scheme, 0, Some("registry.example/a/b@sha256:HEX")),
    ("https://github.com/Owner/repo/pkgs/container/app", Scheme, 0, Some("ghcr.io/owner/app")),
    ("https://registry.example", Scheme, 0, None),
    ("https://myreg.azurecr.oi/x", Scheme, 0, Some("myreg.azurecr.io/x")),
    ("docker://fedora:40", Scheme, 0, Some("fedora:40")),
    ("oci://ghcr.io/a/b", Scheme, 0, Some("ghcr.io/a/b")),
    ("docker-daemon:x:1", Scheme, 0, Some("x:1")),
    ("docker pull nginx:1.25", Command, 0, Some("nginx:1.25")),
    ("$ docker run --rm -p 80:80 --name web nginx:1", Command, 0, Some("nginx:1")),
    ("sudo ctr -n k8s.io images pull docker.io/library/nginx:1", Command, 0, Some("docker.io/library/nginx:1")),
    ("docker login -u me -p secret registry.example", Command, 0, None),
    ("docker pull", Command, 0, None),
    ("FROM node:20 AS build", Command, 0, Some("node:20")),
    ("- image: \"nginx:1\"", Command, 0, Some("nginx:1")),
    ("IMAGE=nginx:1", Assignment, 5, Some("nginx:1")),
    ("--image=nginx:1", Assignment, 7, Some("nginx:1")),
    ("nginx=1.2", Character, 5, None),
    ("nginx:1,", Character, 7, Some("nginx:1")),
    ("user:secret@registry.example/x:1", Credentials, 0, Some("registry.example/x:1")),
    ("https://user:se$cret@registry.example/x:1", Credentials, 0, Some("registry.example/x:1")),
    // Characters that are not seen, or taken for others.
    ("nginx ", Blank, 5, Some("nginx")),
    ("nginx:latest \n", Blank, 12, Some("nginx:latest")),
    (" nginx", Blank, 0, Some("nginx")),
    ("x: latest", Blank, 2, Some("x:latest")),
    ("x :1", Blank, 1, Some("x:1")),
    ("nginx latest", Blank, 5, Some("nginx:latest")),
    ("nginx alpine", Blank, 5, None),
    ("nginx:\u{200b}1", Invisible, 6, Some("nginx:1")),
    ("\u{feff}nginx", Invisible, 0, Some("nginx")),
    ("nginx\u{a0}", Invisible, 5, Some("nginx")),
    ("nginx\u{1b}", Invisible, 5, Some("nginx")),
    ("“nginx”", Quote, 0, Some("nginx")),
    ("'nginx'", Quote, 0, Some("nginx")),
    ("nginx–alpine", LookAlike, 5, Some("nginx-alpine")),
    ("ng\u{456}nx", LookAlike, 2, Some("nginx")),
    ("registry.example\\team\\app", Backslash, 16, Some("registry.example/team/app")),
    ("nginx \\", Blank, 5, None),
    ("nginx\\", Backslash, 5, Some("nginx")),
    // Never filled in.
    ("x:${TAG}", Placeholder, 2, None),
    ("x:${TAG:-1.2}", Placeholder, 2, Some("x:1.2")),
    ("$(REGISTRY)/x", Placeholder, 0, None),
    ("{{ .Values.image }}", Placeholder, 0, None),
    ("x:${{ env.TAG }}", Placeholder, 2, None),
    ("registry.example/x:<tag>", Placeholder, 19, None),
    ("x:<no value>", Placeholder, 2, None),
    ("x:$TAG", Placeholder, 2, None),
    ("x:%TAG%", Placeholder, 2, None),
    // Slashes.
    ("a//b", EmptyComponent, 2, Some("a/b")),
    ("docker.io//nginx:1", EmptyComponent, 10, Some("docker.io/nginx:1")),
    ("/nginx:1", EmptyComponent, 0, Some("nginx:1")),
    ("nginx/", EmptyComponent, 5, Some("nginx")),
    ("docker.io/", EmptyComponent, 9, None),
    ("docker.io/:1", EmptyComponent, 9, None),
    (":1", MissingName, 0, None),
    ("@sha256:HEX", MissingName, 0, None),
    // Registry.
    ("my_registry:5000/x", RegistryUnderscore, 2, None),
    ("-registry.example/x", RegistryName, 0, None),
    ("registry..example/x", RegistryName, 9, None),
    ("bücher.example/x", RegistryName, 1, None),
    ("fc00::1:5000/debian", Ipv6, 4, None),
    ("[fe80::1%eth0]:5000/debian", Ipv6, 8, Some("[fe80::1]:5000/debian")),
    ("[2001:db8::192.0.2.33]:5000/x", Ipv6, 14, None),
    ("[fd00123]/x", Ipv6, 0, None),
    ("[::1]:5000", RegistryAlone, 0, None),
    ("registry.example:http/x", Port, 17, None),
    ("registry.example:/x", Port, 17, Some("registry.example/x")),
    // Repository.
    ("MyOrg/App:1", Uppercase, 6, Some("myorg/app:1")),
    ("registry.example/Team/App:V1", Uppercase, 17, Some("registry.example/team/app:V1")),
    ("Nginx", Uppercase, 0, Some("nginx")),
    ("foo/bar-", Separator, 7, None),
    ("foo..bar", Separator, 4, None),
    ("./app", Separator, 0, None),
    ("a&b", Character, 1, None),
    ("naïve", Character, 2, None),
    ("HEX", ImageId, 0, None),
    // Tag.
    ("x:", EmptyTag, 1, Some("x")),
    ("registry.example:5000/x:", EmptyTag, 23, Some("registry.example:5000/x")),
    ("x:@sha256:HEX", EmptyTag, 1, Some("x@sha256:HEX")),
    ("x:1.2+build.3", TagCharacter, 5, Some("x:1.2_build.3")),
    ("x:-1", TagCharacter, 2, None),
    ("x:a~b", TagCharacter, 3, None),
    ("x:1:2", TwoTags, 3, None),
    ("x:1:latest", TwoTags, 3, Some("x:1")),
    ("x:sha256:HEX", TwoTags, 8, Some("x@sha256:HEX")),
    ("registry.example:5000:1.2", TwoTags, 21, None),
    ("app:feature/login", MisplacedColon, 3, Some("app:feature-login")),
    ("a/b:feature/x", MisplacedColon, 3, Some("a/b:feature-x")),
    ("a/b:5000/c", MisplacedColon, 3, None),
    // Digest.
    ("x@", MissingDigest, 1, Some("x")),
    ("x@latest", DigestAlgorithm, 2, Some("x:latest")),
    ("x@HEX", DigestAlgorithm, 2, Some("x@sha256:HEX")),
    ("x@SHA256:HEX", DigestAlgorithm, 2, Some("x@sha256:HEX")),
    ("x@sha-256:HEX", DigestAlgorithm, 2, Some("x@sha256:HEX")),
    ("x@md5:HEX", DigestAlgorithm, 2, None),
    ("x@sha256:abc", DigestLength, 12, None),
    ("x@sha256:HEX0", DigestLength, 73, None),
    ("x@sha512:HEX", DigestLength, 73, None),
    ("x@sha256:e6693c…", DigestCharacter, 15, None),
    ("x@sha256:e6693g", DigestCharacter, 14, None),
    ("x@sha256:HEX@sha256:HEX", TwoDigests, 73, Some("x@sha256:HEX")),
    // One behind the other.
    ("“https://Registry.Example//Foo:1 ”", Quote, 0, Some("Registry.Example/foo:1")),
];

#[rustfmt::skip]
const DOUBTFUL: &[Row] = &[
    ("myreg.azureacr.io/x", RegistryTypo, 6, Some("myreg.azurecr.io/x")),
    ("myreg.azurecr.oi/x:1", RegistryTypo, 6, Some("myreg.azurecr.io/x:1")),
    ("myreg.azurecr.com/x", RegistryTypo, 6, Some("myreg.azurecr.io/x")),
    ("ghrc.io/a/b", RegistryTypo, 0, Some("ghcr.io/a/b")),
    ("dokcer.io/x", RegistryTypo, 0, Some("docker.io/x")),
    ("docker.com/x", RegistryTypo, 0, Some("docker.io/x")),
    ("localhsot:5000/x", RegistryTypo, 0, Some("localhost:5000/x")),
    ("hub.docker.com/r/a/b", WebAddress, 0, Some("a/b")),
    ("registry.example/v2/a/b/manifests/1", WebAddress, 0, Some("registry.example/a/b:1")),
    ("registry.example:99999/x", PortRange, 17, None),
    ("registry.example:0/x", PortRange, 17, None),
    ("[fd00123]:5000/x", Ipv6, 0, None),
    ("MyOrg/app", UppercaseRegistry, 0, Some("myorg/app")),
    ("my_registry.example/app", RegistryUnderscore, 2, None),
    ("localhost:5000", RegistryAlone, 9, None),
    ("registry.example.com", RegistryAlone, 20, None),
    ("sha256:HEX", DigestAlone, 0, None),
    ("x:undefined", Placeholder, 2, None),
];

fn filled(text: &str) -> String {
    text.replace("HEX", HEX)
}

#[test]
fn mistakes_are_explained() {
    for (text, kind, at, meant) in REFUSED {
        let text = filled(text);
        let problem = parse(&text).expect_err(&text);
        let got = (problem.kind, problem.at, problem.did_you_mean.clone());
        assert_eq!(got, (*kind, *at, meant.map(filled)), "{text:?}: {problem}");
        assert!(
            problem.refusal.is_some() && !problem.says.is_empty(),
            "{text:?}"
        );
    }
}

#[test]
fn what_is_accepted_and_not_meant_is_doubted() {
    for (text, kind, at, meant) in DOUBTFUL {
        let text = filled(text);
        assert!(parse(&text).is_ok(), "{text}");
        let got: Vec<_> = doubts(&text)
            .into_iter()
            .map(|d| (d.kind, d.at, d.did_you_mean))
            .collect();
        assert_eq!(got, [(*kind, *at, meant.map(filled))], "{text}");
    }
}

#[test]
fn what_is_usual_is_not_doubted() {
    for text in [
        "nginx",
        "nginx:1.25-alpine",
        "bitnami/redis",
        "quay.io/a/b",
        "gcr.io/a/b",
        "eu.gcr.io/a/b",
        "ghcr.io/a/b",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a",
        "europe-west1-docker.pkg.dev/a/b/c",
        "localhost:5000/x",
        "localhost/x",
        "[::1]:5000/x",
        "harbor.example.com/a/b:1",
        "registry.internal:65535/x",
        "ubuntu-12.04-base",
        "mcr.microsoft.com/dotnet/sdk:8.0",
        "registry.hub.docker.com/library/nginx",
        "registry-1.docker.io/library/nginx",
    ] {
        assert_eq!(doubts(text), [], "{text}");
    }
}

#[test]
fn lengths_are_counted_as_clients_do() {
    let long = |n| "a".repeat(n);
    assert!(parse(&format!("x:{}", long(128))).is_ok());
    let problem = parse(&format!("x:{}", long(129))).expect_err("too long");
    assert_eq!((problem.kind, problem.at), (TagTooLong, 130));
    // The registry does not count, `library/` does.
    assert!(parse(&format!("registry.example/{}", long(255))).is_ok());
    let problem = parse(&format!("registry.example/{}", long(256))).expect_err("too long");
    assert_eq!((problem.kind, problem.at), (NameTooLong, 17 + 255));
    assert!(parse(&long(247)).is_ok());
    let problem = parse(&long(248)).expect_err("too long");
    assert_eq!((problem.kind, problem.at), (NameTooLong, 247));
}

#[test]
fn upper_case_digits_are_lowered() {
    let problem = parse(&format!("x@sha256:{}", HEX.to_uppercase())).expect_err("upper case");
    assert_eq!((problem.kind, problem.at), (DigestUppercase, 9));
    assert_eq!(problem.did_you_mean, Some(filled("x@sha256:HEX")));
}

#[test]
fn passwords_are_not_repeated() {
    for text in [
        "user:hunter2@registry.example/x",
        "user:hunter2@registry.example:http/x",
        "https://user:hunter2@registry.example/X Y",
        "user:$hunter2@registry.example/x",
        "user:$hunter2@registry.example/x ",
        "user:<hunter2>@registry.example/x:1:2",
    ] {
        let problem = parse(text).expect_err(text);
        assert!(
            !problem.to_string().contains("hunter2"),
            "{text}: {problem}"
        );
    }
}

#[test]
fn what_is_left_out_is_understood() {
    use Assumed::{DigestOverTag, DockerHub, Latest, Library};
    for (text, assumed) in [
        ("nginx", &[DockerHub, Library, Latest][..]),
        ("docker.io/nginx:1", &[Library]),
        ("index.docker.io/a/b", &[Latest]),
        ("a/b:1", &[DockerHub]),
        ("docker.io/library/nginx:1", &[]),
        ("x:1@sha256:HEX", &[DockerHub, Library, DigestOverTag]),
        ("x:", &[]),
    ] {
        assert_eq!(assumptions(&filled(text)), assumed, "{text}");
    }
}

#[test]
fn clients_that_read_it_otherwise_are_named() {
    use Client::{Containerd, CriO, Podman, Skopeo};
    let as_ = |text: &str| Reading::As(filled(text));
    let searched = |text: &str| Reading::Searched(filled(text));
    let no = || Reading::Refused;
    for (text, expected) in [
        ("docker.io/library/nginx:1", vec![]),
        ("ghcr.io/a/b:1", vec![]),
        ("ghcr.io/a/b", vec![(Containerd, no())]),
        (
            "docker.io/nginx:1",
            vec![(Containerd, as_("docker.io/nginx:1"))],
        ),
        (
            "nginx",
            vec![
                (Containerd, no()),
                (Podman, searched("nginx:latest")),
                (CriO, searched("nginx:latest")),
            ],
        ),
        (
            "a/b:1",
            vec![
                (Containerd, as_("a/b:1")),
                (Podman, searched("a/b:1")),
                (CriO, searched("a/b:1")),
            ],
        ),
        ("Foo/bar:1", vec![(Podman, no()), (CriO, no())]),
        ("ghcr.io/a/b:1@sha256:HEX", vec![(Skopeo, no())]),
        ("x:", vec![]),
    ] {
        let got: Vec<_> = differences(&filled(text))
            .into_iter()
            .map(|d| (d.client, d.reads_as))
            .collect();
        assert_eq!(got, expected, "{text}");
    }
}

#[test]
fn forms_are_docker_s() {
    let reference: Reference = "nginx".parse().expect("reads");
    assert_eq!(reference.to_string(), "docker.io/library/nginx:latest");
    assert_eq!(reference.familiar(), "nginx:latest");
    let both = parse(&filled("a/b:1@sha256:HEX")).expect("reads");
    assert_eq!(both.to_string(), filled("docker.io/a/b:1@sha256:HEX"));
    assert_eq!(both.asked_for().familiar(), filled("a/b@sha256:HEX"));
}
