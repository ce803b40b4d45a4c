//! An HTTP/1.1 request, octet for octet as the check says.
//!
//! In: method, path, host, headers. Out: octets. Never here: connections.
//!
//! No library writes it, because names of headers are to go out in the case they are written in: some servers and
//! filters in the field look for that.

use std::fmt::Write as _;

/// Parts of a request.
#[derive(Clone, Copy, Debug)]
pub(in crate::probe) struct Request<'a> {
    pub(in crate::probe) method: &'a str,
    /// Path and query.
    pub(in crate::probe) path: &'a str,
    /// Host, with its port where that is not the usual one.
    pub(in crate::probe) host: &'a str,
    pub(in crate::probe) user_agent: &'a str,
    /// Headers of the check; they replace those that are sent otherwise.
    pub(in crate::probe) headers: &'a [(String, String)],
}

/// Methods whose requests say how long their body is even if there is none (RFC 9110, section 8.6).
const METHODS_WITH_BODY: [&str; 3] = ["POST", "PUT", "PATCH"];

/// Writes a request without a body; else returns the header that cannot be sent.
pub(in crate::probe) fn write_request(request: &Request<'_>) -> Result<Vec<u8>, Box<str>> {
    let mut text = format!("{} ", request.method);
    write_path(&mut text, request.path);
    text += " HTTP/1.1\r\n";
    let usual = [
        ("Host", request.host),
        ("User-Agent", request.user_agent),
        ("Accept", "*/*"),
        ("Connection", "close"),
    ];
    let length = METHODS_WITH_BODY
        .contains(&request.method)
        .then_some(("Content-Length", "0"));
    let is_written = |name: &str| {
        let mut written = request.headers.iter();
        written.any(|(written, _)| written.eq_ignore_ascii_case(name))
    };
    let usual = usual
        .into_iter()
        .chain(length)
        .filter(|(name, _)| !is_written(name));
    let written = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in usual.chain(written) {
        let breaks = |text: &str| text.contains(['\r', '\n', '\0']);
        if breaks(name) || breaks(value) {
            return Err(format!("header {name:?} holds a line break").into());
        }
        text += &format!("{name}: {value}\r\n");
    }
    text += "\r\n";
    Ok(text.into_bytes())
}

/// Writes a path as it stands in the check, except for octets that no request line may hold; without a fragment, which
/// is never sent (RFC 9110, section 7.1).
fn write_path(text: &mut String, path: &str) {
    for octet in path.split('#').next().unwrap_or_default().bytes() {
        match octet {
            0x21..=0x7e => text.push(char::from(octet)),
            _ => write!(text, "%{octet:02X}").expect("a String takes everything"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers: Vec<_> = headers.iter().map(own).collect();
        let request = Request {
            method,
            path,
            host: "www.example.com:81",
            user_agent: "leeward",
            headers: &headers,
        };
        String::from_utf8(write_request(&request).expect("a request")).expect("text")
    }

    #[test]
    fn writes_headers_in_the_case_they_are_written_in() {
        let headers = [
            ("X_Under_Score", "1"),
            ("x-LOWER", "zwei µ"),
            ("USER-agent", "Amazon-Route53"),
        ];
        assert_eq!(
            write("GET", "/a?b=%20c", &headers),
            "GET /a?b=%20c HTTP/1.1\r\nHost: www.example.com:81\r\nAccept: */*\r\nConnection: close\r\n\
             X_Under_Score: 1\r\nx-LOWER: zwei µ\r\nUSER-agent: Amazon-Route53\r\n\r\n"
        );
    }

    #[test]
    fn says_that_there_is_no_body_where_one_could_be() {
        // F35: servers answer 411 without it.
        for (method, wanted) in [
            ("POST", true),
            ("PUT", true),
            ("PATCH", true),
            ("GET", false),
            ("HEAD", false),
            ("OPTIONS", false),
        ] {
            let text = write(method, "/", &[]);
            assert_eq!(
                text.contains("\r\nContent-Length: 0\r\n"),
                wanted,
                "{method}"
            );
        }
        let text = write("POST", "/", &[("content-length", "0")]);
        assert_eq!(
            text.to_ascii_lowercase().matches("content-length").count(),
            1
        );
    }

    #[test]
    fn lets_nothing_into_the_request_line_or_out_of_a_header() {
        assert!(
            write("GET", "/ü \r\nX: y#z", &[])
                .starts_with("GET /%C3%BC%20%0D%0AX:%20y HTTP/1.1\r\n")
        );
        let headers = [("X".to_owned(), "a\r\nY: b".to_owned())];
        let request = Request {
            method: "GET",
            path: "/",
            host: "h",
            user_agent: "u",
            headers: &headers,
        };
        assert!(write_request(&request).is_err());
    }
}
