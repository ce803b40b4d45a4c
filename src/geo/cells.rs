//! IPv6 addresses to class and scope in two loads, where runs of classes lie on prefix borders that are not too fine.
//!
//! In: runs of classes. Out: class and scope, or nothing where the runs must be searched. Never here: the search.
//!
//! Registries give out IPv6 in few large blocks and fill these with prefixes of few lengths. So each first 16 bits choose
//! their own number of further bits, as many as their runs need within a bound of memory.
//!
//! | top entry | meaning |
//! |---|---|
//! | `DIRECT` set | class and scope of a whole /16 |
//! | else | offset * 32 + bits: cells by that many bits after the first 16, in blocks of 256; bits 0 has none |
//!
//! | cell | meaning |
//! |---|---|
//! | 0 | several classes, or a scope longer than the cell: search the runs |
//! | n | `palette[n]` is class and scope of the whole cell |
//!
//! Equal blocks are stored once, so what no registry has given out costs nothing.

use std::collections::HashMap;

use super::palette::{Palette, SEARCH, pack, unpack};
use super::runs::{Key, Runs};

const DIRECT: u32 = 1 << 31;
/// Further bits that cells may go by (chosen: a /36, beyond which prefixes are mostly those of single sites).
const BITS_MAX: u32 = 20;
/// Cells for each run (chosen: in octets about as much as the runs themselves take).
const CELLS_A_RUN: usize = 16;
/// Cells that any first 16 bits may have however few their runs.
const CELLS_FREE: usize = 1 << 12;
const BLOCK: usize = 256;
const BLOCK_BITS: u32 = 8;
/// Runs for each one that may lie on a finer border before more bits are taken.
const FINER_MAX: usize = 16;
/// Offsets of blocks stay within the bits that are left of a top entry.
const FIRSTS_MAX: usize = 1 << 26;

/// Class and scope by cell.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    tops: Box<[u32]>,
    /// Numbers of blocks by the first bits after the first 16.
    firsts: Box<[u32]>,
    cells: Numbers,
    palette: Box<[u32]>,
}

/// Numbers of pairs, in octets while the palette allows it.
#[derive(Clone, Debug)]
enum Numbers {
    Narrow(Box<[u8]>),
    Wide(Box<[u16]>),
}

impl Cells {
    /// Builds the cells of runs.
    pub(super) fn new(runs: &Runs<u128>) -> Self {
        let mut palette = Palette::new(runs, 16 + BITS_MAX as usize);
        let mut tops = Vec::with_capacity(1 << 16);
        let mut firsts: Vec<u32> = Vec::new();
        let mut cells: Vec<u16> = Vec::new();
        let mut numbers: HashMap<[u16; BLOCK], u32> = HashMap::new();
        let mut run = 0;
        for top in 0..=u16::MAX {
            let base = u128::from(top) << 112;
            run = runs.advance(run, base);
            if let Some((class, scope)) = runs.whole_block(run, base, 16) {
                tops.push(pack(class, scope) | DIRECT);
                continue;
            }
            let bits = bits_for(runs, run, top);
            if firsts.len() >= FIRSTS_MAX {
                // Without cells the runs are searched, which is slower and as true.
                tops.push(0);
                continue;
            }
            tops.push((firsts.len() as u32) << 5 | bits);
            let mut at = run;
            for first in 0..1u128 << (bits - BLOCK_BITS) {
                let first = base | first << (112 - bits + BLOCK_BITS);
                at = runs.advance(at, first);
                let block = build_block(runs, at, first, bits, &mut palette);
                firsts.push(*numbers.entry(block).or_insert_with(|| {
                    cells.extend_from_slice(&block);
                    (cells.len() / BLOCK - 1) as u32
                }));
            }
        }
        let narrow: Result<Vec<u8>, _> = cells.iter().map(|n| u8::try_from(*n)).collect();
        Self {
            tops: tops.into(),
            firsts: firsts.into(),
            cells: match narrow {
                Ok(cells) => Numbers::Narrow(cells.into()),
                Err(_) => Numbers::Wide(cells.into()),
            },
            palette: palette.into_pairs(),
        }
    }

    /// The entry of the first 16 bits.
    #[inline]
    pub(super) fn top(&self, key: u128) -> Option<&u32> {
        self.tops.get((key >> 112) as usize)
    }

    /// Class and scope if a cell knows them.
    #[inline]
    pub(super) fn find(&self, key: u128) -> Option<(u16, u8)> {
        let high = (key >> 64) as u64;
        let top = *self.tops.get((high >> 48) as usize)?;
        if top & DIRECT != 0 {
            return Some(unpack(top & !DIRECT));
        }
        let bits = top & 31;
        if bits == 0 {
            return None;
        }
        // The first 16 bits are shifted out; 8 to 20 bits of the rest stay.
        let cell = ((high << 16) >> (64 - bits)) as usize;
        let first = *self.firsts.get((top >> 5) as usize + cell / BLOCK)?;
        let at = first as usize * BLOCK + cell % BLOCK;
        let number = match &self.cells {
            Numbers::Narrow(cells) => u16::from(*cells.get(at)?),
            Numbers::Wide(cells) => *cells.get(at)?,
        };
        if number == SEARCH {
            return None;
        }
        self.palette.get(usize::from(number)).copied().map(unpack)
    }

    /// Returns the heap memory in use, octets.
    pub(super) fn size_bytes(&self) -> usize {
        let cells = match &self.cells {
            Numbers::Narrow(cells) => size_of_val(&**cells),
            Numbers::Wide(cells) => size_of_val(&**cells),
        };
        cells + size_of_val(&*self.tops) + size_of_val(&*self.firsts) + size_of_val(&*self.palette)
    }
}

/// The cells of one block, of which `run` holds the first address.
fn build_block(
    runs: &Runs<u128>,
    mut run: usize,
    first: u128,
    bits: u32,
    palette: &mut Palette,
) -> [u16; BLOCK] {
    // Most blocks lie within one run.
    let len = 16 + (bits - BLOCK_BITS) as u8;
    if let Some((class, scope)) = runs.whole_block(run, first, len) {
        return [palette.number(class, scope); BLOCK];
    }
    let mut block = [SEARCH; BLOCK];
    for (i, cell) in block.iter_mut().enumerate() {
        let first = first | (i as u128) << (112 - bits);
        run = runs.advance(run, first);
        if let Some((class, scope)) = runs.whole_block(run, first, 16 + bits as u8) {
            *cell = palette.number(class, scope);
        }
    }
    block
}

/// The bits that the runs under some first 16 bits need: the fewest by which nearly all their borders go, within the
/// memory that their blocks may take.
fn bits_for(runs: &Runs<u128>, run: usize, top: u16) -> u32 {
    let mut starts: Vec<u128> = Vec::new();
    while let Some((start, _)) = runs.get(run + 1 + starts.len())
        && start.top() == usize::from(top)
    {
        starts.push(start);
    }
    let room = (starts.len() * CELLS_A_RUN).max(CELLS_FREE);
    let mut bits = BLOCK_BITS;
    while bits < BITS_MAX {
        let finer = starts
            .iter()
            .filter(|start| start.trailing_zeros() < 112 - bits);
        if finer.count() * FINER_MAX <= starts.len() {
            break;
        }
        let block_of = |start: &u128| start >> (112 - bits - 1 + BLOCK_BITS);
        let blocks = starts.chunk_by(|a, b| block_of(a) == block_of(b)).count();
        // Few runs in a wide space are found as fast by a search.
        let is_sparse = 1 << (bits + 1 - BLOCK_BITS) > starts.len() * 2;
        if is_sparse || blocks * BLOCK > room {
            break;
        }
        bits += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    fn key(text: &str) -> u128 {
        text.parse::<Ipv6Addr>().expect("an address").to_bits()
    }

    #[test]
    fn answers_whole_cells_and_leaves_finer_borders_to_the_search() {
        let mut list = vec![(0, 1)];
        // /32s of three classes, and one single address among them.
        for i in 0..500u128 {
            list.push((key("2a00::") + (i << 96), (i % 3) as u16));
        }
        list.push((key("2a00:3::1"), 9));
        list.push((key("2a00:3::2"), 0));
        list.push((key("2b00::"), 1));
        list.sort_unstable();
        let runs = Runs::new(list);
        let cells = Cells::new(&runs);
        for text in [
            "::1",
            "2a00:7::1",
            "2a00:1f0::",
            "2a00:ffff::9",
            "2b01::",
            "ffff::",
            "2a00:3::1",
            "2a00:3:8::",
        ] {
            let wanted = runs.value_and_scope(key(text));
            let found = cells.find(key(text));
            assert!(found.is_none_or(|found| found == wanted), "{text}");
            assert_eq!(found.is_none(), text.starts_with("2a00:3:"), "{text}");
        }
    }
}
