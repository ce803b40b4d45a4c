//! Pieces: the ready wire octets of one RRset, with what must be patched when they are copied into a message.
//!
//! A piece is made at load. Its records own the question (`C00C`); names in RDATA that RFC 3597, section 4 lets us
//! compress end in a pointer to the apex inside the question, stored as the distance from the question's name end, so
//! that copying adds one number. Nothing else is compressed.

use crate::wire::{NAME_MAX, Name, Rtype};

/// Pointer to the question's name, as every stored record owns it.
pub const OWNER_QUESTION: u16 = 0xc00c;
/// Fixed octets of a record whose owner is a pointer: owner, type, class, TTL, RDLENGTH.
pub const RR_FIXED: usize = 12;
/// Position that says "the owner of the RRset itself"; no RDATA starts there.
pub const POSITION_OWNER: u16 = 0;
/// Names in one RRset whose addresses are sent along (chosen: thirteen servers as the root has them, whose glue RFC
/// 9471, section 3.1 requires whole, and room).
pub const ADDITIONAL_MAX: usize = 16;

/// One RRset as octets, before it stands in an arena.
#[derive(Clone, Debug, Default)]
pub struct PieceSpec {
    /// The records.
    pub records: Vec<u8>,
    /// How many.
    pub count: u16,
    /// Length of each record; 0 if they differ.
    pub stride: u16,
    /// Positions of stored pointers.
    pub patches: Vec<u16>,
    /// Hosts named in RDATA whose addresses may be sent along: position of the name, and the name.
    pub hosts: Vec<(u16, Name)>,
}

/// Where the domain names of an RDATA are, for the types whose names matter to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameLayout {
    /// None that concerns us.
    None,
    /// One at this offset; compressible or not; whether its addresses belong into the additional section.
    One {
        at: usize,
        compressible: bool,
        is_host: bool,
    },
    /// SOA: two at the start.
    Soa,
}

/// RFC 3597, section 4: only types of RFC 1035 may be compressed. RFC 1035 section 3.3, RFC 2782, RFC 9460 section
/// 4.1 say whose addresses to add.
const fn name_layout(rtype: Rtype) -> NameLayout {
    match rtype {
        Rtype::NS => NameLayout::One {
            at: 0,
            compressible: true,
            is_host: true,
        },
        Rtype::CNAME | Rtype::PTR => NameLayout::One {
            at: 0,
            compressible: true,
            is_host: false,
        },
        Rtype::MX => NameLayout::One {
            at: 2,
            compressible: true,
            is_host: true,
        },
        Rtype::SRV => NameLayout::One {
            at: 6,
            compressible: false,
            is_host: true,
        },
        Rtype::SVCB | Rtype::HTTPS => NameLayout::One {
            at: 2,
            compressible: false,
            is_host: true,
        },
        Rtype::DNAME => NameLayout::One {
            at: 0,
            compressible: false,
            is_host: false,
        },
        Rtype::SOA => NameLayout::Soa,
        _ => NameLayout::None,
    }
}

impl PieceSpec {
    /// Encodes an RRset of a zone. `None` if the octets exceed what one message could hold.
    pub fn encode(
        apex: &Name,
        owner: &Name,
        rtype: Rtype,
        ttl: u32,
        rdata: &[Box<[u8]>],
    ) -> Option<Self> {
        let mut piece = Self::default();
        for record in rdata {
            piece.push(apex, owner, rtype, ttl, record)?;
        }
        let len = piece.records.len() / rdata.len().max(1);
        let is_even = rdata.windows(2).all(|pair| pair[0].len() == pair[1].len());
        if is_even && piece.patches.is_empty() && piece.hosts.is_empty() {
            piece.stride = u16::try_from(len).ok()?;
        }
        Some(piece)
    }

    fn push(
        &mut self,
        apex: &Name,
        owner: &Name,
        rtype: Rtype,
        ttl: u32,
        rdata: &[u8],
    ) -> Option<()> {
        self.records
            .extend_from_slice(&OWNER_QUESTION.to_be_bytes());
        self.records.extend_from_slice(&rtype.0.to_be_bytes());
        self.records.extend_from_slice(&[0, 1]);
        self.records.extend_from_slice(&ttl.to_be_bytes());
        let length_at = self.records.len();
        self.records.extend_from_slice(&[0, 0]);
        match name_layout(rtype) {
            NameLayout::None => self.records.extend_from_slice(rdata),
            NameLayout::Soa => {
                let first = self.push_name(apex, rdata, true)?;
                let second = self.push_name(apex, &rdata[first..], true)?;
                self.records.extend_from_slice(&rdata[first + second..]);
            }
            NameLayout::One {
                at,
                compressible,
                is_host,
            } => {
                self.records.extend_from_slice(rdata.get(..at)?);
                let position = u16::try_from(self.records.len()).ok()?;
                let (name, _) = Name::from_wire(rdata.get(at..)?).ok()?;
                let used = self.push_name(apex, &rdata[at..], compressible)?;
                self.records.extend_from_slice(&rdata[at + used..]);
                // RFC 9460, section 2.5.2: in ServiceMode "." stands for the owner.
                let is_service =
                    matches!(rtype, Rtype::SVCB | Rtype::HTTPS) && rdata[..at] != [0, 0];
                let host = match (is_service, name.is_root()) {
                    (true, true) => Some((POSITION_OWNER, owner.clone())),
                    _ => name.is_at_or_below(apex).then_some((position, name)),
                };
                if is_host && self.hosts.len() < ADDITIONAL_MAX {
                    self.hosts.extend(host);
                }
            }
        }
        let length = u16::try_from(self.records.len() - length_at - 2).ok()?;
        self.records[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        u16::try_from(self.records.len()).ok()?;
        self.count = self.count.checked_add(1)?;
        Some(())
    }

    /// Writes the name at the start of `rdata`, its end as a pointer to the apex where possible; returns its length
    /// in `rdata`.
    fn push_name(&mut self, apex: &Name, rdata: &[u8], compressible: bool) -> Option<usize> {
        let (name, used) = Name::from_wire(rdata).ok()?;
        let apex_len = apex.octets().len();
        if !compressible || apex.is_root() || !name.is_at_or_below(apex) {
            self.records.extend_from_slice(name.octets());
            return Some(used);
        }
        self.records
            .extend_from_slice(&name.octets()[..used - apex_len]);
        self.patches.push(u16::try_from(self.records.len()).ok()?);
        debug_assert!(apex_len <= NAME_MAX, "a name is at most 255 octets");
        self.records
            .extend_from_slice(&(apex_len as u16).to_be_bytes());
        Some(used)
    }
}

/// One RRset in an arena, ready to copy.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The records.
    pub records: &'a [u8],
    /// How many.
    pub count: u16,
    /// Length of each record; 0 if they differ.
    pub stride: u16,
    /// Positions of stored pointers, two octets each.
    pub patches: &'a [u8],
    /// Hosts: node (four octets, 0 if the name does not exist here) and position (two octets, two spare).
    pub hosts: &'a [u8],
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

    /// Returns the positions of stored pointers.
    pub fn patches(&self) -> impl Iterator<Item = usize> + use<'a> {
        self.patches
            .as_chunks::<2>()
            .0
            .iter()
            .map(|octets| usize::from(u16::from_le_bytes(*octets)))
    }

    /// Returns node and name position of each host.
    pub fn hosts(&self) -> impl Iterator<Item = (u32, u16)> + use<'a> {
        self.hosts.as_chunks::<8>().0.iter().map(|octets| {
            (
                u32::from_le_bytes([octets[0], octets[1], octets[2], octets[3]]),
                u16::from_le_bytes([octets[4], octets[5]]),
            )
        })
    }
}
