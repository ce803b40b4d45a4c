//! The engine that serves: the newest world, one worker's buffers and chance.

use std::sync::Arc;
use std::time::Duration;

use crate::answer::{Worker, respond};
use crate::clock::{Clock, Moment};
use crate::publish::{Current, Reader};

use super::engine::{Engine, Exchange};

/// Time between two readings of the civil clock, which only cookies need, to the second.
const WALL_INTERVAL: Duration = Duration::from_millis(500);

/// Answers from the newest world.
#[derive(Debug)]
pub struct WorldEngine {
    reader: Reader,
    worker: Worker,
    clock: Clock,
    /// Time of the next reading of the civil clock.
    wall_due: Moment,
}

impl WorldEngine {
    /// Makes an engine whose draws follow from a seed.
    pub fn new(current: &Arc<Current>, clock: Clock, seed: u64) -> Self {
        Self {
            reader: Reader::new(current),
            worker: Worker::new(seed),
            clock,
            wall_due: Moment::ZERO,
        }
    }
}

impl Engine for WorldEngine {
    fn respond(&mut self, batch: &mut [Exchange<'_>]) {
        // One coarse reading of time a batch.
        let now = self.clock.now();
        if now >= self.wall_due {
            self.worker.set_wall(self.clock.wall());
            self.wall_due = now.after(WALL_INTERVAL);
        }
        respond(self.reader.world(), batch, &mut self.worker, now);
    }

    fn idle(&mut self) {
        self.reader.world();
    }
}
