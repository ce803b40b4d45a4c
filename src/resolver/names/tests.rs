//! Tests of names against a server on loopback.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, JoinSet};

use super::*;

/// Longest wait before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Server that is silent on names that begin with `s`, answers NXDOMAIN to those with `n`, and 127.0.0.9 to all others,
/// until `is_silent` is set.
struct Stage {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    /// Of these, names that are answered.
    answered: Arc<AtomicUsize>,
    is_silent: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Stage {
    async fn open() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (asked, is_silent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, silent) = (Arc::clone(&asked), Arc::clone(&is_silent));
        let answered = Arc::new(AtomicUsize::new(0));
        let replied = Arc::clone(&answered);
        let task = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                count.fetch_add(1, Ordering::SeqCst);
                if query[13] != b's' && silent.load(Ordering::SeqCst) == 0 {
                    replied.fetch_add(1, Ordering::SeqCst);
                    let _ = socket.send_to(&answer(&query[..length]), from).await;
                }
            }
        });
        Self {
            address,
            asked,
            answered,
            is_silent,
            task,
        }
    }

    fn settings(&self) -> LookupSettings {
        LookupSettings {
            upstreams: Upstreams::new(&[self.address]),
            timeout: Duration::from_millis(500),
            concurrency: 32,
            ttl_max: Duration::from_secs(3600),
            keep: Duration::from_secs(3600),
        }
    }

    fn names(&self) -> Names {
        let hosts = Hosts::of("/nowhere/hosts".into());
        Names::with(hosts, Place::Own(self.settings(), None), Clock::start())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(query: &[u8]) -> Vec<u8> {
    let end = 12 + query[12..].iter().position(|octet| *octet == 0).unwrap() + 5;
    let (is_missing, is_ipv4) = (query[13] == b'n', query[end - 3] == 1);
    let mut reply = query[..2].to_vec();
    let count = u8::from(!is_missing && is_ipv4);
    reply.extend([
        0x81,
        if is_missing { 0x83 } else { 0x80 },
        0,
        1,
        0,
        count,
        0,
        0,
        0,
        0,
    ]);
    reply.extend(&query[12..end]);
    if count > 0 {
        // TTL 0: due again after a second.
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 9]);
    }
    reply
}

fn texts(found: Result<Arc<[IpAddr]>, NoAddresses>) -> Result<String, NoAddresses> {
    found.map(|list| {
        list.iter()
            .map(IpAddr::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    })
}

// X3.
#[tokio::test]
async fn silent_names_keep_no_other_from_being_found() {
    let stage = Stage::open().await;
    let names = stage.names();
    assert_eq!(
        texts(names.find("good.test").await),
        Ok("127.0.0.9".to_owned())
    );
    let mut silent = JoinSet::new();
    for number in 0..200 {
        let names = names.clone();
        silent.spawn(async move { names.find(&format!("silent{number}.test")).await });
    }
    // Every place that silent names may have is taken: two questions each.
    while stage.asked.load(Ordering::SeqCst) < 48 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        // The name that resolved before is asked for whenever its time is over, and answered.
        let before = stage.answered.load(Ordering::SeqCst);
        let renewed = async {
            while stage.answered.load(Ordering::SeqCst) == before {
                let found = texts(names.find("good.test").await);
                assert_eq!(found, Ok("127.0.0.9".to_owned()));
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, renewed).await.expect("in time");
        assert!(names.counts().silent < 200, "they still hold their places");
    }
    while let Some(found) = silent.join_next().await {
        assert_eq!(found.expect("no panic"), Err(NoAddresses::Silent));
    }
    let counts = names.counts();
    assert_eq!((counts.found, counts.silent), (1, 200));
}

// X3.
#[tokio::test]
async fn the_last_addresses_are_used_while_the_server_is_silent() {
    let stage = Stage::open().await;
    let names = stage.names();
    assert_eq!(
        texts(names.find("good.test").await),
        Ok("127.0.0.9".to_owned())
    );
    stage.is_silent.store(1, Ordering::SeqCst);
    let kept = async {
        while names.counts().kept == 0 {
            assert_eq!(
                texts(names.find("good.test").await),
                Ok("127.0.0.9".to_owned())
            );
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, kept).await.expect("lookups fail soon");
    assert_eq!(
        texts(names.find("good.test").await),
        Ok("127.0.0.9".to_owned())
    );
}

#[tokio::test]
async fn finds_what_the_system_says_and_tells_missing_from_silent() {
    let stage = Stage::open().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hosts");
    std::fs::write(&file, "10.0.0.7 db.test\n").unwrap();
    let place = Place::Own(stage.settings(), None);
    let names = Names::with(Hosts::of(file), place, Clock::start());
    let cases = [
        ("192.0.2.1", Ok("192.0.2.1")),
        ("2001:db8::1", Ok("2001:db8::1")),
        ("DB.test", Ok("10.0.0.7")),
        ("localhost", Ok("::1 127.0.0.1")),
        ("good.test", Ok("127.0.0.9")),
        ("no.test.", Err(NoAddresses::Missing)),
        ("silent.test", Err(NoAddresses::Silent)),
        // Known by now, so nobody is asked.
        ("silent.test", Err(NoAddresses::Silent)),
    ];
    for (host, wanted) in cases {
        let found = texts(names.find(host).await);
        assert_eq!(found, wanted.map(str::to_owned), "{host}");
    }
    // Many who ask for one name ask once, for each family.
    let before = stage.asked.load(Ordering::SeqCst);
    let asked = (0..50).map(|_| {
        let names = names.clone();
        async move { names.find("great.test").await }
    });
    let mut asked: JoinSet<_> = asked.collect();
    while let Some(found) = asked.join_next().await {
        assert!(found.expect("no panic").is_ok());
    }
    assert_eq!(stage.asked.load(Ordering::SeqCst) - before, 2);
}
