//! Cookies and limits of a running server, and secrets that change under it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leeward::wire::{CookieSecrets, CookieStanding};

use super::stage::{Live, fixed_zone};
use crate::wait::wait_for;

const FIRST: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const SECOND: &str = "445536bcd2513298075a5d379663c962";
/// `www.a.example A` without EDNS.
const QUERY: &[u8] = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x03www\x01a\x07example\0\0\x01\0\x01";

fn with_cookie(cookie: &[u8]) -> Vec<u8> {
    let mut message = QUERY.to_vec();
    message[11] = 1;
    let len = cookie.len() as u8;
    message.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, len + 4, 0, 10, 0, len]);
    message.extend_from_slice(cookie);
    message
}

fn client(live: &Live) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(live.dns()).expect("an address");
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a time");
    socket
}

fn exchange(socket: &UdpSocket, message: &[u8]) -> Vec<u8> {
    let mut reply = [0; 4096];
    socket.send(message).expect("a server");
    let len = socket.recv(&mut reply).expect("a reply");
    reply[..len].to_vec()
}

/// Asks for a cookie; it is the last option of the last record.
fn ask_cookie(socket: &UdpSocket) -> Vec<u8> {
    let reply = exchange(socket, &with_cookie(&[7; 8]));
    reply[reply.len() - 24..].to_vec()
}

fn standing(secrets: &str, cookie: &[u8]) -> CookieStanding {
    let secrets = CookieSecrets::parse(secrets).expect("secrets");
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_secs = since.expect("after 1970").as_secs() as u32;
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    secrets.verify(cookie, client, now_secs).0
}

#[test]
fn cookie_secrets_are_shared_and_exchanged_while_running() {
    let mut path = None;
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |config, folder| {
            let file = folder.join("secrets");
            fs::write(&file, FIRST).expect("a writable folder");
            config.cookies.secret_file = Some(file.clone());
            config.cookies.is_required = true;
            path = Some(file);
        },
    );
    let path = path.expect("it was set");
    let socket = client(&live);
    let cookie = ask_cookie(&socket);
    // Another server with the same secret knows the client.
    assert_eq!(standing(FIRST, &cookie), CookieStanding::Valid);
    let rcode = |reply: &[u8]| reply[3] & 15;
    assert_eq!(rcode(&exchange(&socket, &with_cookie(&cookie))), 0);
    fs::write(&path, format!("{SECOND}\n{FIRST}\n")).expect("a writable folder");
    let renewed = wait_for("a cookie of the new secret", || {
        let cookie = ask_cookie(&socket);
        (standing(SECOND, &cookie) == CookieStanding::Valid).then_some(cookie)
    });
    // The old cookie is still good; the low bits of BADCOOKIE are 7.
    assert_eq!(rcode(&exchange(&socket, &with_cookie(&cookie))), 0);
    fs::write(&path, SECOND).expect("a writable folder");
    wait_for("the old cookie to be refused", || {
        (rcode(&exchange(&socket, &with_cookie(&cookie))) == 7).then_some(())
    });
    // A file that means nothing changes nothing.
    fs::write(&path, "nonsense").expect("a writable folder");
    live.running().reload();
    live.write("a.toml", &fixed_zone("a.example", "192.0.2.2"));
    live.wait_answer("www.a.example", "192.0.2.2");
    assert_eq!(rcode(&exchange(&socket, &with_cookie(&renewed))), 0);
}

#[test]
fn a_flood_is_limited_and_counted() {
    let live = Live::start(
        &[("a.toml", &fixed_zone("a.example", "192.0.2.1"))],
        |config, _| {
            config.rate_limit.answers_per_second = 1;
            config.rate_limit.allow.clear();
            config.udp.payload_size = 700;
        },
    );
    let socket = client(&live);
    for _ in 0..20 {
        socket.send(QUERY).expect("a server");
    }
    let metric = |name: &str| {
        let text = live.get("/metrics");
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse::<f64>().ok()
    };
    let dropped = "leeward_queries_dropped_total{transport=\"udp\",reason=\"rate-limit\"}";
    wait_for("drops and slips to be counted", || {
        let is_counted = metric(dropped)? > 5.0
            && metric("leeward_answers_slipped_total")? > 5.0
            && metric("leeward_cookies_total{worth=\"valid\"}")? == 0.0;
        is_counted.then_some(())
    });
    // A client with a valid cookie is not limited, and is told the payload size that was set.
    let socket = client(&live);
    let patience = Duration::from_millis(100);
    socket.set_read_timeout(Some(patience)).expect("a time");
    let cookie = wait_for("a slipped answer with a cookie", || {
        socket.send(&with_cookie(&[7; 8])).ok()?;
        let mut reply = [0; 512];
        let len = socket.recv(&mut reply).ok()?;
        (reply[11] == 1).then(|| reply[len - 24..len].to_vec())
    });
    let socket = client(&live);
    for _ in 0..10 {
        let reply = exchange(&socket, &with_cookie(&cookie));
        assert_eq!((reply[2] & 2, reply[3] & 15), (0, 0));
        let opt = reply.len() - 28 - 11;
        assert_eq!(reply[opt + 3..opt + 5], 700u16.to_be_bytes());
    }
}
