//! Which scope counts for an image, and what makes Podman refuse the folder.

use pullwhy_model::Image;

use super::*;
use crate::setup::endpoint::Order;
use crate::setup::tests::Root;
use crate::{Engine, engine_setup};

fn image(text: &str) -> Image {
    pullwhy_reference::read(text).expect("a name")
}

fn of(root: &Root) -> RegistriesD {
    let setup = engine_setup(Engine::Podman, &root.environment());
    assert_eq!(setup.troubles.len(), 0, "{:?}", setup.troubles);
    match setup.order {
        Order::Podman(podman) => podman.signatures,
        other => panic!("{other:?}"),
    }
}

const POLICY: (&str, &str) = (
    "etc/containers/policy.json",
    r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
);

#[test]
fn the_closest_scope_that_says_something_counts() {
    let root = Root::new(&[
        POLICY,
        (
            "etc/containers/registries.d/a.yaml",
            "default-docker:\n  sigstore: https://old.test/s\n  use-sigstore-attachments: yes\n",
        ),
        (
            "etc/containers/registries.d/b.yaml",
            "docker:\n  r.test:\n    lookaside: file:///sigs\n  r.test/team:\n    use-sigstore-attachments: false\n  '*.b.test':\n    lookaside: https://new.test\n    sigstore: https://old.test\n",
        ),
        ("etc/containers/registries.d/c.yml", "not: [read"),
    ]);
    let all = of(&root);
    let said = |name: &str| {
        let places = all.places(&image(name)).expect("it is no broken folder");
        let lookaside = match places.lookaside {
            Lookaside::Folder(path, source) => {
                let path = path.strip_prefix(&all.root).expect("below the root");
                format!("{} {}", path.display(), source.is_some())
            }
            Lookaside::Web(url, _) => url,
            other => format!("{other:?}"),
        };
        let line = |source: Source| source.named_in.map_or(0, |(_, line)| line);
        (
            places.attachments.map(|(on, source)| (on, line(source))),
            lookaside,
        )
    };
    let old = "https://old.test/s".to_owned();
    assert_eq!(said("x:1"), (Some((true, 3)), old.clone()));
    assert_eq!(
        said("r.test/a:1"),
        (Some((true, 3)), "sigs true".to_owned())
    );
    assert_eq!(
        said("r.test/team/a:1"),
        (Some((false, 5)), "sigs true".to_owned())
    );
    assert_eq!(
        said("r.test/teams/a:1"),
        (Some((true, 3)), "sigs true".to_owned())
    );
    let new = "https://new.test".to_owned();
    assert_eq!(said("a.b.test/x:1"), (Some((true, 3)), new));
    assert_eq!(said("b.test/x:1"), (Some((true, 3)), old));
    let shown: Vec<String> = all.shown().into_iter().map(|one| one.value).collect();
    assert_eq!(
        shown[..2],
        [
            "*.b.test: signatures are at https://new.test",
            "r.test: signatures are at file:///sigs",
        ]
    );
}

#[test]
fn without_a_word_signatures_are_in_a_folder_of_the_engine() {
    let root = Root::new(&[POLICY]);
    let places = of(&root).places(&image("x:1")).expect("places");
    assert!(places.attachments.is_none());
    match places.lookaside {
        Lookaside::Folder(path, None) => {
            assert!(path.ends_with("containers/sigstore"), "{path:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_users_folder_takes_the_place_of_the_systems() {
    let root = Root::new(&[
        POLICY,
        ("etc/containers/registries.d/a.yaml", "docker: ["),
        (
            "home/.config/containers/registries.d/a.yaml",
            "default-docker: {use-sigstore-attachments: on}\n",
        ),
    ]);
    let places = of(&root).places(&image("x:1")).expect("places");
    assert_eq!(places.attachments.map(|(on, _)| on), Some(true));
}

#[test]
fn what_is_wrong_has_its_place() {
    let said = |text: &str| {
        let root = Root::new(&[POLICY, ("etc/containers/registries.d/a.yaml", text)]);
        root.troubles(Engine::Podman)
    };
    for (text, wanted) in [
        (
            "- a\n",
            "true etc/containers/registries.d/a.yaml:1: is no table",
        ),
        ("docker: [\n", "true etc/containers/registries.d/a.yaml:"),
        (
            "docker: x\n",
            "true etc/containers/registries.d/a.yaml:1: `docker` is no table",
        ),
        (
            "docker:\n  r.test: x\n",
            "true etc/containers/registries.d/a.yaml:2: `r.test` is no table",
        ),
        (
            "default-docker:\n  lookaside: [a]\n",
            "true etc/containers/registries.d/a.yaml:2: `lookaside` is no text",
        ),
        (
            "default-docker:\n  use-sigstore-attachments: 'true'\n",
            "true etc/containers/registries.d/a.yaml:2: `use-sigstore-attachments` is neither",
        ),
        (
            "default-docker:\n  use-sigstore: true\n",
            "false etc/containers/registries.d/a.yaml:2: `use-sigstore` is no key",
        ),
        (
            "docker:\n  a: {}\n  b: {}\n  a: {}\n",
            "false etc/containers/registries.d/a.yaml:4: `docker.a` is given twice",
        ),
        (
            "docker:\n  a: &x {}\n  b: *x\n",
            "false etc/containers/registries.d/a.yaml:1: has an alias",
        ),
    ] {
        let said = said(text);
        assert!(
            said.iter().any(|one| one.starts_with(wanted)),
            "{text}: {said:?}"
        );
    }
    for text in [
        "",
        "docker:\n",
        "default-docker: ~\n",
        "docker: {a: null, b: {}}\n",
    ] {
        assert_eq!(said(text), Vec::<String>::new(), "{text}");
    }
}
