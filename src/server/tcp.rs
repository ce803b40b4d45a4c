//! DNS over TCP: every accepted stream is a conversation as it is.
//!
//! In: listeners and the thread's post. Out: conversations ([`super::stream`]). Never here: what is said in them, or
//! who has to leave.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::accept::{Conversation, Farewell, Visit, attend};
use super::engine::{Engine, Seat};
use super::limits::TcpLimits;
use super::serve::Post;
use super::stream::{Connection, Desk};

/// DNS in the clear.
struct Plain<E, M> {
    desk: RefCell<Desk<E, M>>,
    limits: TcpLimits,
}

impl<E, M> Conversation for Plain<E, M>
where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    async fn converse(
        &self,
        stream: TcpStream,
        visit: Rc<Visit>,
        stop: watch::Receiver<bool>,
    ) -> Farewell {
        let connection = Connection::new(stream, visit.client());
        connection
            .converse(&self.desk, &self.limits, stop, || visit.touch())
            .await
    }

    fn idle(&self) {
        self.desk.borrow_mut().idle();
    }
}

/// Serves until stop is asked; returns whether what was queued was finished in time.
pub(super) async fn run<E, M>(listeners: Vec<TcpListener>, post: Post<E, M>) -> bool
where
    E: Engine + 'static,
    M: Fn(Seat) -> E + 'static,
{
    let house = post.house();
    let plain = Plain {
        desk: RefCell::new(Desk::new(post.guarded)),
        limits: house.limits.bounded(),
    };
    attend(listeners, plain, house).await
}
