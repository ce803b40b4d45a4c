//! Order of eviction, and counting of places.

use super::*;

fn places(total_max: usize, per_client_max: usize, per_prefix_max: usize) -> Places {
    Places {
        total_max,
        per_client_max,
        per_prefix_max,
    }
}

/// A client of a prefix of its own.
fn client(number: u8) -> IpAddr {
    IpAddr::from([192, 0, number, 1])
}

fn let_in<H>(registry: &mut Registry<H>, address: IpAddr, name: H) -> (Ticket, Option<H>) {
    let admission = registry.admit(address);
    registry.attach(admission.ticket, name);
    (admission.ticket, admission.evicted)
}

#[test]
fn closes_the_longest_idle_of_all_when_none_has_more_than_others() {
    let mut registry = Registry::new(places(3, 3, 3));
    let tickets = [1, 2, 3].map(|number| let_in(&mut registry, client(number), number).0);
    tickets.iter().for_each(|ticket| registry.touch(*ticket));
    registry.touch(tickets[0]);
    for (number, wanted) in [(4, 2), (5, 3), (6, 1)] {
        let (ticket, evicted) = let_in(&mut registry, client(number), number);
        registry.touch(ticket);
        assert_eq!(evicted, Some(wanted));
    }
    assert_eq!(registry.open(), 3);
}

#[test]
fn closes_what_was_never_used_first_of_a_client_or_prefix_at_its_limit() {
    let mut registry = Registry::new(places(10, 2, 3));
    let_in(&mut registry, client(1), "other");
    let (used, _) = let_in(&mut registry, client(2), "mine, old and used");
    registry.touch(used);
    let_in(&mut registry, client(2), "mine, new");
    let (_, evicted) = let_in(&mut registry, client(2), "mine, newer");
    assert_eq!(evicted, Some("mine, new"));
    let neighbour = |last| IpAddr::from([192, 0, 2, last]);
    assert_eq!(let_in(&mut registry, neighbour(7), "neighbour").1, None);
    let (_, evicted) = let_in(&mut registry, neighbour(8), "neighbour 2");
    assert_eq!(evicted, Some("mine, newer"), "of the client with most");
    assert_eq!(registry.open(), 4);
}

#[test]
fn counts_those_behind_a_proxy_once_they_have_a_name() {
    let mut registry = Registry::new(places(3, 2, 3));
    let let_in = |registry: &mut Registry<u8>, number| {
        let admission = registry.admit_unknown();
        registry.attach(admission.ticket, number);
        (admission.ticket, admission.evicted)
    };
    let tickets = [1, 2, 3].map(|number| let_in(&mut registry, number).0);
    assert_eq!(registry.name(tickets[0], client(1)), None);
    assert_eq!(registry.name(tickets[0], client(2)), None, "one name each");
    assert_eq!(registry.name(tickets[1], client(1)), None);
    assert_eq!(registry.name(tickets[2], client(1)), Some(1));
    assert_eq!(registry.open(), 2);
    assert_eq!(let_in(&mut registry, 4).1, None);
    assert_eq!(let_in(&mut registry, 5).1, Some(2));
    assert_eq!(registry.name(tickets[1], client(1)), None, "gone already");
    registry.release(tickets[2]);
    assert_eq!(registry.open(), 2);
}

#[test]
fn forgets_a_connection_once() {
    let mut registry = Registry::new(places(1, 1, 1));
    let (first, _) = let_in(&mut registry, client(1), "first");
    let (second, evicted) = let_in(&mut registry, client(1), "second");
    assert_eq!(evicted, Some("first"));
    registry.release(first);
    registry.touch(first);
    assert_eq!(registry.open(), 1, "an old ticket frees nobody's place");
    registry.release(second);
    registry.release(second);
    assert_eq!(registry.open(), 0);
    assert!(registry.clients.numbers.is_empty() && registry.prefixes.numbers.is_empty());
    assert_eq!(registry.evict_first(), None);
}

#[test]
fn counts_ipv6_clients_by_their_network() {
    let cases = [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::1", "::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ];
    for (address, wanted) in cases {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(client_of(address).to_string(), wanted);
    }
    let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    assert_eq!(prefix_of(mapped), prefix_of(client(2)));
}

/// A flood: the client of each connection by its number, and whether it asks once.
struct Flood {
    name: &'static str,
    source: fn(u32) -> IpAddr,
    asks: bool,
}

/// X8: connections that churn push out one another, not those who wait half a second before they ask.
#[test]
fn an_honest_client_that_waits_before_it_asks_keeps_its_place_in_a_flood() {
    let v4 = |a, b| IpAddr::from([10, 0, a, b]);
    let floods = [
        (
            "40 addresses of its own /24",
            (|n| IpAddr::from([10, 0, 0, 1 + (n % 40) as u8])) as fn(_) -> _,
            false,
        ),
        (
            "40 addresses of 40 other /24",
            |n| IpAddr::from([10, 1, (n % 40) as u8, 1]),
            false,
        ),
        (
            "40 addresses that ask once",
            |n| IpAddr::from([10, 1, (n % 40) as u8, 1]),
            true,
        ),
        (
            "200 /24 that ask once",
            |n| IpAddr::from([10, 1, (n % 200) as u8, 1]),
            true,
        ),
        (
            "256 /64 of one /56",
            |n| IpAddr::from([0x2001, 0xdb8, 0, n as u16 & 0xff, 0, 0, 0, 1]),
            false,
        ),
        ("one address", |_| IpAddr::from([10, 1, 1, 1]), false),
    ]
    .map(|(name, source, asks)| Flood { name, source, asks });
    for flood in floods {
        let limits = crate::server::TcpLimits::default();
        let mut registry: Registry<u32> = Registry::new(limits.places());
        let honest = v4(0, 250);
        let mut waiting = std::collections::VecDeque::new();
        let mut lost = 0;
        // A second and a half of 7,200 connections each; an honest one every 200 ms, which asks after 500 ms.
        for number in 0..10_800u32 {
            let (ticket, evicted) = let_in(&mut registry, (flood.source)(number), 0);
            if flood.asks {
                registry.touch(ticket);
            }
            lost += u32::from(evicted == Some(1));
            if number % 1_440 == 0 {
                let (ticket, evicted) = let_in(&mut registry, honest, 1);
                lost += u32::from(evicted == Some(1));
                waiting.push_back((number + 3_600, ticket));
            }
            while waiting.front().is_some_and(|(due, _)| *due <= number) {
                let (_, ticket) = waiting.pop_front().unwrap();
                registry.touch(ticket);
                registry.release(ticket);
            }
        }
        assert_eq!(lost, 0, "{}", flood.name);
    }
}

#[test]
fn a_flood_of_silence_from_everywhere_pushes_out_nobody_who_asks() {
    let limits = crate::server::TcpLimits::default();
    let mut registry: Registry<u32> = Registry::new(limits.places());
    let resolver = client(1);
    let tickets: Vec<_> = (0..60)
        .map(|_| let_in(&mut registry, resolver, 1).0)
        .collect();
    tickets.iter().for_each(|ticket| registry.touch(*ticket));
    for number in 0..5_000u32 {
        let everywhere = IpAddr::from((number << 8 | 1).to_be_bytes());
        let (_, evicted) = let_in(&mut registry, everywhere, 0);
        assert_ne!(evicted, Some(1), "{number}");
    }
}

#[test]
fn one_prefix_leaves_half_of_the_places_to_others() {
    let limits = crate::server::TcpLimits::default();
    let mut registry: Registry<u32> = Registry::new(limits.places());
    for number in 0..5_000u32 {
        let_in(
            &mut registry,
            IpAddr::from([10, 0, 0, number as u8]),
            number,
        );
    }
    assert_eq!(registry.open(), limits.connections_max / 2);
}

proptest::proptest! {
    #[test]
    fn never_holds_more_than_its_limits(
        steps in proptest::collection::vec((0u8..5, 0u8..12), 0..200),
    ) {
        let mut registry = Registry::new(places(7, 3, 5));
        let mut tickets = Vec::new();
        for (what, number) in steps {
            let address = IpAddr::from([192, 0, number / 4, number % 4]);
            let pick = tickets.get(usize::from(number)).copied();
            match (what, pick) {
                (0, Some(ticket)) => registry.release(ticket),
                (1, Some(ticket)) => registry.touch(ticket),
                (2, Some(ticket)) => drop(registry.name(ticket, address)),
                (3, _) => {
                    let admission = registry.admit_unknown();
                    registry.attach(admission.ticket, ());
                    tickets.insert(0, admission.ticket);
                }
                _ => tickets.insert(0, let_in(&mut registry, address, ()).0),
            }
            let counted: usize = registry.clients.numbers.values()
                .map(|number| registry.clients.list[*number].open).sum();
            let silent: usize = registry.prefixes.numbers.values()
                .map(|number| registry.prefixes.list[*number].unused).sum();
            proptest::prop_assert_eq!(counted, registry.open());
            proptest::prop_assert_eq!(silent, registry.unused);
            proptest::prop_assert!(registry.open() <= 7);
            for (key, number) in &registry.clients.numbers {
                let open = registry.clients.list[*number].open;
                proptest::prop_assert!(open > 0 && (key.is_none() || open <= 3));
            }
            for (key, number) in &registry.prefixes.numbers {
                let open = registry.prefixes.list[*number].open;
                proptest::prop_assert!(open > 0 && (key.is_none() || open <= 5));
            }
        }
    }
}
