//! The pointer to the current world, and its readers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::World;

/// Retired worlds that are kept for readers that have not moved on; beyond it the oldest is let go early.
const RETIRED_MAX: usize = 4096;

/// Pointer to the current world, and its generation.
#[derive(Debug)]
pub struct Current {
    world: Mutex<Arc<World>>,
    generation: AtomicU64,
}

impl Current {
    /// Starts with a world.
    pub fn new(world: World) -> Arc<Self> {
        let generation = AtomicU64::new(world.generation);
        Arc::new(Self {
            world: Mutex::new(Arc::new(world)),
            generation,
        })
    }

    /// Returns the current world.
    pub fn load(&self) -> Arc<World> {
        // A poisoned lock still holds a whole world: it guards a pointer store only.
        Arc::clone(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the current generation.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Puts a new world in place and returns the old one.
    fn store(&self, world: Arc<World>) -> Arc<World> {
        let generation = world.generation;
        let mut current = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, world);
        drop(current);
        self.generation.store(generation, Ordering::Release);
        old
    }
}

/// A reader's copy of the pointer to the world.
#[derive(Debug)]
pub struct Reader {
    current: Arc<Current>,
    world: Arc<World>,
}

impl Reader {
    /// Starts reading.
    pub fn new(current: &Arc<Current>) -> Self {
        Self {
            current: Arc::clone(current),
            world: current.load(),
        }
    }

    /// Returns the newest world; one atomic load unless it changed.
    #[inline]
    pub fn world(&mut self) -> &World {
        if self.current.generation() != self.world.generation {
            self.world = self.current.load();
        }
        &self.world
    }
}

/// Worlds that readers may still hold. They are freed here, on the publisher's thread, so that no worker spends
/// milliseconds on taking a large snapshot apart.
#[derive(Debug, Default)]
pub(super) struct Retired(Vec<Arc<World>>);

impl Retired {
    /// Publishes a world and keeps the old one.
    pub(super) fn replace(&mut self, current: &Current, world: Arc<World>) {
        self.0.push(current.store(world));
        if self.0.len() > RETIRED_MAX {
            self.0.remove(0);
        }
    }

    /// Frees the worlds that no reader has any more; returns the number of the others.
    pub(super) fn sweep(&mut self) -> usize {
        self.0.retain(|world| Arc::strong_count(world) > 1);
        self.0.len()
    }
}
