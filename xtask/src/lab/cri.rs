//! A very small client of the Container Runtime Interface: one request, `PullImage`, as the kubelet
//! sends it. curl speaks HTTP/2 over the socket; the message is written by hand.
//!
//! Fields: `PullImageRequest { ImageSpec image = 1; AuthConfig auth = 2; }`, `ImageSpec { string
//! image = 1; }`, `AuthConfig { string username = 1; string password = 2; }` (cri-api,
//! `pkg/apis/runtime/v1/api.proto`).

use std::fs;

/// Where the request is written.
const REQUEST: &str = "/run/lab/request";

/// curl's command line; the request is written for it.
pub(crate) fn command(image: &str, creds: Option<&str>) -> Vec<String> {
    let mut request = field(1, &field(1, image.as_bytes()));
    if let Some((user, password)) = creds.and_then(|creds| creds.split_once(':')) {
        let auth = [field(1, user.as_bytes()), field(2, password.as_bytes())].concat();
        request.extend(field(2, &auth));
    }
    let length = u32::try_from(request.len()).unwrap_or(u32::MAX);
    // A message of gRPC: not compressed, its length, itself.
    let message = [&[0][..], &length.to_be_bytes(), &request].concat();
    // curl says so if it is not there.
    let _ = fs::write(REQUEST, message);
    let line = [
        "curl",
        "--silent",
        "--show-error",
        "--dump-header",
        "-",
        "--http2-prior-knowledge",
        "--unix-socket",
        "/run/containerd/containerd.sock",
        "--header",
        "content-type: application/grpc",
        "--header",
        "te: trailers",
        "--data-binary",
        "@/run/lab/request",
        "--output",
        "/dev/null",
        "http://localhost/runtime.v1.ImageService/PullImage",
    ];
    line.map(str::to_owned).to_vec()
}

/// What is recorded as the command line.
pub(crate) fn shown(image: &str) -> String {
    format!("PullImage {image}")
}

/// The answer in the words of Go's client of gRPC, which the kubelet and crictl print; `None` if
/// the image was pulled.
pub(crate) fn told(answer: &str) -> (bool, String) {
    let trailer = |name: &str| {
        let lines = answer.lines();
        let mut found = lines.filter_map(|line| line.strip_prefix(name));
        found.next_back().map(|value| value.trim().to_owned())
    };
    match trailer("grpc-status: ").as_deref() {
        Some("0") => (true, String::new()),
        Some(code) => {
            let message = percent_decoded(&trailer("grpc-message: ").unwrap_or_default());
            let code = code.parse().ok().and_then(|at: usize| CODES.get(at));
            let code = code.unwrap_or(&"Unknown");
            (
                false,
                format!("rpc error: code = {code} desc = {message}\n"),
            )
        }
        None => (false, answer.to_owned()),
    }
}

/// Codes of gRPC by number.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// A field of Protocol Buffers that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3);
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_as_gos_client_prints_it() {
        let answer = "HTTP/2 200 \r\ngrpc-status: 5\r\ngrpc-message: no %22x%22: 100%25 gone\r\n";
        let wanted = "rpc error: code = NotFound desc = no \"x\": 100% gone\n";
        assert_eq!(told(answer), (false, wanted.to_owned()));
        assert!(told("HTTP/2 200 \r\n\r\ngrpc-status: 0\r\ngrpc-message: \r\n").0);
        assert!(!told("curl: (7) Failed to connect\n").0);
    }

    #[test]
    fn lengths_above_127_take_two_bytes() {
        let long = field(2, &[b'x'; 300]);
        assert_eq!(&long[..3], &[0x12, 0xac, 0x02]);
    }
}
