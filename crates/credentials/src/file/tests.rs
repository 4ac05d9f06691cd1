use super::*;
use serde_json::json;

fn of(value: &Value) -> AuthFile {
    read(value.to_string().as_bytes(), false).expect("a credentials file")
}

fn first(value: &Value, rules: Rules) -> Result<Option<Credential>, String> {
    of(value).entries[0].holds(rules)
}

#[test]
fn reads_every_form_of_an_entry_as_each_engine_does() {
    let auth = STANDARD.encode("u:p:w");
    let basic = Credential::Basic {
        user: "u".into(),
        password: "p:w".into(),
    };
    let all = [Rules::Any, Rules::Docker, Rules::Podman, Rules::Kubelet];
    for rules in all {
        let entry = json!({"auths": {"r.test": {"auth": auth}}});
        assert_eq!(first(&entry, rules), Ok(Some(basic.clone())), "{rules:?}");
        let old = json!({"r.test": {"auth": auth, "email": "a@b.test"}});
        assert_eq!(first(&old, rules), Ok(Some(basic.clone())), "{rules:?}");
    }
    let plain = json!({"auths": {"r.test": {"username": "u", "password": "p:w"}}});
    assert_eq!(first(&plain, Rules::Docker), Ok(Some(basic.clone())));
    assert_eq!(first(&plain, Rules::Kubelet), Ok(Some(basic)));
    assert_eq!(first(&plain, Rules::Podman), Ok(None));
    let token = json!({"auths": {"r.test": {"auth": "MDAwMDo=", "identitytoken": "t"}}});
    let identity = Credential::IdentityToken("t".into());
    assert_eq!(first(&token, Rules::Docker), Ok(Some(identity)));
    let why = first(&token, Rules::Kubelet).expect_err("not read");
    assert!(why.contains("identity token"), "{why}");
    let direct = json!({"auths": {"r.test": {"registrytoken": "t"}}});
    let token = Credential::RegistryToken("t".into());
    assert_eq!(first(&direct, Rules::Docker), Ok(Some(token)));
    assert_eq!(first(&direct, Rules::Podman), Ok(None));
}

#[test]
fn says_what_is_broken_and_never_shows_it() {
    for (auth, says) in [
        ("%%%", "no base64"),
        (STANDARD.encode("nocolon").as_str(), "no colon"),
        (STANDARD.encode(":pw").as_str(), "no user name"),
        (STANDARD.encode(b"u:\xff\xfe").as_str(), "no text"),
    ] {
        let why = first(&json!({"auths": {"r.test": {"auth": auth}}}), Rules::Any);
        let why = why.expect_err(auth);
        assert!(why.contains(says), "{why}");
        assert!(!why.contains(auth) && !why.contains("pw"), "{why}");
    }
    for (text, says) in [
        ("[]", "no table"),
        ("{\"auths\":[]}", "`auths`, which is no table"),
        (
            "{\"auths\":{\"r\":{\"auth\":\"dTpwdw==\"",
            "no JSON: line 1",
        ),
        ("eyJhdXRocyI6e319", "decode it once"),
        ("\u{feff}{}", "byte order mark"),
    ] {
        let broken = read(text.as_bytes(), false).expect_err(text);
        let why = broken.why();
        assert!(why.contains(says), "{why}");
        assert!(!why.contains("dTpwdw"), "{why}");
    }
    assert!(read(b"\xff", false).is_err());
}

#[test]
fn names_the_helper_that_each_engine_runs() {
    let file = of(&json!({
        "credHelpers": {"r.test": "ecr-login", "https://index.docker.io/v1/": "hub"},
        "credsStore": "desktop",
    }));
    for (registry, rules, wanted) in [
        ("r.test", Rules::Docker, Some("ecr-login")),
        ("docker.io", Rules::Docker, Some("hub")),
        ("o.test", Rules::Docker, Some("desktop")),
        ("r.test", Rules::Podman, Some("ecr-login")),
        ("o.test", Rules::Podman, None),
        ("r.test", Rules::Kubelet, None),
    ] {
        assert_eq!(file.helper(registry, rules), wanted, "{registry} {rules:?}");
    }
    assert_eq!(file.last_resort(Rules::Any), Some("desktop"));
    let unread = file.unread_helpers("r.test", Rules::Kubelet);
    assert_eq!(unread.as_deref(), Some("credHelpers `ecr-login`"));
}

#[test]
fn one_broken_entry_spoils_the_file_for_engines_that_read_it_at_once() {
    let file = of(&json!({"auths": {"a.test": {"auth": "%"}, "r.test": {}}}));
    assert_eq!(file.spoilt_by(Rules::Kubelet).map(|s| s.0), Some("a.test"));
    assert_eq!(file.spoilt_by(Rules::Podman), None);
}

#[test]
fn docker_undoes_what_go_does() {
    let auth = |auth: &str| json!({"auths": {"r.test": {"auth": auth}}});
    let spoilt = |auth: &Value| of(auth).spoilt_by(Rules::Docker).is_some();
    let latin = auth(&STANDARD.encode(b"u:p\xff"));
    assert!(!spoilt(&latin), "bytes that are no text are sent");
    assert!(first(&latin, Rules::Docker).is_ok());
    assert!(first(&latin, Rules::Podman).is_err());
    assert!(spoilt(&auth(&STANDARD.encode(":pw"))));
    assert!(spoilt(&auth(" dTpw")), "a blank is none of its letters");
    assert!(!spoilt(&auth("dT\r\npw")), "a line break is passed over");
    assert!(!spoilt(&auth("dTpwdx==")), "so are bits too many");
}

#[test]
fn a_login_beside_auth_is_there_before_auth_is_undone() {
    let broken = json!({"auths": {"r.test": {"auth": "%", "username": "u", "password": "p"}}});
    assert!(matches!(first(&broken, Rules::Docker), Ok(Some(_))));
    assert!(first(&broken, Rules::Any).is_err());
    let nameless = json!({"auths": {"r.test": {"auth": "OnB3", "username": "u", "password": "p"}}});
    assert!(matches!(first(&nameless, Rules::Docker), Ok(Some(_))));
    for (beside, hangs) in [
        (json!({}), true),
        (json!({"username": "u", "password": "p"}), false),
        (json!({"username": "x", "password": "p"}), true),
        (json!({"identitytoken": "t"}), false),
        (
            json!({"auth": "OnB3", "username": "u", "password": "p"}),
            false,
        ),
    ] {
        let mut entry = json!({"auth": "dTpw"});
        for (key, value) in beside.as_object().expect("a table") {
            entry[key] = value.clone();
        }
        let file = of(&json!({"auths": {"r.test": entry}}));
        assert_eq!(file.entries[0].hangs_on_decoding(), hangs, "{beside}");
    }
}

#[test]
fn the_kubelet_takes_base64_that_is_not_filled_up() {
    let file = json!({"auths": {"r.test": {"auth": "dTpwdw"}}});
    assert!(matches!(first(&file, Rules::Kubelet), Ok(Some(_))));
    assert_eq!(of(&file).spoilt_by(Rules::Kubelet), None);
    assert!(first(&file, Rules::Docker).is_err());
    assert!(of(&file).spoilt_by(Rules::Docker).is_some());
}

#[test]
fn the_variable_is_taken_as_a_whole_or_not_at_all() {
    let text = |value: Value| value.to_string();
    let good = text(json!({"auths": {"r.test": {"auth": "dTpw"}, "o.test": {"auth": "dTpw"}}}));
    assert_eq!(variable(&good, "r.test").map(|f| f.entries.len()), Ok(1));
    let scheme = text(json!({"auths": {"https://r.test/v1/": {"auth": "dTpw"}}}));
    assert_eq!(variable(&scheme, "r.test").map(|f| f.entries.len()), Ok(0));
    for none in [" ", "null", r#"{"auths":null}"#, "{}"] {
        assert_eq!(variable(none, "r.test").map(|f| f.entries.len()), Ok(0));
    }
    let upper = text(json!({"Auths": {"r.test": {"Auth": "dTpw"}}}));
    assert_eq!(variable(&upper, "r.test").map(|f| f.entries.len()), Ok(1));
    for wrong in [
        "x".to_owned(),
        text(json!({"auths": {"r.test": {"auth": "dTpw"}, "o.test": {"auth": "%"}}})),
        text(json!({"auths": {"r.test": {"auth": "dTpw"}, "o.test": {}}})),
        text(json!({"auths": {"r.test": {"auth": "dTpw", "email": "a"}}})),
        text(json!({"auths": {"r.test": {"auth": "OnB3"}}})),
        text(json!({"auths": {}, "credsStore": "x"})),
        text(json!({"auths": {"r.test": ["dTpw"]}})),
        text(json!([])),
        text(json!({"auths": {"r.test": {"auth": 5}}})),
    ] {
        let why = variable(&wrong, "r.test").map(|f| f.entries.len());
        assert!(why.is_err(), "{wrong}");
        assert!(!format!("{why:?}").contains("dTpw"), "{why:?}");
    }
}
