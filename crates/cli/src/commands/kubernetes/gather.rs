//! Asking the cluster: pods and events, then what the failing pods name, until nothing is open.

use std::sync::{Mutex, PoisonError};
use std::thread;

use pullwhy_platform::kubernetes::{Asked, Cluster, Need, Scope, secrets_in_table};
use serde_json::Value;

use super::kubectl::{Kubectl, Said};
use crate::exit::Failure;

/// Commands that run at the same time.
const AT_ONCE: usize = 4;
/// Rounds of questions: accounts name secrets, a missing secret is looked for elsewhere.
const ROUNDS: usize = 4;

/// Reads everything that the failing pods of a scope hang on.
pub(super) fn cluster(kubectl: &Kubectl, scope: &Scope) -> Result<Cluster, Failure> {
    let now = jiff::Timestamp::now();
    let mut cluster = Cluster::new(Some(now), scope.pod.clone());
    let pods = scope.pods();
    let answer = match kubectl.ask(&pods)? {
        Said::NotThere(why) => return Err(no_pod(scope, &why)),
        other => json(other),
    };
    cluster.put_pods(&pods.shown, answer.as_ref().map_err(Clone::clone));
    drop(answer);
    let events = scope.events();
    let answer = json(kubectl.ask(&events)?);
    cluster.put_events(&events.shown, answer.as_ref().map_err(Clone::clone));
    drop(answer);
    for _ in 0..ROUNDS {
        let needs = cluster.needs();
        if needs.is_empty() {
            break;
        }
        for (need, asked, answer) in at_once(kubectl, scope, needs)? {
            let answer = answer.as_ref().map(Option::as_ref).map_err(Clone::clone);
            cluster.put(need, &asked.shown, answer);
        }
    }
    Ok(cluster)
}

fn no_pod(scope: &Scope, why: &str) -> Failure {
    let pod = scope.pod.as_deref().unwrap_or("POD");
    Failure::new(format!("no pod `{pod}`: {why}"))
        .help("see which there are: kubectl get pods --all-namespaces")
}

fn json(said: Said) -> Result<Value, String> {
    match said {
        Said::Answer(bytes) => {
            serde_json::from_slice(&bytes).map_err(|_| "the answer is no JSON".to_owned())
        }
        Said::NotThere(why) | Said::Refused(why) => Err(why),
    }
}

type Answered = (Need, Asked, Result<Option<Value>, String>);

/// Runs some commands side by side.
fn at_once(kubectl: &Kubectl, scope: &Scope, needs: Vec<Need>) -> Result<Vec<Answered>, Failure> {
    let waiting = Mutex::new(needs.into_iter());
    let done = Mutex::new(Vec::new());
    thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                loop {
                    let next = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .next();
                    let Some(need) = next else { return };
                    let asked = scope.need(&need);
                    let answer = kubectl.ask(&asked).map(|said| answered(&need, said));
                    let failed = answer.is_err();
                    let answered = answer.map(|a| (need, asked, a));
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(answered);
                    if failed {
                        // Without a login, all others fail alike.
                        let mut rest = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                        rest.by_ref().for_each(drop);
                        return;
                    }
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.into_iter().collect()
}

fn answered(need: &Need, said: Said) -> Result<Option<Value>, String> {
    match (need, said) {
        (Need::Elsewhere(_), Said::Answer(table)) => {
            Ok(Some(secrets_in_table(&String::from_utf8_lossy(&table))))
        }
        (_, Said::NotThere(_)) => Ok(None),
        (_, said) => json(said).map(Some),
    }
}
