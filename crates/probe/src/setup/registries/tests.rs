//! What is taken and what is refused.

use super::*;

#[test]
fn prefixes_take_names_as_podman_does() {
    for (name, prefix, takes) in [
        ("r.test/a/b", "r.test", Some(6)),
        ("r.test/a/b", "r.test/a", Some(8)),
        ("r.test/ab", "r.test/a", None),
        ("r.test:5000/a", "r.test", Some(6)),
        ("a.r.test/x", "*.r.test", Some(8)),
        ("r.test/x", "*.r.test", None),
        ("r.test/a.r.test/x", "*.r.test", None),
    ] {
        assert_eq!(matches(name, prefix), takes, "{name} {prefix}");
    }
}

#[test]
fn what_podman_refuses_is_told_with_its_line() {
    for (text, wanted) in [
        (
            "[[registry]]\nlocation = \"https://r\"",
            "2 the location `https://r` has a scheme",
        ),
        ("\n[[registry]]\nblocked = true", "2 a registry has neither"),
        (
            "[[registry]]\nprefix = \"a\"",
            "1 the registry `a` has no `location`",
        ),
        (
            "[[registry]]\nlocation = \"a\"\npull-from-mirror = \"all\"",
            "1 `pull-from-mirror` is for mirrors",
        ),
        (
            "[[registry]]\nlocation = \"a\"\n[[registry]]\nlocation = \"a\"\ninsecure = true",
            "3 `a` stands here and in line 1",
        ),
        ("short-name-mode = \"x\"", "1 `x` is no `short-name-mode`"),
        ("[aliases]\na = \"b\"", "2 the alias `b`"),
        ("unqualified-search-registries = [\"a/b\"]", "1 `a/b`"),
        (
            "[registries.search]\nregistries = [\"b\"]\n[[registry]]\nlocation = \"a\"",
            "1 mixes",
        ),
        (
            "[[registry]]\nlocation = \"a\"\ninsecure = \"yes\"",
            "3 `insecure` is text, not true or false",
        ),
        (
            "registry = 1",
            "1 `registry` is a number, not a list of tables",
        ),
        (
            "[aliases]\na = \"b.c/d:1\"",
            "2 the alias `b.c/d:1` has a tag",
        ),
        ("[aliases]\n\"a:1\" = \"b.c/d\"", "2 the alias of `a:1`"),
        ("[[registry]\n", "1 is no TOML"),
    ] {
        let file = Text {
            path: "/r.conf".into(),
            text: text.to_owned(),
        };
        let (source, says) = take(&file, true, &mut Registries::default()).expect_err(text);
        let line = source.named_in.map_or(0, |(_, line)| line);
        let said = format!("{line} {says}");
        assert!(said.starts_with(wanted), "{text}: {said}");
    }
}
