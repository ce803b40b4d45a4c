//! Which load comes next, and who waits for it.
//!
//! In: requests, looks at the files, ends of loads. Out: whether to begin a load now. Never here: loading.

use serde_json::Value;
use tokio::sync::oneshot;

/// Loads under way and asked for. Whoever asks during a load waits for the next one: files may have changed after
/// they were read.
#[derive(Default)]
pub(in crate::daemon) struct LoadQueue {
    is_loading: bool,
    is_asked_again: bool,
    waiting: Vec<oneshot::Sender<Value>>,
    next: Vec<oneshot::Sender<Value>>,
}

impl LoadQueue {
    /// Takes a request; says whether a load is to begin now.
    pub(in crate::daemon) fn ask(&mut self, asker: Option<oneshot::Sender<Value>>) -> bool {
        if self.is_loading {
            self.is_asked_again = true;
            self.next.extend(asker);
            return false;
        }
        self.is_loading = true;
        self.waiting.extend(asker);
        true
    }

    /// Says whether a look at the files may begin now.
    pub(in crate::daemon) fn look(&mut self) -> bool {
        !std::mem::replace(&mut self.is_loading, true)
    }

    /// Answers whoever waited for the load that ended; says whether the next one is to begin now.
    pub(in crate::daemon) fn finish(&mut self, answer: Option<Value>) -> bool {
        let answer = answer.unwrap_or(Value::Null);
        for asker in self.waiting.drain(..) {
            // A client that went away needs no answer.
            drop(asker.send(answer.clone()));
        }
        self.waiting.append(&mut self.next);
        self.is_loading = std::mem::take(&mut self.is_asked_again);
        self.is_loading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_during_a_load_waits_for_the_next_one() {
        let mut queue = LoadQueue::default();
        let (first, mut first_answer) = oneshot::channel();
        let (second, mut second_answer) = oneshot::channel();
        assert!(queue.ask(Some(first)), "idle: begin now");
        assert!(!queue.ask(Some(second)), "a load is under way");
        assert!(!queue.look(), "a look waits too");
        assert!(
            queue.finish(Some(Value::from(1))),
            "the second asker's load begins"
        );
        assert_eq!(first_answer.try_recv(), Ok(Value::from(1)));
        assert!(second_answer.try_recv().is_err());
        assert!(!queue.finish(Some(Value::from(2))), "nobody asked again");
        assert_eq!(second_answer.try_recv(), Ok(Value::from(2)));
        assert!(queue.look(), "idle again");
    }
}
