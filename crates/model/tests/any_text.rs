//! What holds for any text: cleaned of what nobody sees, scrubbed once and for all, and quickly.

use proptest::prelude::*;
use pullwhy_model::text::{clean, safe_excerpt, scrub};

#[test]
fn invisible_characters_are_shown() {
    for c in [
        '\u{ad}',
        '\u{34f}',
        '\u{180e}',
        '\u{fff9}',
        '\u{fffb}',
        '\u{115f}',
        '\u{1160}',
        '\u{3164}',
        '\u{ffa0}',
        '\u{200b}',
        '\u{202e}',
        '\u{e0100}',
        '\u{180b}',
    ] {
        assert_eq!(clean(&format!("a{c}b"), 100), "a\u{fffd}b", "{c:?}");
    }
    // A variation selector is at home behind a symbol, and hides behind a letter.
    assert_eq!(clean("⚠\u{fe0f} x", 100), "⚠\u{fe0f} x");
    assert_eq!(clean("a\u{fe0f}b", 100), "a\u{fffd}b");
    assert_eq!(clean("⚠\u{fe0f}\u{fe0f}", 100), "⚠\u{fe0f}\u{fffd}");
    assert_eq!(clean("⠀", 100), "⠀");
}

/// Linear means that twice as long takes about twice as long; here only that nothing explodes.
#[test]
fn lines_made_to_be_slow_are_not() {
    let start = std::time::Instant::now();
    for piece in [
        "token:",
        "token: ",
        "password=",
        "\\",
        "\\\"",
        "://",
        "https://u:",
        "?",
        "&a",
        "?a=",
        "-u ",
        "curl -u '",
        "<token>",
        "docker login -p",
        "-----BEGIN PRIVATE KEY",
        "proxy=",
        "\"",
        "token:\"",
        "token:'\\",
        "[",
        "token:[",
        "@",
        "https://a@",
        "Bearer ",
        "eyJ",
        "%3D",
        "token%3D",
        "-",
        "[redacted]",
        "token: [redacted]",
        "password=[redacted]a",
        "echo ",
        "echo a|",
        "password \"",
        "password ",
        "password is ",
        "username a, password ",
        "code=",
        "&code=a",
        "ConvertTo-SecureString ",
        "ENV API_KEY ",
        "docker login <<<",
        "--secret id=a,value=",
    ] {
        let line = piece.repeat(65_536 / piece.len());
        let once = scrub(&line);
        assert_eq!(scrub(&once), once, "{piece}");
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// Pieces of which secrets are made, and of which traps are made.
fn soup() -> impl Strategy<Value = String> {
    let pieces = [
        "token",
        "password",
        "secret",
        "auth",
        "Authorization",
        "cookie",
        "sig",
        "access",
        "key",
        "Key",
        "proxy",
        "_",
        "-",
        "--",
        "-p",
        "-u",
        "=",
        ":",
        ": ",
        " ",
        " : ",
        "\"",
        "'",
        "\\",
        "\\\"",
        "\\u0022",
        "\\u0026",
        "\\n",
        "%3D",
        "%26",
        "://",
        "https",
        "docker",
        "login",
        "curl",
        "u:p",
        "@",
        "host",
        ".x",
        "/",
        "?",
        "&",
        "a=b",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "</",
        "map[",
        "Bearer ",
        "Basic ",
        "[redacted]",
        "[redac",
        "abc123DEF",
        "x",
        "é",
        "\u{2028}",
        "\n",
        ",",
        ";",
        "|",
        ".",
        "the",
        "name",
        "value",
        "eyJhbGciOiJIUzI1NiJ9aaaa",
        "sha256:",
        "ghp_abcdefghijklmnopqrstuvwxyz0123",
        "-----BEGIN PRIVATE KEY-----",
        "-----END",
        "true",
        "AKIAIOSFODNN7EXAMPLE",
        "latest",
        "5000",
        "\u{1b}[1m",
        "x-",
        "echo ",
        " is ",
        " -> ",
        "username a, ",
        "password ",
        "token ",
        "ENV ",
        "API_KEY ",
        "sshpass ",
        "<<<",
        "--password-stdin",
        "code=",
        "&state=",
        "--secret id=",
        ",value=",
        "ConvertTo-SecureString ",
        "hunter2!",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..24)
        .prop_map(|v| v.concat())
}

#[test]
fn a_token_in_what_looks_like_a_key_is_found() {
    for text in [
        "x-----eyJhbGciOiJIUzI1NiJ9aaaapassword \\u0026,",
        "x.eyJhbGciOiJIUzI1NiJ9aaaapassword hunter2!",
    ] {
        assert!(!scrub(text).contains("eyJ"), "{}", scrub(text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn scrubbing_twice_is_scrubbing_once(text in soup()) {
        let once = scrub(&text).into_owned();
        prop_assert_eq!(scrub(&once), once.as_str());
    }

    #[test]
    fn any_text_is_scrubbed(text in "\\PC{0,80}", tail in soup()) {
        let once = scrub(&format!("{text}{tail}")).into_owned();
        prop_assert_eq!(scrub(&once), once.as_str());
    }

    #[test]
    fn an_excerpt_is_cut_at_characters(text in soup(), a in 0usize..200, b in 0usize..200, most in 0usize..200) {
        let safe = safe_excerpt(&text, (a.min(b), a.max(b)), most);
        prop_assert!(safe.text.get(safe.span.0..safe.span.1).is_some());
    }
}
