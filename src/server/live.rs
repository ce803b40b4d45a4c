//! The engine that serves: the newest world, one worker's scratch and chance.

use std::sync::Arc;

use crate::answer::{Worker, respond};
use crate::clock::Clock;
use crate::publish::{Current, Reader};

use super::engine::{Engine, Exchange};

/// Answers from the newest world.
#[derive(Debug)]
pub struct WorldEngine {
    reader: Reader,
    worker: Worker,
    clock: Clock,
}

impl WorldEngine {
    /// Makes an engine whose draws follow from a seed.
    pub fn new(current: &Arc<Current>, clock: Clock, seed: u64) -> Self {
        Self {
            reader: Reader::new(current),
            worker: Worker::new(seed),
            clock,
        }
    }
}

impl Engine for WorldEngine {
    fn respond(&mut self, batch: &mut [Exchange<'_>]) {
        // One coarse reading of time a batch.
        let now = self.clock.now();
        respond(self.reader.world(), batch, &mut self.worker, now);
    }

    fn idle(&mut self) {
        self.reader.world();
    }
}
