//! Rules for files of credential providers.

use crate::Engine;
use crate::setup::tests::Root;

const HEAD: &str =
    "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n";

fn provider(name: &str, image: &str, span: &str) -> String {
    format!(
        "- name: {name}\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n  matchImages: [\"{image}\"]\n  defaultCacheDuration: {span}\n"
    )
}

fn said(files: &[(&str, &str)]) -> Vec<String> {
    let unit = "[Service]\nExecStart=/usr/bin/kubelet --container-runtime-endpoint=unix:///run/containerd/containerd.sock --image-credential-provider-config=/etc/providers --image-credential-provider-bin-dir=/bin\n";
    let root = Root::new(files);
    root.write("lib/systemd/system/kubelet.service", unit);
    root.write("bin/a", "");
    root.write("bin/b", "");
    root.troubles(Engine::Kubelet)
}

#[test]
fn what_the_kubelet_refuses_of_providers_is_told_with_its_place() {
    let own = provider("a", "r.test", "\"12h\"");
    let ok = format!("{HEAD}{own}");
    for (text, wanted) in [
        (ok.clone(), None),
        (format!("{HEAD}{}", provider("a", "r.test", "\"0\"")), None),
        (
            format!("{HEAD}{}", provider("a", "r.test", "soon")),
            Some("true etc/providers:7: the provider a has the `defaultCacheDuration` \"soon\""),
        ),
        (
            format!("{HEAD}{}", provider("a", "r.test", "\"-1s\"")),
            Some("true etc/providers:7: the provider a has the `defaultCacheDuration` \"-1s\""),
        ),
        (
            format!("{ok}{own}"),
            Some("true etc/providers:8: there are two providers a"),
        ),
        (
            ok.replace("k8s.io/v1\nkind", "k8s.io/v2\nkind"),
            Some("true etc/providers:1: has the `apiVersion` `kubelet.config.k8s.io/v2`"),
        ),
        (
            ok.replace("apiVersion: kubelet.config.k8s.io/v1\n", ""),
            Some("true etc/providers:1: has the `apiVersion` ``"),
        ),
        (
            HEAD.replace("providers:", "providers: []"),
            Some(
                "true lib/systemd/system/kubelet.service:2: names /etc/providers, which holds no provider",
            ),
        ),
        (
            format!("{HEAD}{}", provider("a", "https://r.test", "\"12h\"")),
            Some("false etc/providers:4: `matchImages` of a has `https://r.test`"),
        ),
    ] {
        let said = said(&[("etc/providers", &text)]);
        assert_eq!(
            said.len(),
            usize::from(wanted.is_some()),
            "{text}: {said:#?}"
        );
        assert!(
            said.iter().all(|s| s.starts_with(wanted.unwrap_or(""))),
            "{text}: {said:#?}"
        );
    }
}

#[test]
fn the_files_of_a_folder_are_one_list() {
    let a = format!("{HEAD}{}", provider("a", "r.test", "\"12h\""));
    let b = format!("{HEAD}{}", provider("b", "r.test", "\"12h\""));
    let none = HEAD.replace("providers:", "providers: []");
    for (second, doubled) in [(&a, true), (&b, false), (&none, false)] {
        let said = said(&[
            ("etc/providers/1.yaml", &a),
            ("etc/providers/2.yaml", second),
        ]);
        let wanted = "true etc/providers/2.yaml:4: there are two providers a";
        assert_eq!(
            said.iter().any(|s| s.starts_with(wanted)),
            doubled,
            "{said:#?}"
        );
        assert_eq!(said.len(), usize::from(doubled), "{said:#?}");
    }
}
