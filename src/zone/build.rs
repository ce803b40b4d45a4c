//! Builds a zone: collects RRsets and policies by owner, or takes records that are collected already.
//!
//! In: calls with names, types and RDATA, or a log of records. Out: the zone. Never here: how a zone lies in memory;
//! `layout` knows it.

use crate::wire::{Name, Rtype, is_at_or_below};

use super::arena::Zone;
use super::layout::Layout;
use super::policy::{Policies, RootId};
use super::record_log::RecordLog;
use super::soa::{BuildFault, Soa};

/// Builds a zone of records that are grouped and lie inside it, its SOA among them.
///
/// # Errors
/// If a name, an RRset or the zone is larger than its offsets can hold.
pub fn build_zone(
    apex: &Name,
    soa: Soa<'_>,
    log: &RecordLog,
    policies: Policies,
) -> Result<Zone, BuildFault> {
    Layout::new(apex, log).build(&[], soa, policies)
}

/// Builder of a zone.
#[derive(Debug)]
pub struct ZoneBuilder {
    apex: Name,
    log: RecordLog,
    /// Owners that exist even without data.
    touched: Vec<u32>,
    /// The last owner: what comes next is mostly of the same.
    last: (Name, u32),
    soa: Box<[u8]>,
    negative_ttl: u32,
}

impl ZoneBuilder {
    /// Starts a zone with its SOA. `negative_ttl` is the TTL of the SOA in negative answers (RFC 2308, section 5).
    ///
    /// # Errors
    /// If the SOA RDATA is malformed.
    pub fn new(
        apex: &Name,
        soa: &[u8],
        soa_ttl: u32,
        negative_ttl: u32,
    ) -> Result<Self, BuildFault> {
        let mut builder = Self {
            apex: apex.clone(),
            log: RecordLog::default(),
            touched: Vec::new(),
            last: (apex.clone(), 0),
            soa: soa.into(),
            negative_ttl,
        };
        builder.soa().negative(apex)?;
        builder.last.1 = builder.find_owner(apex)?;
        builder.rrset(apex, Rtype::SOA, soa_ttl, &[soa])?;
        Ok(builder)
    }

    fn soa(&self) -> Soa<'_> {
        Soa {
            rdata: &self.soa,
            negative_ttl: self.negative_ttl,
        }
    }

    /// Adds a static RRset.
    ///
    /// # Errors
    /// If the owner lies outside the zone or the zone is too large.
    pub fn rrset<R: AsRef<[u8]>>(
        &mut self,
        owner: &Name,
        rtype: Rtype,
        ttl: u32,
        rdata: &[R],
    ) -> Result<(), BuildFault> {
        let number = self.owner(owner)?;
        for record in rdata {
            let record = record.as_ref();
            if u16::try_from(record.len()).is_err() {
                return Err(BuildFault::RrsetTooLarge(owner.clone(), rtype));
            }
            let pushed = self.log.push(number, (rtype, ttl), record, (0, 0));
            pushed.ok_or(BuildFault::ZoneTooLarge)?;
        }
        Ok(())
    }

    /// Adds a policy for a type; [`super::ANY_TYPE`] answers every type that has no entry of its own.
    ///
    /// # Errors
    /// If the owner lies outside the zone.
    pub fn dynamic(&mut self, owner: &Name, rtype: Rtype, root: RootId) -> Result<(), BuildFault> {
        let number = self.owner(owner)?;
        self.log.push_root(number, rtype, root);
        Ok(())
    }

    /// Makes the owner exist although it has no data yet.
    ///
    /// # Errors
    /// If the owner lies outside the zone.
    pub fn touch(&mut self, owner: &Name) -> Result<(), BuildFault> {
        let number = self.owner(owner)?;
        self.touched.push(number);
        Ok(())
    }

    fn owner(&mut self, owner: &Name) -> Result<u32, BuildFault> {
        if self.last.0 == *owner {
            return Ok(self.last.1);
        }
        let number = self.find_owner(owner)?;
        self.last = (owner.clone(), number);
        Ok(number)
    }

    fn find_owner(&mut self, owner: &Name) -> Result<u32, BuildFault> {
        if !is_at_or_below(owner.octets(), self.apex.octets()) {
            return Err(BuildFault::OutOfZone(owner.clone()));
        }
        let interned = self.log.intern(owner.octets());
        interned.map_err(|fault| BuildFault::of_table(fault, || owner.clone()))
    }

    /// Lays out the zone.
    ///
    /// # Errors
    /// If a name, an RRset or the zone is larger than its offsets can hold.
    pub fn finish(mut self, policies: Policies) -> Result<Zone, BuildFault> {
        self.log.group();
        Layout::new(&self.apex, &self.log).build(&self.touched, self.soa(), policies)
    }
}
