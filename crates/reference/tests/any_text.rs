//! Whatever the text: no panic, proposals that hold, and output that is read back as the same.

use proptest::prelude::*;
use pullwhy_reference::{assumptions, differences, doubts, grammar, normalized, parse};

/// Texts near references: pieces of them, and what people paste among them.
fn near() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("nginx"),
        Just("registry.example"),
        Just("localhost"),
        Just("docker.io"),
        Just("index.docker.io"),
        Just("library"),
        Just("[::1]"),
        Just("[fe80::1%e]"),
        Just("my_reg.io"),
        Just("/"),
        Just("/"),
        Just(":"),
        Just(":"),
        Just("@"),
        Just("."),
        Just("_"),
        Just("-"),
        Just("--"),
        Just("sha256:"),
        Just("e6693c20186f837fc393390135d8a598a96a833917917789d63766cab6c59582"),
        Just("5000"),
        Just("A"),
        Just("Z9"),
        Just("v1"),
        Just("é"),
        Just("і"),
        Just("\u{200b}"),
        Just("\u{a0}"),
        Just(" "),
        Just("\n"),
        Just("\\"),
        Just("${X"),
        Just("${X:-y}"),
        Just("{{"),
        Just("}}"),
        Just("<"),
        Just(">"),
        Just("%"),
        Just("$"),
        Just("https://"),
        Just("docker pull "),
        Just("image: "),
        Just("v2"),
        Just("manifests"),
        Just("+"),
        Just("~"),
        Just("="),
        Just("'"),
        Just("“"),
        Just("…"),
        Just("azureacr.io"),
    ];
    prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![near(), any::<String>(), "[a-cA:/@.\\[\\]_-]{0,12}"]
}

/// The grammar once more, as regular expressions after the EBNF in upstream's `reference.go`.
fn by_expression(text: &str) -> Option<(String, String, Option<String>, Option<String>)> {
    use std::sync::LazyLock;
    static WHOLE: LazyLock<regex::Regex> = LazyLock::new(|| {
        let label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
        let domain = format!(r"(?:{label}(?:\.{label})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?");
        let component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
        let path = format!("{component}(?:/{component})*");
        let word = "[A-Za-z][A-Za-z0-9]*";
        let digest = format!("{word}(?:[-_+.]{word})*:[0-9a-fA-F]{{32,}}");
        let tag = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
        regex::Regex::new(&format!(
            "^(?:({domain})/)?({path})(?::({tag}))?(?:@({digest}))?$"
        ))
        .expect("compiles")
    });
    let found = WHOLE.captures(text)?;
    let part = |n| found.get(n).map(|m| m.as_str().to_owned());
    Some((part(1).unwrap_or_default(), part(2)?, part(3), part(4)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn scanners_agree_with_the_expressions(text in texts()) {
        let scanned = grammar::split(&text).map(|p| {
            let own = |part: Option<&str>| part.map(str::to_owned);
            (p.domain.to_owned(), p.path.to_owned(), own(p.tag), own(p.digest))
        });
        prop_assert_eq!(scanned, by_expression(&text));
    }

    #[test]
    fn what_is_read_is_read_back_as_the_same(text in texts()) {
        if let Ok(reference) = parse(&text) {
            let full = reference.to_string();
            let again = parse(&full).expect("its own output");
            prop_assert_eq!(again.to_string(), full);
            prop_assert_eq!(again, reference);
        }
    }

    #[test]
    fn problems_point_into_the_text_and_propose_what_holds(text in texts()) {
        let problems = match parse(&text) {
            Ok(_) => doubts(&text),
            Err(problem) => {
                prop_assert!(doubts(&text).is_empty() && differences(&text).is_empty());
                prop_assert!(assumptions(&text).is_empty());
                vec![problem]
            }
        };
        for problem in problems {
            prop_assert!(text.is_char_boundary(problem.at), "{:?}", problem);
            if let Some(meant) = &problem.did_you_mean {
                prop_assert!(parse(meant).is_ok() && *meant != text, "{:?}", problem);
            }
        }
        prop_assert_eq!(parse(&text).is_ok(), normalized(&text).is_ok());
        differences(&text);
    }
}

/// Texts that a search at every position would read again and again.
#[test]
fn large_texts_take_linear_time() {
    for piece in [
        "{", "<", "$", "%", "/", ":", "@", "a/", "[", "{{", "${", " a", "\\", "A", "🐳",
    ] {
        let text = piece.repeat((4 << 20) / piece.len());
        let began = std::time::Instant::now();
        let _ = parse(&text).map_err(|problem| problem.to_string());
        assert!(
            began.elapsed().as_secs() < 10,
            "{piece}: {:?}",
            began.elapsed()
        );
    }
}
