//! The walk of an answer: to the name, what is there, along aliases, to hosts; into any [`Sink`], with any [`Draw`].
//!
//! In: what one question reads ([`ZoneQuestion`]), its name. Out: RRsets in a sink, and its head. Never here: octets of a
//! message, sizes.
//!
//! Steps in the order of RFC 1034, section 4.3.2: the zone is known; cut -> referral; name -> RRset, alias or
//! NODATA; DNAME -> synthesis; wildcard -> source of synthesis (RFC 4592); else NXDOMAIN.

use ipnet::IpNet;

use crate::view::ZoneView;
use crate::wire::{QueryName, Rcode, Rtype};
use crate::zone::{
    ANY_TYPE, ClientLocation, Entry, Found, NONE, NodeAt, Piece, Policies, Root, RootId,
    ServedZone, Zone,
};

use super::chain::{Chain, Link, TARGET_AT, link_name, refer_or_answer};
use super::client::Client;
use super::decide::{Decision, DecisionInputs, Outcome};
use super::draw::{Draw, Picked};
use super::root_location::RootLocation;
use super::sink::{Part, QUESTION_AT, Records, Section, Sink, Source};
use super::sticky::Sticky;
use super::world::World;

/// A question with the zone, view and client that its answer is made from.
#[derive(Clone, Copy)]
pub struct ZoneQuestion<'a> {
    /// The zone that the question's name lies in.
    pub served: &'a ServedZone,
    /// View of the zone.
    pub view: &'a ZoneView,
    /// Client that asked.
    pub client: Client<'a>,
    /// Type asked.
    pub rtype: Rtype,
    /// Handling of host addresses in the additional section.
    pub hosts: Hosts,
    /// Extent of an answer to ANY.
    pub any: Any,
    /// The world whose other zones chains are followed into; none keeps them in this zone.
    pub world: Option<&'a World>,
}

/// Handling of the addresses of hosts that RDATA names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Added, as a message carries them.
    Add,
    /// Left out: explain asks for the answer alone.
    Leave,
}

/// Extent of an answer to ANY (RFC 8482).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Any {
    /// One RRset, to keep a datagram from amplifying (section 4.1).
    One,
    /// Every RRset, where the client has proven its address by a stream.
    All,
}

/// A name on the way to an answer: that of the question, or the target of an alias.
#[derive(Clone, Copy)]
pub(super) struct Step<'a, 'n> {
    /// The zone that it lies in.
    pub(super) zone: &'a Zone,
    /// Type asked.
    pub(super) rtype: Rtype,
    /// The name.
    pub(super) name: &'n QueryName,
    /// Result of the search for the name.
    pub(super) found: Found,
    /// Positions of the name and of its zone's apex in the message.
    pub(super) place: Place,
}

/// Positions in the message that records of a name refer to.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Offset of the owner name.
    pub(super) owner: u16,
    /// Offset of the apex of its zone, which stored pointers lead to.
    pub(super) apex: u16,
}

impl Place {
    /// Returns the positions of a question in a zone that its name ends in.
    #[inline(always)]
    pub(super) fn of_question(name_len: usize, zone: &Zone) -> Self {
        Self {
            owner: QUESTION_AT,
            // Both have at most 255 octets.
            apex: QUESTION_AT + (name_len - zone.apex().octets().len()) as u16,
        }
    }

    /// Returns whether the name is the query name itself rather than the target of an alias.
    #[inline(always)]
    pub(super) const fn is_question(self) -> bool {
        self.owner == QUESTION_AT
    }

    /// Returns the same with another owner.
    #[inline(always)]
    pub(super) const fn owned(self, owner: u16) -> Self {
        Self { owner, ..self }
    }

    #[inline(always)]
    pub(super) const fn stored<'a>(self, piece: Piece<'a>, turn: u16) -> Records<'a, 'a> {
        Records::Stored {
            piece,
            turn,
            apex: self.apex,
        }
    }
}

/// Source of a zone question. Asked only where the answer is no static RRset, so that the commonest answers pay
/// nothing for what they do not read.
pub(super) trait Gather<'a> {
    /// Returns it.
    fn question(&self) -> ZoneQuestion<'a>;
}

impl<'a> Gather<'a> for ZoneQuestion<'a> {
    #[inline(always)]
    fn question(&self) -> Self {
        *self
    }
}

/// Gathers the answer to a question whose name is found already.
#[inline(always)]
pub(super) fn gather_found<'a, S: Sink<'a>, D: Draw>(
    step: &Step<'a, '_>,
    from: &impl Gather<'a>,
    chain: &mut Chain,
    draw: &mut D,
    sink: &mut S,
) {
    chain.clear();
    if let Link::Alias(target) = answer_step(step, from, chain, draw, sink) {
        let place = step.place.owned(target);
        from.question().chase(step.name, place, chain, draw, sink);
    }
}

/// Answers what one name leads to.
#[inline(always)]
pub(super) fn answer_step<'a, S: Sink<'a>, D: Draw>(
    step: &Step<'a, '_>,
    from: &impl Gather<'a>,
    chain: &mut Chain,
    draw: &mut D,
    sink: &mut S,
) -> Link {
    let Step { zone, place, .. } = *step;
    let node = match step.found {
        Found::Exact(node) | Found::Wildcard(node) => node,
        Found::Nothing => {
            // The response code is that of the last name of the chain (RFC 6604, section 3).
            sink.head().rcode = Rcode::NXDOMAIN;
            deny(zone, place, sink);
            return Link::Done;
        }
        Found::Cut(..) | Found::Dname(..) => {
            return refer_or_answer(from.question(), *step, chain, draw, sink);
        }
    };
    if step.rtype == Rtype::ANY {
        from.question().answer_any(node, place, draw, sink);
        return Link::Done;
    }
    match zone.entry_for(node, step.rtype) {
        Some((rtype, Entry::Static(piece))) if rtype == step.rtype => {
            let turn = if piece.stride > 0 && piece.count > 1 {
                draw.turn(piece.count)
            } else {
                0
            };
            let at = push(
                Section::Answer,
                place.owner,
                place.stored(piece, turn),
                sink,
            );
            if !piece.hosts.is_empty() {
                // A copy of its own, so that the piece of the usual way stays in registers.
                let piece = Piece { ..piece };
                let to = (place, Section::Additional);
                from.question().add_hosts(piece, at, to, draw, sink);
            }
            Link::Done
        }
        Some((_, Entry::Static(piece))) => {
            let at = push(Section::Answer, place.owner, place.stored(piece, 0), sink);
            if link_name(zone, Piece { ..piece }, chain) {
                Link::Alias(at + TARGET_AT)
            } else {
                Link::Done
            }
        }
        Some((_, Entry::Dynamic(root))) => {
            from.question()
                .add_dynamic((root, node), place, chain, draw, sink)
        }
        None => {
            deny(zone, place, sink);
            Link::Done
        }
    }
}

/// Answers one name as the DS at a cut is answered: by what is there, whatever is below it.
pub(super) fn answer_node<'a, S: Sink<'a>, D: Draw>(
    question: &ZoneQuestion<'a>,
    step: &Step<'a, '_>,
    node: NodeAt,
    chain: &mut Chain,
    draw: &mut D,
    sink: &mut S,
) -> Link {
    let step = Step {
        found: Found::Exact(node),
        ..*step
    };
    answer_step(&step, question, chain, draw, sink)
}

/// Adds the SOA for a negative answer (RFC 2308, sections 2.1 and 2.2).
#[inline(always)]
fn deny<'a>(zone: &'a Zone, place: Place, sink: &mut impl Sink<'a>) {
    if place.is_question() {
        sink.head().source = Source::Negative;
    }
    let soa = place.stored(zone.negative_piece(), 0);
    push(Section::Authority, place.apex, soa, sink);
}

#[inline(always)]
pub(super) fn push<'a>(
    section: Section,
    owner: u16,
    records: Records<'a, '_>,
    sink: &mut impl Sink<'a>,
) -> u16 {
    sink.push(Part {
        section,
        owner,
        records,
    })
}

impl<'a> ZoneQuestion<'a> {
    pub(super) fn zone(&self) -> &'a Zone {
        &self.served.zone
    }

    /// Gathers the answer to a question into an empty sink. `chain` is room for aliases.
    pub fn gather<S: Sink<'a>>(
        &self,
        name: &QueryName,
        chain: &mut Chain,
        draw: &mut impl Draw,
        sink: &mut S,
    ) {
        let zone = self.zone();
        let step = Step {
            zone,
            rtype: self.rtype,
            name,
            found: zone.find(name),
            place: Place::of_question(name.len, zone),
        };
        gather_found(&step, self, chain, draw, sink);
    }

    /// Answers ANY with what is there: one RRset or all of them (RFC 8482, section 4.1). What a policy holds is
    /// decided as for its own type; the one is that of the lowest type that has something for this client, as in Knot.
    /// Hosts go along with the one only, since other RRsets would stand behind them.
    #[cold]
    #[inline(never)]
    fn answer_any<S: Sink<'a>>(
        &self,
        node: NodeAt,
        place: Place,
        draw: &mut impl Draw,
        sink: &mut S,
    ) {
        let mut is_empty = true;
        let hosts = match self.any {
            Any::One => self.hosts,
            Any::All => Hosts::Leave,
        };
        for (rtype, entry) in self.zone().entries(node) {
            match entry {
                Entry::Static(piece) => {
                    let of_type = Self { hosts, ..*self };
                    let at = push(Section::Answer, place.owner, place.stored(piece, 0), sink);
                    of_type.add_hosts(piece, at, (place, Section::Additional), draw, sink);
                    is_empty = false;
                }
                Entry::Dynamic(root) => {
                    let rtype = match rtype {
                        ANY_TYPE => Rtype::CNAME,
                        rtype => rtype,
                    };
                    let of_type = Self {
                        rtype,
                        hosts,
                        ..*self
                    };
                    let at = (root, node);
                    is_empty &= !of_type.add_decided(at, (place, Section::Answer), draw, sink);
                }
            }
            if !is_empty && self.any == Any::One {
                break;
            }
        }
        if is_empty {
            deny(self.zone(), place, sink);
        }
    }

    /// Adds the members that a policy picks for the type alone; returns whether there are any now.
    pub(super) fn add_decided<S: Sink<'a>>(
        &self,
        (root, node): (RootId, NodeAt),
        (place, section): (Place, Section),
        draw: &mut impl Draw,
        sink: &mut S,
    ) -> bool {
        let mut picked = Picked::default();
        let decision = self.decide(root, &mut sink.head().scope_len, draw, &mut picked);
        let policies: &'a Policies = &self.zone().policies;
        let Outcome::Members(run) = decision.outcome else {
            return false;
        };
        let run = &policies.runs[run as usize];
        if run.rtype != self.rtype {
            return false;
        }
        let head = sink.head();
        if section == Section::Answer && head.source == Source::Static {
            head.source = Source::Dynamic;
        }
        let members = &picked.members[..picked.len];
        if run.has_open_hints {
            let hinted = (run, members, decision.ttl);
            self.add_hinted(node, hinted, (place, section), draw, sink);
            return true;
        }
        let records = Records::Picked {
            policies,
            run,
            members,
            ttl: decision.ttl,
        };
        push(section, place.owner, records, sink);
        true
    }

    /// Answers what a policy decides.
    #[inline(never)]
    fn add_dynamic<S: Sink<'a>>(
        &self,
        (root, node): (RootId, NodeAt),
        place: Place,
        chain: &mut Chain,
        draw: &mut impl Draw,
        sink: &mut S,
    ) -> Link {
        let head = sink.head();
        if head.source == Source::Static {
            head.source = Source::Dynamic;
        }
        let mut picked = Picked::default();
        let policies: &'a Policies = &self.zone().policies;
        let decision = self.decide(root, &mut sink.head().scope_len, draw, &mut picked);
        let run = match decision.outcome {
            Outcome::Members(run) => &policies.runs[run as usize],
            Outcome::NoData => {
                deny(self.zone(), place, sink);
                return Link::Done;
            }
            Outcome::ServFail => {
                sink.head().rcode = Rcode::SERVFAIL;
                return Link::Done;
            }
        };
        let members = &picked.members[..picked.len];
        if run.has_open_hints {
            let hinted = (run, members, decision.ttl);
            self.add_hinted(node, hinted, (place, Section::Answer), draw, sink);
            return Link::Done;
        }
        let records = Records::Picked {
            policies,
            run,
            members,
            ttl: decision.ttl,
        };
        let at = push(Section::Answer, place.owner, records, sink);
        // Addresses, which nearly all policies hold, name no host and are no alias.
        if matches!(run.rtype, Rtype::A | Rtype::AAAA) {
            return Link::Done;
        }
        if run.rtype != Rtype::CNAME || self.rtype == Rtype::CNAME {
            self.add_member_hosts((node, place), (run, members), at, draw, sink);
            return Link::Done;
        }
        match members.first() {
            Some(&member) if chain.next.take(policies.rdata(run, usize::from(member))) => {
                Link::Alias(at + TARGET_AT)
            }
            _ => Link::Done,
        }
    }

    /// Runs the one decision, for where this client is, and lengthens the scope by it.
    pub(super) fn decide(
        &self,
        root: RootId,
        answer_scope_len: &mut u8,
        draw: &mut impl Draw,
        picked: &mut Picked,
    ) -> Decision {
        let policies: &'a Policies = &self.zone().policies;
        let mut known = ClientLocation::default();
        let Root {
            map: root_map,
            sticky,
            ..
        } = policies.roots[root as usize];
        let location = if root_map == NONE {
            RootLocation::Anywhere
        } else {
            let map = &self.served.maps[root_map as usize];
            let (location, scope_len) = self.client.location(map, &mut known);
            *answer_scope_len = (*answer_scope_len).max(scope_len);
            location
        };
        let inputs = DecisionInputs {
            policies,
            view: self.view,
            location,
        };
        if sticky != (0, 0)
            && let Client::Prefix { prefix, .. } = self.client
        {
            // The scope follows from what the root can reach, never from the way taken (`route53` 4.6, rule a46).
            let kept = match prefix {
                IpNet::V4(_) => sticky.0,
                IpNet::V6(_) => sticky.1,
            };
            *answer_scope_len = (*answer_scope_len).max(kept.min(prefix.prefix_len()));
            let mut draw = Sticky::new(draw, policies, prefix);
            return inputs.decide(root, self.rtype, &mut draw, picked);
        }
        inputs.decide(root, self.rtype, draw, picked)
    }
}
