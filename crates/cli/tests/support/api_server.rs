//! The reading half of a Kubernetes API server, over plain HTTP on loopback: discovery, single objects
//! and lists with a field selector.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// Resource, kind, whether it is in namespaces.
const RESOURCES: [(&str, &str, bool); 5] = [
    ("pods", "Pod", true),
    ("events", "Event", true),
    ("secrets", "Secret", true),
    ("serviceaccounts", "ServiceAccount", true),
    ("nodes", "Node", false),
];

/// A running server.
pub(crate) struct ApiServer {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl ApiServer {
    /// Serves these objects, and refuses these resources; `*`: wants a login for everything.
    pub(crate) fn start(objects: Vec<Value>, refused: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (noted, objects) = (Arc::clone(&requests), Arc::new(objects));
        let refused: Arc<Vec<String>> = Arc::new(refused.iter().map(|r| (*r).to_owned()).collect());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, objects, refused) = (
                    Arc::clone(&noted),
                    Arc::clone(&objects),
                    Arc::clone(&refused),
                );
                thread::spawn(move || serve(&stream, &noted, &objects, &refused));
            }
        });
        Self { address, requests }
    }

    /// A port on which nobody listens.
    pub(crate) fn gone() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        Self {
            address,
            requests: Arc::default(),
        }
    }

    pub(crate) fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "shop"}}],
        })
        .to_string()
    }

    /// Method and path of each request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

fn serve(stream: &TcpStream, noted: &Mutex<Vec<String>>, objects: &[Value], refused: &[String]) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let mut out = stream;
    while let Some(first) = lines.next() {
        // No request of a reader has a body.
        for _ in lines.by_ref().take_while(|l| !l.is_empty()) {}
        let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let path = target.split('?').next().unwrap_or_default();
        let method = first.split(' ').next().unwrap_or_default();
        noted
            .lock()
            .expect("not poisoned")
            .push(format!("{method} {path}"));
        let (status, body) = answer(&target, objects, refused);
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if out
            .write_all(head.as_bytes())
            .and_then(|()| out.write_all(body.as_bytes()))
            .is_err()
        {
            return;
        }
    }
}

fn answer(target: &str, objects: &[Value], refused: &[String]) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if refused.iter().any(|r| r == "*") {
        return failure(401, "Unauthorized", "Unauthorized");
    }
    let verbs = json!(["get", "list"]);
    match path {
        "/version" => {
            return (
                200,
                json!({"major": "1", "minor": "30", "gitVersion": "v1.30.0"}),
            );
        }
        "/api" => return (200, json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => {
            return (
                200,
                json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []}),
            );
        }
        "/api/v1" => {
            let resources: Vec<Value> = RESOURCES
                .iter()
                .map(|(name, kind, spaced)| {
                    json!({"name": name, "kind": kind, "namespaced": spaced, "verbs": verbs,
                           "singularName": name.trim_end_matches('s')})
                })
                .collect();
            let list =
                json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": resources});
            return (200, list);
        }
        _ => {}
    }
    let parts: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').collect();
    let (space, rest) = match parts.as_slice() {
        ["namespaces", space, rest @ ..] if !rest.is_empty() => (Some(*space), rest),
        rest => (None, rest),
    };
    let Some((resource, kind, _)) = RESOURCES
        .iter()
        .find(|(name, ..)| rest.first() == Some(name))
    else {
        return failure(
            404,
            "NotFound",
            "the server could not find the requested resource",
        );
    };
    if refused.iter().any(|r| r == resource) {
        let why =
            format!("{resource} is forbidden: User \"dev\" cannot get resource \"{resource}\"");
        return failure(403, "Forbidden", &why);
    }
    let selector = query
        .split('&')
        .find_map(|p| p.strip_prefix("fieldSelector="));
    let selector = selector.map(|s| s.replace("%3D", "="));
    let fits = |o: &&Value| {
        let at = |pointer: &str| o.pointer(pointer).and_then(Value::as_str);
        let selected = selector.as_ref().is_none_or(|s| {
            let (field, value) = s.split_once('=').unwrap_or((s, ""));
            at(&format!("/{}", field.replace('.', "/"))) == Some(value)
        });
        at("/kind") == Some(kind)
            && space.is_none_or(|space| at("/metadata/namespace") == Some(space))
            && selected
    };
    let mut own = objects.iter().filter(fits);
    match rest.get(1) {
        None => {
            let items: Vec<&Value> = own.collect();
            let list = json!({"kind": format!("{kind}List"), "apiVersion": "v1", "metadata": {}, "items": items});
            (200, list)
        }
        Some(name) => match own.find(|o| o["metadata"]["name"] == *name) {
            Some(object) => (200, object.clone()),
            None => failure(404, "NotFound", &format!("{resource} \"{name}\" not found")),
        },
    }
}

fn failure(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message,
        "code": code,
    });
    (code, status)
}
