//! Whatever is sent to the control API, a running server answers in time with HTTP and no 5xx of its own making, errors as
//! JSON, or closes; and goes on serving.
//!
//! Octets that begin with a capital letter are sent as they are; after any other first octet the rest is the goal of a GET,
//! or of a POST if that octet is odd.
#![no_main]

use leeward_fuzz::loopback::Api;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static API: Api = Api::start();
}

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let request = match (first.is_ascii_uppercase(), first % 2) {
        (true, _) => input.to_vec(),
        (false, parity) => {
            let method = [&b"GET"[..], b"POST"][usize::from(parity)];
            let (head, body) = (&b" /api/"[..], &b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"[..]);
            [method, head, rest, body].concat()
        }
    };
    API.with(|api| {
        let response = api.ask(&request);
        if response.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&response);
        let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        let status: u16 = status.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{text}"));
        assert!(status < 500 || status == 505, "{text}");
        if let Some((_, body)) = text.split_once("\r\n\r\n") {
            let is_ours = text.contains("application/json") && !text.contains("transfer-encoding: chunked");
            if is_ours && !request.starts_with(b"HEAD") && !body.contains("HTTP/1.1") {
                serde_json::from_str::<serde_json::Value>(body).unwrap_or_else(|fault| panic!("{fault}: {text}"));
            }
        }
        assert_eq!(api.zones(), 1);
    });
});
