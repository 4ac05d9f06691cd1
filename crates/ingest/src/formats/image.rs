//! Reads the image that stands at a marker.

use pullwhy_model::Image;

use super::command::{argument, is_client};
use super::file::ImageForm;

/// What no reference holds: it ends there. A message can be the value of a JSON field, and then
/// `"}` stands right behind the name.
const ENDS: [char; 15] = [
    ' ', '\t', '\n', '\r', ',', ';', ')', ']', '{', '}', '"', '\'', '`', '\\', '|',
];

/// Whether a form is a sign of its own: without an image, the text means nothing.
pub(super) fn is_told_by_shape(form: ImageForm) -> bool {
    matches!(
        form,
        ImageForm::Tagged | ImageForm::Bracketed | ImageForm::Before | ImageForm::Invoked
    )
}

/// Reads the image at a marker whose text takes up `span`. `then`: what must follow the image.
pub(super) fn at(
    message: &str,
    span: (usize, usize),
    form: ImageForm,
    then: Option<&str>,
) -> Option<Image> {
    let rest = &message[span.1..];
    let (name, after) = match form {
        ImageForm::None => return None,
        ImageForm::Quoted => {
            let quote = message[..span.1].chars().next_back()?;
            let end = rest.find(quote)?;
            (&rest[..end], &rest[end + quote.len_utf8()..])
        }
        ImageForm::Word => word(without_bracket(rest)),
        ImageForm::Qualified => {
            let (name, after) = word(without_bracket(rest));
            (Some(name).filter(|name| looks_like_a_name(name))?, after)
        }
        ImageForm::Rest => {
            let (name, after) = word(without_bracket(rest));
            let goes_on = after
                .trim_start()
                .starts_with(|c: char| c.is_ascii_alphanumeric());
            if goes_on && !looks_like_a_name(name) {
                return None;
            }
            (name, after)
        }
        ImageForm::Command => argument(rest)?,
        ImageForm::Invoked => {
            Some(&message[..span.0]).filter(|before| is_client(before))?;
            argument(rest)?
        }
        ImageForm::Tagged => return tagged(&message[..span.0], word(rest)),
        ImageForm::Before => (last_word(&message[..span.0]), rest),
        ImageForm::Bracketed => {
            let (service, after) = word(rest);
            let inside = after.strip_prefix(" (").filter(|_| !service.is_empty())?;
            let (name, after) = word(inside);
            (name, after.strip_prefix(')')?)
        }
    };
    let fits = |then: &str| {
        after.starts_with(then) || matches!(then, "\"" | "'") && after.trim().is_empty()
    };
    // A table of Compose cuts a name short behind its dot.
    let is_cut = word(name).0.ends_with("....");
    let name = trim(name);
    // `sha256:…` alone is the id of an image, not its name.
    // Nor is a word in the place of a name: `<resolving>`, `%s`; but `<account>.dkr.ecr…/app` is one.
    // A stray quote belongs to the name where it is what the engine does not accept.
    let is_no_image = is_cut
        || name.starts_with("sha256:")
        || is_platform(name)
        || name.starts_with(['/', '('])
        || name.starts_with(['<', '*', '%']) && !name.contains('/')
        || after.starts_with("\": invalid reference");
    if then.is_some_and(|then| !fits(then)) || is_no_image {
        return None;
    }
    match whole_digest(name, after) {
        Some(whole) => pullwhy_reference::read(&whole),
        None => pullwhy_reference::read(name),
    }
}

/// A name whose digest was wrapped, with the digits that follow behind the break: only if that
/// makes a whole digest, since people shorten digests too.
fn whole_digest(name: &str, after: &str) -> Option<String> {
    const DIGITS: usize = 64;
    let (_, digits) = name.rsplit_once("@sha256:")?;
    let rest = word(after.trim_start()).0;
    let hex = |b: u8| b.is_ascii_hexdigit();
    let fits = !rest.is_empty() && digits.len() + rest.len() == DIGITS && rest.bytes().all(hex);
    fits.then(|| [name, rest].concat())
}

/// Without the bracket in which the name stands alone: of a Markdown link, `[name](address)`, or of
/// a list that Go prints. The brackets of an IPv6 address are the name's own.
fn without_bracket(text: &str) -> &str {
    let Some(inside) = text.strip_prefix('[') else {
        return text;
    };
    let address = inside.split(']').next().unwrap_or(inside);
    if address.parse::<std::net::Ipv6Addr>().is_ok() {
        text
    } else {
        inside
    }
}

/// `linux/arm64/v8`: what an image is wanted for, not its name. `unknown` is how engines print a
/// platform of which they know nothing.
fn is_platform(name: &str) -> bool {
    const SYSTEMS: [&str; 4] = ["linux", "windows", "darwin", "freebsd"];
    const MACHINES: [&str; 12] = [
        "amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le", "loong64",
        "x86_64", "aarch64", "unknown",
    ];
    if name == "unknown" {
        return true;
    }
    let mut parts = name.split('/');
    parts.next().is_some_and(|p| SYSTEMS.contains(&p))
        && parts.next().is_some_and(|p| MACHINES.contains(&p))
}

/// Up to where a reference must end, and what follows.
pub(super) fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(ENDS).unwrap_or(text.len()))
}

/// The word that a text ends with.
fn last_word(text: &str) -> &str {
    let cut = |c: char| ENDS.contains(&c) || c == '[' || c == '(';
    &text[text.rfind(cut).map_or(0, |i| i + 1)..]
}

/// Without the full stop or dots of a sentence.
pub(super) fn trim(name: &str) -> &str {
    let name = name.split("...").next().unwrap_or(name).trim();
    name.trim_end_matches(['.', ':', '…'])
}

pub(super) fn looks_like_a_name(word: &str) -> bool {
    word.trim_end_matches(['.', ':'])
        .contains(['/', ':', '@', '.'])
}

/// A repository with the tag or digest that stands before, or in the field behind it.
fn tagged(before: &str, (repository, after): (&str, &str)) -> Option<Image> {
    let version = match after.strip_prefix("\",\"id\":\"") {
        Some(id) => word(id).0,
        // Prose goes on behind a comma too, but has no slash.
        None if after.trim().is_empty()
            || after.starts_with(['"', '\\'])
            || after.starts_with(',') && repository.contains('/') =>
        {
            last_word(before.trim_end_matches([':', ' ']))
        }
        None => return None,
    };
    let repository = trim(repository);
    let joint = if version.starts_with("sha256:") {
        '@'
    } else {
        ':'
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let is_tag = joint == '@'
        || version.len() <= 128
            && version.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && version.bytes().all(plain);
    if repository.is_empty() || !is_tag {
        return None;
    }
    pullwhy_reference::read(&format!("{repository}{joint}{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The image that a form reads at the text `at`.
    fn read(message: &str, text: &str, form: ImageForm) -> String {
        let start = message.find(text).expect("there");
        at(message, (start, start + text.len()), form, None)
            .map(|i| i.reference)
            .unwrap_or_default()
    }

    #[test]
    fn a_name_ends_where_no_reference_goes_on() {
        for tail in ["", "\"}", "\",", "\"", "'", ",", " ", "\\n\"}", ".", "..."] {
            let message = format!("Pulling image: contoso.azurecr.io/shop/web:1.5{tail}");
            let got = read(&message, "Pulling image: ", ImageForm::Rest);
            assert_eq!(got, "contoso.azurecr.io/shop/web:1.5", "{message}");
        }
        for (message, expected) in [
            ("Pulling image: nginx", "nginx"),
            ("Pulling image: nothing came of it", ""),
            (
                "Pulling image: [<org>.azurecr.io/a/<name>:1](http://<org>.azurecr.io/a/<name>:1).",
                "<org>.azurecr.io/a/<name>:1",
            ),
            (
                "Pulling image: [r.example/a:1]: exit status 1",
                "r.example/a:1",
            ),
            ("Pulling image: (latest) from acme/app", ""),
            ("Pulling image: r.example/a:1 for web", "r.example/a:1"),
        ] {
            assert_eq!(read(message, "Pulling image: ", ImageForm::Rest), expected);
        }
    }

    #[test]
    fn what_may_be_prose_must_look_like_a_name() {
        for (message, expected) in [
            ("pull image r.example/a:1 x", "r.example/a:1"),
            ("pull image [nginx:1.27]: x", "nginx:1.27"),
            ("pull image team/app: x", "team/app"),
            ("pull image from \"Private registry\"", ""),
            ("pull image error:", ""),
            ("pull image again.", ""),
            ("pull image %s: x", ""),
            ("pull image r.example/a:3.0\": invalid reference format", ""),
        ] {
            let got = read(message, "pull image ", ImageForm::Qualified);
            assert_eq!(got, expected, "{message}");
        }
    }

    #[test]
    fn a_wrapped_digest_is_read_whole() {
        let digest = "0123456789abcdef".repeat(4);
        let whole = format!("r.example/a@sha256:{digest}");
        let (first, rest) = whole.split_at(whole.len() - 17);
        for (message, expected) in [
            (
                format!("Pulling image: {first}\n{rest} is not supported"),
                whole.as_str(),
            ),
            (format!("Pulling image: {first} {rest}"), &whole),
            (format!("Pulling image: {first} is not supported"), first),
            (format!("Pulling image: {whole} is not supported"), &whole),
        ] {
            let got = read(&message, "Pulling image: ", ImageForm::Word);
            assert_eq!(got, expected, "{message}");
        }
    }

    #[test]
    fn a_command_is_told_from_talk_about_it() {
        for (message, expected) in [
            ("docker pull nginx", "nginx"),
            (
                "docker pull -q --platform linux/arm64 r.example/a:1",
                "r.example/a:1",
            ),
            ("docker pull --platform=linux/arm64 nginx:1 && x", "nginx:1"),
            (
                "docker pull returned STDERR>> Error response from daemon",
                "",
            ),
            ("docker pull failed", ""),
            ("docker pull access denied for x", ""),
            ("docker pull ", ""),
        ] {
            assert_eq!(read(message, "docker pull ", ImageForm::Command), expected);
        }
    }

    #[test]
    fn options_stand_between_a_client_and_its_command() {
        for (message, expected) in [
            ("docker --config /tmp/c pull r.example/a:1", "r.example/a:1"),
            ("docker -H tcp://10.0.0.5:2375 pull a", "a"),
            (
                "$ sudo -E /usr/bin/docker image pull r.example/a:1",
                "r.example/a:1",
            ),
            (
                "podman --log-level debug --tmpdir=/x pull -q quay.io/a/b",
                "quay.io/a/b",
            ),
            (
                "podman pull --creds u:p --tls-verify=false docker://r.example/a:1",
                "docker://r.example/a:1",
            ),
            (
                "ctr -n k8s.io images pull --plain-http -u u:p r.example/a:1",
                "r.example/a:1",
            ),
            ("nerdctl.exe -n k8s.io pull r.example/a:1", "r.example/a:1"),
            ("crictl -D pull --creds u:p r.example/a:1", "r.example/a:1"),
            ("a docker image pull secret", ""),
            ("docker compose --profile x pull web", ""),
            ("docker run x pull r.example/a:1", ""),
            ("git -C /srv pull origin/main", ""),
            ("docker build of r.example/b and a pull r.example/a:1", ""),
            ("the engine will pull r.example/a:1", ""),
        ] {
            assert_eq!(
                read(message, " pull ", ImageForm::Invoked),
                expected,
                "{message}"
            );
        }
    }

    #[test]
    fn a_tag_can_stand_before_its_repository() {
        for (message, expected) in [
            ("1.2: Pulling from acme/app", "acme/app:1.2"),
            ("latest Pulling from acme/app", "acme/app:latest"),
            (
                "{\"status\":\"Pulling from acme/app\",\"id\":\"1.2\"}",
                "acme/app:1.2",
            ),
            ("sha256:0123: Pulling from acme/app", "acme/app@sha256:0123"),
            ("1.2: Pulling from acme/app, x", "acme/app:1.2"),
            ("Job a: Pulling from cache, please wait", ""),
            (
                "Site: a - Pulling from custom registry: https://r.example",
                "",
            ),
        ] {
            assert_eq!(read(message, "Pulling from ", ImageForm::Tagged), expected);
        }
        assert_eq!(
            read(
                "Pulling db (postgres:13)...",
                "Pulling ",
                ImageForm::Bracketed
            ),
            "postgres:13"
        );
        assert_eq!(read("Pulling db", "Pulling ", ImageForm::Bracketed), "");
        assert_eq!(
            read(
                "quay.io/a/b:1: resolving |--|",
                ": resolving",
                ImageForm::Before
            ),
            "quay.io/a/b:1"
        );
    }
}
