//! TLS sessions that probes resume, one for each address and names.
//!
//! In: sessions as rustls hands them over, and the trace of the probe under way, which gives their target. Out: the
//! session for the same target again. Never here: handshakes.
//!
//! A resumed session shows no certificate. So the validity of the certificate of the last full handshake is kept with
//! the session, which is resumed only while that certificate is valid and for [`RESUMED_FOR`] after that handshake:
//! then the next probe makes a full one. A server that got another certificate mostly has lost its old sessions, so it
//! is noticed sooner.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

use super::trace::{Shown, Trace};
use crate::clock::{Clock, Moment};

/// Time after a full handshake for which its session is resumed; chosen so that a wrong certificate goes unnoticed for
/// minutes at worst, and at an interval of 10 s one handshake of 30 is a full one.
pub(super) const RESUMED_FOR: Duration = Duration::from_secs(300);

/// Most targets of one set of TLS settings whose sessions are kept. Each holds the certificates of its server, so some
/// 3 kB; targets beyond make full handshakes.
pub(super) const SESSIONS_MAX: usize = 16_384;

/// Time between two searches for sessions that are too old, when there are too many.
const SWEEP_GAP: Duration = Duration::from_secs(10);

/// Sessions of one set of TLS settings.
pub(super) struct Sessions {
    clock: Clock,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    entries: HashMap<Key, Entry>,
    swept: Moment,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    address: SocketAddr,
    sent: ServerName<'static>,
    /// The name that the certificate had to cover.
    wanted: Option<ServerName<'static>>,
}

struct Entry {
    shown: Shown,
    group: Option<NamedGroup>,
    session: Option<Session>,
}

enum Session {
    Tls12(Tls12ClientSessionValue),
    Tls13(Tls13ClientSessionValue),
}

impl Sessions {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Entries are inserted whole, so a poisoned map is as good as any.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the session of the probe under way, if it may still be resumed. A session is used once: should it make a
    /// handshake fail, the next probe does without.
    fn take(
        &self,
        sent: &ServerName<'_>,
        is_wanted: impl Fn(&mut Session) -> bool,
    ) -> Option<Session> {
        let trace = Trace::current()?;
        let mut kept = self.lock();
        let entry = kept.entries.get_mut(&Key::of(&trace, sent))?;
        let session = entry.session.take_if(is_wanted)?;
        if !is_fresh(&entry.shown, self.clock.now()) {
            return None;
        }
        let wall = self.clock.wall();
        if wall < entry.shown.validity.from || wall > entry.shown.validity.until {
            return None;
        }
        trace.offer(entry.shown);
        Some(session)
    }

    fn keep(&self, sent: &ServerName<'_>, session: Option<Session>, group: Option<NamedGroup>) {
        // Where the handshake was a full one, its certificate counts, else the one of the session that was resumed.
        let Some(trace) = Trace::current() else {
            return;
        };
        let Some(shown) = trace.shown() else { return };
        let now = self.clock.now();
        let mut kept = self.lock();
        let key = Key::of(&trace, sent);
        if kept.entries.len() >= SESSIONS_MAX && !kept.entries.contains_key(&key) {
            kept.sweep(now);
            if kept.entries.len() >= SESSIONS_MAX {
                return;
            }
        }
        let entry = kept.entries.entry(key).or_insert(Entry {
            shown,
            group: None,
            session: None,
        });
        entry.shown = shown;
        entry.group = group.or(entry.group);
        entry.session = session.or_else(|| entry.session.take());
    }
}

impl Kept {
    fn sweep(&mut self, now: Moment) {
        if now.since(self.swept) >= SWEEP_GAP {
            self.swept = now;
            self.entries.retain(|_, entry| is_fresh(&entry.shown, now));
        }
    }
}

fn is_fresh(shown: &Shown, now: Moment) -> bool {
    now.since(shown.at) < RESUMED_FOR
}

impl Key {
    fn of(trace: &Trace, sent: &ServerName<'_>) -> Self {
        Self {
            address: trace.address,
            sent: sent.to_owned(),
            wanted: trace.wanted_name.clone(),
        }
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, sent: ServerName<'static>, group: NamedGroup) {
        self.keep(&sent, None, Some(group));
    }

    fn kx_hint(&self, sent: &ServerName<'_>) -> Option<NamedGroup> {
        let trace = Trace::current()?;
        self.lock().entries.get(&Key::of(&trace, sent))?.group
    }

    fn set_tls12_session(&self, sent: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.keep(&sent, Some(Session::Tls12(value)), None);
    }

    fn tls12_session(&self, sent: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        match self.take(sent, |session| matches!(session, Session::Tls12(_)))? {
            Session::Tls12(value) => Some(value),
            Session::Tls13(_) => None,
        }
    }

    fn remove_tls12_session(&self, sent: &ServerName<'static>) {
        let Some(trace) = Trace::current() else {
            return;
        };
        if let Some(entry) = self.lock().entries.get_mut(&Key::of(&trace, sent)) {
            // Of both kinds a target has one; what TLS 1.3 brought is not meant here.
            entry
                .session
                .take_if(|session| matches!(session, Session::Tls12(_)));
        }
    }

    fn insert_tls13_ticket(&self, sent: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.keep(&sent, Some(Session::Tls13(value)), None);
    }

    fn take_tls13_ticket(&self, sent: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        match self.take(sent, |session| matches!(session, Session::Tls13(_)))? {
            Session::Tls13(value) => Some(value),
            Session::Tls12(_) => None,
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::WallTime;
    use crate::net::Validity;

    const VALIDITY: Validity = Validity {
        from: WallTime::from_millis(0),
        until: WallTime::from_millis(i64::MAX),
    };

    /// Keeps the name group `number` for a target whose port is that number.
    async fn note(sessions: &Sessions, number: u16) {
        let address = ([127, 0, 0, 1], number).into();
        let trace = Trace::begin(sessions.clock, address, None);
        trace.show(Some(VALIDITY));
        let name = ServerName::try_from("www.example.com").expect("a name");
        let noting = async { sessions.set_kx_hint(name, NamedGroup::X25519) };
        trace.scope(noting).await;
    }

    #[tokio::test]
    async fn keeps_a_bounded_number_and_makes_room_only_by_age() {
        let sessions = Sessions::new(Clock::start());
        for number in 0..=SESSIONS_MAX as u16 {
            note(&sessions, number).await;
        }
        assert_eq!(sessions.lock().entries.len(), SESSIONS_MAX);
        let now = sessions.clock.now();
        let later = now.after(RESUMED_FOR);
        sessions.lock().sweep(later);
        assert_eq!(sessions.lock().entries.len(), 0);
    }

    #[tokio::test]
    async fn knows_nothing_outside_a_probe() {
        let sessions = Sessions::new(Clock::start());
        let name = ServerName::try_from("www.example.com").expect("a name");
        note(&sessions, 1).await;
        assert_eq!(sessions.kx_hint(&name), None);
        sessions.set_kx_hint(name, NamedGroup::X25519);
        assert_eq!(sessions.lock().entries.len(), 1);
    }

    #[test]
    fn resumes_for_a_while_after_a_full_handshake() {
        let at = Moment::from_secs(1_000);
        let shown = Shown {
            at,
            validity: VALIDITY,
        };
        let cases = [
            (Duration::ZERO, true),
            (RESUMED_FOR - Duration::from_nanos(1), true),
            (RESUMED_FOR, false),
        ];
        for (age, wanted) in cases {
            assert_eq!(is_fresh(&shown, at.after(age)), wanted, "{age:?}");
        }
    }
}
