//! Samples of queries: a ring of octets as received, written by one worker and read by any thread.
//!
//! In: octets of a query and its client. Out: copies of what was written since the last read. Never here: the meaning
//! of a message. A slot carries the number of its sample; a reader that finds another number after copying than before
//! has read across a write and leaves the slot out.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Queries for each sample, on average. Chosen: copying 200 octets costs a hundredth of a nanosecond a query then,
/// and a busy server still gives thousands of samples an hour.
pub const SAMPLE_STRIDE: u32 = 64;
/// Samples that a worker's ring holds: what comes in between two looks, a second apart, beyond it is overwritten.
pub const SAMPLES_MAX: usize = 64;
/// Words of a message that fit a slot; longer messages are not kept. A name, EDNS and a cookie are shorter.
const WORDS: usize = 40;

#[derive(Debug)]
struct Slot {
    /// Number of the sample from 1; 0 while it is written.
    number: AtomicU64,
    len: AtomicU64,
    is_v4: AtomicU64,
    address: [AtomicU64; 2],
    words: [AtomicU64; WORDS],
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            number: AtomicU64::default(),
            len: AtomicU64::default(),
            is_v4: AtomicU64::default(),
            address: Default::default(),
            words: std::array::from_fn(|_| AtomicU64::default()),
        }
    }
}

/// Samples of one worker.
#[derive(Debug)]
pub struct QuerySamples {
    slots: Box<[Slot]>,
    taken: AtomicU64,
}

impl Default for QuerySamples {
    fn default() -> Self {
        Self {
            slots: (0..SAMPLES_MAX).map(|_| Slot::default()).collect(),
            taken: AtomicU64::default(),
        }
    }
}

/// A query as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuerySample {
    /// Address of the client.
    pub client: IpAddr,
    /// The message.
    pub message: Vec<u8>,
}

impl QuerySamples {
    /// Keeps a query. Only the worker may call this.
    pub fn keep(&self, client: IpAddr, message: &[u8]) {
        if message.len() > WORDS * 8 {
            return;
        }
        let number = self.taken.load(Ordering::Relaxed) + 1;
        let slot = &self.slots[(number % SAMPLES_MAX as u64) as usize];
        slot.number.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        let address = match client {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        slot.is_v4
            .store(u64::from(client.is_ipv4()), Ordering::Relaxed);
        slot.address[0].store((address >> 64) as u64, Ordering::Relaxed);
        slot.address[1].store(address as u64, Ordering::Relaxed);
        slot.len.store(message.len() as u64, Ordering::Relaxed);
        for (word, octets) in slot.words.iter().zip(message.chunks(8)) {
            let mut padded = [0; 8];
            padded[..octets.len()].copy_from_slice(octets);
            word.store(u64::from_le_bytes(padded), Ordering::Relaxed);
        }
        slot.number.store(number, Ordering::Release);
        self.taken.store(number, Ordering::Release);
    }

    /// Copies the samples after the first `seen`, as far as they are still there; returns the number of all samples so
    /// far.
    pub fn since(&self, seen: u64, into: &mut Vec<QuerySample>) -> u64 {
        let taken = self.taken.load(Ordering::Acquire);
        let oldest = taken.saturating_sub(SAMPLES_MAX as u64);
        for number in seen.max(oldest) + 1..=taken {
            let slot = &self.slots[(number % SAMPLES_MAX as u64) as usize];
            if slot.number.load(Ordering::Acquire) != number {
                continue;
            }
            let sample = slot.copy();
            fence(Ordering::Acquire);
            if slot.number.load(Ordering::Relaxed) == number {
                into.push(sample);
            }
        }
        taken
    }
}

impl Slot {
    fn copy(&self) -> QuerySample {
        let [high, low] = &self.address;
        let address = u128::from(high.load(Ordering::Relaxed)) << 64
            | u128::from(low.load(Ordering::Relaxed));
        let client = match self.is_v4.load(Ordering::Relaxed) {
            0 => IpAddr::V6(address.into()),
            _ => IpAddr::V4((address as u32).into()),
        };
        let len = (self.len.load(Ordering::Relaxed) as usize).min(WORDS * 8);
        let mut message = Vec::with_capacity(WORDS * 8);
        for word in &self.words[..len.div_ceil(8)] {
            message.extend_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        message.truncate(len);
        QuerySample { client, message }
    }
}

/// Choice of the queries of a stream that are kept: gaps vary, so that no client's rhythm stays between them.
#[derive(Clone, Debug)]
pub struct Stride {
    left: u32,
    state: u64,
}

impl Stride {
    /// Starts with a gap that follows from a seed.
    pub fn new(seed: u64) -> Self {
        let mut stride = Self {
            left: 0,
            state: seed,
        };
        stride.left = stride.gap();
        stride
    }

    /// Passes so many queries; returns which of them is kept, if one is.
    #[inline]
    pub fn pass(&mut self, count: usize) -> Option<usize> {
        let at = self.left;
        match self.left.checked_sub(count as u32) {
            Some(left) => {
                self.left = left;
                None
            }
            None => {
                // What of this batch comes after the kept one belongs to the next gap.
                self.left = self.gap().saturating_sub(count as u32 - 1 - at);
                Some(at as usize)
            }
        }
    }

    /// Returns the queries before the next kept one, 0 to twice the stride.
    #[cold]
    fn gap(&mut self) -> u32 {
        self.state = self
            .state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.state >> 33) as u32 % (2 * SAMPLE_STRIDE - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_kept_once() {
        let samples = QuerySamples::default();
        let clients: [IpAddr; 2] = [
            "192.0.2.7".parse().expect("v4"),
            "2001:db8::7".parse().expect("v6"),
        ];
        let messages: Vec<Vec<u8>> = (0..5).map(|n| vec![n; 13 + usize::from(n) * 60]).collect();
        for (n, message) in messages.iter().enumerate() {
            samples.keep(clients[n % 2], message);
        }
        samples.keep(clients[0], &[0; WORDS * 8 + 1]);
        let mut got = Vec::new();
        let seen = samples.since(0, &mut got);
        assert_eq!(seen, 5);
        let wanted = messages.iter().enumerate().map(|(n, message)| QuerySample {
            client: clients[n % 2],
            message: message.clone(),
        });
        assert_eq!(got, wanted.collect::<Vec<_>>());
        let mut again = Vec::new();
        assert_eq!((samples.since(seen, &mut again), again.len()), (5, 0));
    }

    #[test]
    fn keeps_the_newest_when_nobody_looks() {
        let samples = QuerySamples::default();
        for n in 0..200u8 {
            samples.keep(IpAddr::from([192, 0, 2, n]), &[n; 12]);
        }
        let mut got = Vec::new();
        assert_eq!(samples.since(0, &mut got), 200);
        let lasts: Vec<u8> = got.iter().map(|sample| sample.message[0]).collect();
        assert_eq!(lasts, (136..200).collect::<Vec<u8>>());
    }

    #[test]
    fn a_reader_never_sees_half_a_sample() {
        let samples = QuerySamples::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..20_000u32 {
                    let octet = n as u8;
                    samples.keep(IpAddr::from([octet; 4]), &[octet; 200]);
                }
            });
            let mut seen = 0;
            while seen < 20_000 {
                let mut got = Vec::new();
                seen = samples.since(seen, &mut got);
                for sample in got {
                    let octet = sample.message[0];
                    assert_eq!(sample.message, [octet; 200]);
                    assert_eq!(sample.client, IpAddr::from([octet; 4]));
                }
            }
        });
    }

    #[test]
    fn one_query_in_sixty_four_is_kept_whatever_the_batches() {
        for batch in [1, 3, 32] {
            let mut stride = Stride::new(7);
            let batches = 640_000 / batch;
            let kept = (0..batches).filter(|_| {
                stride.pass(batch).is_some_and(|at| {
                    assert!(at < batch);
                    true
                })
            });
            let share = kept.count() as f64 / 10_000.0;
            assert!((0.95..1.05).contains(&share), "batches of {batch}: {share}");
        }
    }
}
