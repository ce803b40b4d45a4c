//! Pieces: the ready wire octets of one RRset, with what must be patched when they are copied into a message.
//!
//! A piece is made at load. Its records own the question (`C00C`); names in RDATA that RFC 3597, section 4 lets us
//! compress end in a pointer to the apex inside the question, stored as the distance from the question's name end, so
//! that copying adds one number. Nothing else is compressed.

use crate::wire::{NAME_MAX, Name, Rtype, additional_name, is_at_or_below, rdata_name_ranges};

/// Pointer to the question's name, as every stored record owns it.
pub const OWNER_QUESTION: u16 = 0xc00c;
/// Fixed octets of a record whose owner is a pointer: owner, type, class, TTL, RDLENGTH.
pub const RR_FIXED: usize = 12;
/// Position for "the owner of the RRset itself"; no RDATA starts there.
pub const POSITION_OWNER: u16 = 0;
/// Names in one RRset whose addresses are sent along (chosen: seven times the servers of the root, whose glue RFC
/// 9471, section 3.1 requires whole; addresses of more would exceed what a datagram holds many times).
pub const ADDITIONAL_MAX: usize = 90;

/// A node by its arena offset divided by 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeAt(pub u32);

/// An RRset as octets, before it stands in an arena.
#[derive(Clone, Debug, Default)]
pub struct PieceSpec {
    /// Records of the RRset.
    pub records: Vec<u8>,
    /// Number of records.
    pub count: u16,
    /// Length of each record in octets; 0 if they differ.
    pub stride: u16,
    /// Offsets of stored pointers in the records.
    pub patches: Vec<u16>,
    /// Hosts named in RDATA whose addresses may be sent along; those at or below the owner come first.
    pub hosts: Vec<HostSpec>,
}

/// A host named in RDATA.
#[derive(Clone, Debug)]
pub struct HostSpec {
    /// Offset of its name in the records.
    pub position: u16,
    /// Name of the host.
    pub name: Name,
    /// True if it lies at or below the owner: in-domain, if the owner is a cut (RFC 9471, section 2).
    pub is_in_domain: bool,
}

/// Owner and zone of an RRset that is encoded.
#[derive(Clone, Copy, Debug)]
pub struct PieceOwner<'a> {
    /// The apex in wire form.
    pub apex: &'a [u8],
    /// The owner in wire form.
    pub owner: &'a [u8],
}

impl PieceSpec {
    /// Encodes an RRset of a zone in place of what was here. `None` if the octets exceed what one message could hold.
    pub fn encode<'r>(
        &mut self,
        whose: PieceOwner<'_>,
        rtype: Rtype,
        ttl: u32,
        rdata: impl Iterator<Item = &'r [u8]>,
    ) -> Option<()> {
        self.records.clear();
        self.patches.clear();
        self.hosts.clear();
        (self.count, self.stride) = (0, 0);
        let (mut first_len, mut is_even) = (None, true);
        for record in rdata {
            is_even &= *first_len.get_or_insert(record.len()) == record.len();
            self.push(whose, rtype, ttl, record)?;
        }
        if self.hosts.len() > 1 {
            self.hosts.sort_by_key(|host| !host.is_in_domain);
            self.keep_hosts();
        }
        if is_even && self.patches.is_empty() && self.hosts.is_empty() {
            let len = self.records.len() / usize::from(self.count.max(1));
            self.stride = u16::try_from(len).ok()?;
        }
        Some(())
    }

    fn push(&mut self, whose: PieceOwner<'_>, rtype: Rtype, ttl: u32, rdata: &[u8]) -> Option<()> {
        self.records
            .extend_from_slice(&OWNER_QUESTION.to_be_bytes());
        self.records.extend_from_slice(&rtype.0.to_be_bytes());
        self.records.extend_from_slice(&[0, 1]);
        self.records.extend_from_slice(&ttl.to_be_bytes());
        let length_at = self.records.len();
        self.records.extend_from_slice(&[0, 0]);
        let host = additional_name(rtype, rdata);
        let mut from = 0;
        for name in rdata_name_ranges(rtype, rdata) {
            self.records
                .extend_from_slice(rdata.get(from..name.range.start)?);
            if host.as_ref() == Some(&name.range) {
                self.push_host(whose, &rdata[name.range.clone()])?;
            }
            self.push_name(whose.apex, &rdata[name.range.clone()], name.is_compressible)?;
            from = name.range.end;
        }
        self.records.extend_from_slice(rdata.get(from..)?);
        let length = u16::try_from(self.records.len() - length_at - 2).ok()?;
        self.records[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        u16::try_from(self.records.len()).ok()?;
        self.count = self.count.checked_add(1)?;
        Some(())
    }

    /// Notes a host of this zone whose name comes next. The root stands for the owner (RFC 9460, section 2.5.2).
    fn push_host(&mut self, whose: PieceOwner<'_>, octets: &[u8]) -> Option<()> {
        let position = u16::try_from(self.records.len()).ok()?;
        let (position, octets) = if octets == [0] {
            (POSITION_OWNER, whose.owner)
        } else {
            (position, octets)
        };
        if is_at_or_below(octets, whose.apex) {
            self.hosts.push(HostSpec {
                position,
                is_in_domain: is_at_or_below(octets, whose.owner),
                name: Name::from_wire(octets).ok()?.0,
            });
        }
        Some(())
    }

    /// Keeps each host once, and no more than are sent along.
    fn keep_hosts(&mut self) {
        let mut kept: Vec<HostSpec> = Vec::new();
        for host in std::mem::take(&mut self.hosts) {
            if kept.len() == ADDITIONAL_MAX {
                break;
            }
            if !kept.iter().any(|known| known.name == host.name) {
                kept.push(host);
            }
        }
        self.hosts = kept;
    }

    /// Writes a name, its end as a pointer to the apex where possible.
    fn push_name(&mut self, apex: &[u8], octets: &[u8], is_compressible: bool) -> Option<()> {
        if !is_compressible || apex == [0] || !is_at_or_below(octets, apex) {
            self.records.extend_from_slice(octets);
            return Some(());
        }
        let relative = octets.len() - apex.len();
        self.records.extend_from_slice(&octets[..relative]);
        self.patches.push(u16::try_from(self.records.len()).ok()?);
        debug_assert!(apex.len() <= NAME_MAX, "a name is at most 255 octets");
        self.records
            .extend_from_slice(&(apex.len() as u16).to_be_bytes());
        Some(())
    }
}

/// An RRset in an arena, ready to copy.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The records.
    pub records: &'a [u8],
    /// Number of records.
    pub count: u16,
    /// Length of each record in octets; 0 if they differ.
    pub stride: u16,
    /// Positions of stored pointers, two octets each.
    pub patches: &'a [u8],
    /// Hosts: node (four octets, 0 if the name does not exist here), position (two octets), whether it is in-domain.
    pub hosts: &'a [u8],
}

/// A host named in a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Node of the host, or the wildcard that it exists through.
    pub node: NodeAt,
    /// Offset of its name in the records.
    pub position: u16,
    /// True if it lies at or below the owner of the records.
    pub is_in_domain: bool,
}

impl<'a> Piece<'a> {
    /// A piece without records.
    pub const EMPTY: Self = Self {
        records: &[],
        count: 0,
        stride: 0,
        patches: &[],
        hosts: &[],
    };

    /// Returns the TTL of the records, seconds; the greatest number without any.
    #[inline]
    pub fn ttl(&self) -> u32 {
        match self.records {
            [_, _, _, _, _, _, a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]),
            _ => u32::MAX,
        }
    }

    /// Returns the positions of stored pointers.
    pub fn patches(&self) -> impl Iterator<Item = usize> + use<'a> {
        self.patches
            .as_chunks::<2>()
            .0
            .iter()
            .map(|octets| usize::from(u16::from_le_bytes(*octets)))
    }

    /// Returns the hosts that exist in the zone, in-domain ones first.
    pub fn hosts(&self) -> impl Iterator<Item = Host> + use<'a> {
        self.hosts.as_chunks::<8>().0.iter().filter_map(|octets| {
            let node = u32::from_le_bytes([octets[0], octets[1], octets[2], octets[3]]);
            Some(Host {
                node: NodeAt(node.checked_sub(1)?),
                position: u16::from_le_bytes([octets[4], octets[5]]),
                is_in_domain: octets[6] != 0,
            })
        })
    }
}
