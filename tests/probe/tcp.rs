//! TCP without TLS.

use leeward::health::{ProbeKind, TcpProbe};

use crate::endpoint::{Play, ScriptedEndpoint, closed_address};
use crate::probing::{AMPLE, SCARCE, observe, probe, tcp_probe};

fn tcp(send: Option<&str>, contains: Option<&str>, regex: Option<&str>) -> ProbeKind {
    ProbeKind::Tcp(TcpProbe {
        send: send.map(str::to_owned),
        contains: contains.map(str::to_owned),
        regex: regex.map(str::to_owned),
        ..tcp_probe()
    })
}

#[tokio::test]
async fn names_what_is_wrong_with_a_reply() {
    let hold = |text: &str| Play::SayAndHold(text.into());
    let ping = Some("PING\r\n");
    #[rustfmt::skip]
    let cases = [
        ("connects", Play::say(""), tcp(None, None, None), "connected"),
        ("text", hold("+PONG\r\n"), tcp(ping, Some("+PONG"), None), "replied as expected"),
        ("pattern", hold("220 mail ESMTP\r\n"), tcp(ping, None, Some("^220 ")), "replied as expected"),
        ("a reset after the reply", Play::SayAndReset(b"+PONG\r\n".to_vec()), tcp(ping, Some("+PONG"), None), "replied as expected"),
        ("wrong reply", Play::say("-ERR\r\n"), tcp(ping, Some("+PONG"), None), "reply lacks \"+PONG\" (6 bytes searched)"),
        ("wrong reply, then silence", hold("-ERR\r\n"), tcp(ping, Some("+PONG"), None), "reply lacks \"+PONG\" (6 bytes searched)"),
        ("silence", hold(""), tcp(ping, Some("+PONG"), None), "timed out after 80 ms waiting for the expected reply"),
        ("closes", Play::say(""), tcp(ping, Some("+PONG"), None), "connection closed waiting for the expected reply"),
        ("resets", Play::SayAndReset(vec![]), tcp(ping, Some("+PONG"), None), "connection reset waiting for the expected reply"),
        ("endless", Play::Repeat(vec![], vec![b'.'; 999]), tcp(ping, Some("+PONG"), None), "reply lacks \"+PONG\" (5,120 bytes searched)"),
    ];
    for (name, play, kind, wanted) in cases {
        let is_scarce = name.ends_with("silence");
        let timeout = if is_scarce { SCARCE } else { AMPLE };
        let endpoint = ScriptedEndpoint::open(vec![play]).await;
        assert_eq!(
            probe(endpoint.address, kind, timeout).await,
            wanted,
            "{name}"
        );
    }
}

#[tokio::test]
async fn says_that_nobody_listens() {
    let evidence = probe(closed_address().await, tcp(None, None, None), AMPLE).await;
    assert_eq!(evidence, "connect refused");
}

#[tokio::test]
async fn measures_phases() {
    let endpoint = ScriptedEndpoint::open(vec![Play::say("x")]).await;
    let kind = tcp(Some("\n"), Some("x"), None);
    let phases = observe(endpoint.address, kind, AMPLE).await.phases;
    assert!(phases.connect.is_some() && phases.first_byte.is_some() && phases.tls.is_none());
}
