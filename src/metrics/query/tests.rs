//! Counters and sums, by label.

use super::*;

#[test]
fn sums_the_blocks_of_several_workers_by_label() {
    let blocks = [
        Arc::new(QueryCounters::default()),
        Arc::new(QueryCounters::default()),
    ];
    for block in &blocks {
        block.count_answer(QueryTransport::Udp, 28, 0, AnswerSource::Dynamic);
    }
    blocks[1].count_answer(QueryTransport::Tcp, 257, 16, AnswerSource::Error);
    blocks[1].count_silence(QueryTransport::Udp, SilentReason::SourcePortZero);
    blocks[0].count_truncated();
    blocks[0].count_slipped();
    blocks[1].count_cookie(CookieEvent::Valid);
    let totals = QueryTotals::sum(&blocks);
    let seen: Vec<_> = totals
        .queries()
        .map(|q| (q.transport, q.rtype, q.rcode, q.count))
        .collect();
    assert_eq!(
        seen,
        [("udp", "AAAA", "NOERROR", 2), ("tcp", "other", "other", 1)]
    );
    assert_eq!(totals.answered(), 3);
    assert_eq!((totals.truncated(), totals.slipped()), (1, 1));
    assert!(totals.cookies().any(|c| c == ("valid", 1)));
    assert!(totals.sources().any(|s| s == ("udp", "dynamic", 2)));
    assert!(totals.sources().any(|s| s == ("udp", "silent", 1)));
    assert!(totals.silent().any(|s| s == ("udp", "source-port-zero", 1)));
}

#[test]
fn gives_every_type_and_rcode_its_class() {
    let types = [
        (1, "A"),
        (2, "NS"),
        (5, "CNAME"),
        (6, "SOA"),
        (12, "PTR"),
        (15, "MX"),
        (16, "TXT"),
        (28, "AAAA"),
        (33, "SRV"),
        (65, "HTTPS"),
        (255, "ANY"),
        (0, "other"),
        (65_535, "other"),
    ];
    for (number, label) in types {
        assert_eq!(TYPES[type_class(number)], label, "type {number}");
    }
    let rcodes = [
        (0, "NOERROR"),
        (1, "FORMERR"),
        (2, "SERVFAIL"),
        (3, "NXDOMAIN"),
        (4, "NOTIMP"),
        (5, "REFUSED"),
        (6, "other"),
        (4_095, "other"),
    ];
    for (number, label) in rcodes {
        assert_eq!(RCODES[rcode_class(number)], label, "rcode {number}");
    }
}

#[test]
fn sorts_batches_into_buckets() {
    let block = Arc::new(QueryCounters::default());
    for size in [1, 2, 3, 4, 16, 31, 32, 64] {
        block.count_batch(size);
    }
    let totals = QueryTotals::sum(&[block]);
    let wanted = [(1, 1), (3, 2), (7, 1), (15, 0), (31, 2), (32, 2)];
    assert_eq!(totals.batches().collect::<Vec<_>>(), wanted);
}

#[test]
fn keeps_two_workers_off_one_cache_line() {
    assert_eq!(align_of::<QueryCounters>(), 128);
    assert_eq!(size_of::<QueryCounters>() % 128, 0);
}

#[test]
fn knows_how_many_connections_are_open() {
    let block = Arc::new(QueryCounters::of(QueryTransport::Tcp));
    let sealed = Arc::new(QueryCounters::of(QueryTransport::Tls));
    for event in [TcpEvent::Opened, TcpEvent::Opened, TcpEvent::Closed] {
        block.count_tcp(event);
        sealed.count_tcp(event);
    }
    sealed.count_tcp(TcpEvent::HandshakeFailed);
    block.count_udp(UdpEvent::SendError, 3);
    let totals = QueryTotals::sum(&[block, sealed]);
    assert_eq!(totals.tcp_current(), 2);
    assert!(totals.open_connections().any(|row| row == ("tls", 1)));
    let mut events = totals.connections();
    assert!(events.any(|row| row == ("tls", "handshake-failed", 1)));
    assert_eq!(totals.udp(UdpEvent::SendError), 3);
}
