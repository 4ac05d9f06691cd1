//! The tables, as the engines' sources have them.

use pullwhy_model::Hop;

use super::*;

/// The waits in milliseconds as long as the same comes, and whether it ends then.
fn waits(policy: &Policy, asked: Asked, came: Came) -> Vec<u128> {
    let mut all = Vec::new();
    let mut waits = Vec::new();
    for _ in 0..20 {
        all.push(came);
        match policy.again(asked, &all, None, true, Own::default()) {
            Some(again) => waits.push(again.after.as_millis()),
            None => return waits,
        }
    }
    panic!("{} never ends", policy.who);
}

#[test]
fn each_engine_asks_again_as_often_as_its_source_says() {
    use Asked::{Config, Layer, Manifest, Ping, Pull, Token};
    use Came::{Coded, Cut, Other, Refused, Reset, Silent, Status};
    let none: &[u128] = &[];
    let layer = &[0, 5000, 0, 10_000, 0, 15_000, 0, 20_000, 0][..];
    for (policy, asked, came, wanted) in [
        (&DOCKER, Ping, Cut, none),
        (&DOCKER, Token, Status(503), none),
        (&DOCKER, Manifest, Status(503), none),
        (&DOCKER, Config, Status(503), &[250, 500, 1000, 2000]),
        (&DOCKER, Config, Status(429), none),
        (&DOCKER, Layer, Status(502), layer),
        (&DOCKER, Layer, Reset, layer),
        // The request that asks for the length is not looked at, whatever comes.
        (&DOCKER, Layer, Status(404), &[0]),
        (&DOCKER, Layer, Silent, none),
        (&DOCKER, Pull, Status(503), none),
        (&CONTAINERD, Manifest, Status(429), &[0, 0, 0, 0]),
        (&CONTAINERD, Layer, Status(408), &[0, 0, 0, 0]),
        (&CONTAINERD, Manifest, Status(503), &[0]),
        (&CONTAINERD, Manifest, Status(502), none),
        (&CONTAINERD, Token, Status(503), none),
        (&CONTAINERD, Layer, Cut, &[50, 50, 50, 50]),
        (&CONTAINERD, Layer, Reset, none),
        (&CONTAINERD, Pull, Refused, none),
        (&PODMAN, Ping, Status(429), &[2000, 4000, 8000, 16_000]),
        (&PODMAN, Token, Status(429), none),
        (&PODMAN, Layer, Status(503), none),
        (&PODMAN, Pull, Status(503), &[1000, 1000, 1000]),
        (&PODMAN, Pull, Status(500), none),
        (&PODMAN, Pull, Status(404), none),
        (&PODMAN, Pull, Coded(400), &[1000, 1000, 1000]),
        (&PODMAN, Ping, Coded(429), &[2000, 4000, 8000, 16_000]),
        (&DOCKER, Layer, Coded(404), &[0]),
        (&CONTAINERD, Manifest, Coded(429), &[0, 0, 0, 0]),
        (&PODMAN, Pull, Refused, &[1000, 1000, 1000]),
        (&PODMAN, Pull, Cut, &[1000, 1000, 1000]),
        (&PODMAN, Pull, Silent, none),
        (&PODMAN, Pull, Other, none),
        (&CRI_O, Layer, Status(429), &[2000, 4000, 8000, 16_000]),
        (&CRI_O, Pull, Refused, none),
    ] {
        let got = waits(policy, asked, came);
        assert_eq!(got, wanted, "{} {asked:?} {came:?}", policy.who);
    }
}

#[test]
fn what_differs_from_the_last_try_is_asked_for_again() {
    let came = [Came::Status(503), Came::Status(500)];
    let again = |came| CONTAINERD.again(Asked::Manifest, came, None, true, Own::default());
    assert!(again(&came[..]).is_some());
    assert!(again(&[Came::Status(500), Came::Status(500)]).is_none());
}

#[test]
fn containerd_goes_on_to_the_next_host_rather_than_to_a_further_try() {
    let again = |came, last| CONTAINERD.again(Asked::Manifest, &[came], None, last, Own::default());
    assert!(again(Came::Status(503), false).is_none());
    assert!(again(Came::Cut, false).is_none());
    assert!(again(Came::Status(429), false).is_some());
}

#[test]
fn podmans_repeats_are_those_of_its_configuration() {
    let own = |times, seconds| Own {
        repeats: Repeats {
            times: Some(times),
            delay: Some(Duration::from_secs(seconds)),
        },
        release: None,
    };
    let again = |asked, own| PODMAN.again(asked, &[Came::Refused], None, true, own);
    assert_eq!(again(Asked::Pull, own(0, 1)), None);
    let after = again(Asked::Pull, own(1, 7)).map(|again| again.after.as_secs());
    assert_eq!(after, Some(7));
    assert_eq!(again(Asked::Ping, own(1, 7)), None);
}

#[test]
fn a_wait_that_the_registry_asks_for_is_kept_up_to_a_minute() {
    let told = |seconds| {
        let told = Some(Duration::from_secs(seconds));
        let again = PODMAN.again(
            Asked::Ping,
            &[Came::Status(429)],
            told,
            true,
            Own::default(),
        );
        again.map(|again| (again.after.as_secs(), again.told))
    };
    assert_eq!(told(7), Some((7, true)));
    assert_eq!(told(3600), Some((60, true)));
}

#[test]
fn dockers_tries_of_a_layer_are_those_of_its_configuration() {
    let own = Own {
        repeats: Repeats {
            // One attempt is two requests.
            times: Some(1),
            delay: None,
        },
        release: None,
    };
    let again = |asked, came: &[Came]| DOCKER.again(asked, came, None, true, own).is_some();
    let down = Came::Status(503);
    assert!(again(Asked::Layer, &[down]));
    assert!(!again(Asked::Layer, &[down, down]));
    assert!(again(Asked::Config, &[down, down]));
}

#[test]
fn a_reset_is_told_from_an_end_in_a_row_too() {
    use crate::hops::follow::broken;
    use crate::rows::Row;
    use std::io::{Error, ErrorKind};

    for (kind, wanted) in [
        (ErrorKind::ConnectionReset, Came::Reset),
        (ErrorKind::UnexpectedEof, Came::Cut),
    ] {
        let row = broken(Row::new(Hop::Manifest, ""), &Error::from(kind));
        assert_eq!(Came::of_row(row.so_far()), wanted);
    }
}

#[test]
fn what_podman_takes_for_lasting_is_a_code_and_no_status() {
    use crate::rows::Row;

    for (hop, status, code, wanted) in [
        (Hop::Manifest, 400, "UNKNOWN", Came::Coded(400)),
        (Hop::Ping, 429, "TOOMANYREQUESTS", Came::Coded(429)),
        (Hop::Layer, 404, "BLOB_UNKNOWN", Came::Coded(404)),
        (Hop::Manifest, 404, "MANIFEST_UNKNOWN", Came::Status(404)),
        (Hop::Manifest, 404, "NAME_UNKNOWN", Came::Status(404)),
        (Hop::Manifest, 403, "DENIED", Came::Status(403)),
        (Hop::Manifest, 401, "UNKNOWN", Came::Status(401)),
        (Hop::Manifest, 500, "UNKNOWN", Came::Status(500)),
        (Hop::Token, 400, "UNKNOWN", Came::Status(400)),
    ] {
        let row = Row::new(hop, "")
            .fact("http_status", status)
            .fact("error_code", code)
            .failed("odd", "");
        assert_eq!(Came::of_row(row.so_far()), wanted, "{hop} {status} {code}");
        let alone = row.fact(CODE_ALONE, "yes");
        let alone = Came::of_row(alone.so_far());
        assert!(
            matches!(alone, Came::Status(_)),
            "{status} {code}: {alone:?}"
        );
    }
}

#[test]
fn what_came_with_a_release_is_not_done_before() {
    let of = |release| Own {
        release: Some(release),
        ..Own::default()
    };
    let down = [Came::Status(503)];
    for (policy, asked, before, since) in [
        (&CONTAINERD, Asked::Manifest, [1, 6, 20], [2, 1, 0]),
        (&PODMAN, Asked::Pull, [5, 4, 2], [5, 5, 0]),
    ] {
        let again = |own| policy.again(asked, &down, None, true, own).is_some();
        assert!(!again(of(before)) && again(of(since)) && again(Own::default()));
    }
    for (docker, own) in [
        ([20, 10, 24], [1, 7, 0]),
        ([28, 2, 2], [1, 7, 0]),
        ([28, 5, 2], [2, 1, 3]),
        ([29, 6, 0], [2, 1, 3]),
        ([29, 7, 2], [2, 3, 3]),
        ([30, 0, 0], [2, 3, 3]),
    ] {
        assert_eq!(containerd_in(docker), Some(own), "{docker:?}");
    }
    assert_eq!(PODMAN.resume(of([4, 3, 1])), Resume::Never);
    assert_eq!(PODMAN.resume(of([4, 5, 0])).since(), None);
    assert!(PODMAN.resume(Own::default()).since().is_some());
}
