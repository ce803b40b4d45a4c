//! Lists of numbers by number, packed: for each row the places where its items start and end.

/// Rows of numbers in two flat arrays.
#[derive(Clone, Debug, Default)]
pub struct Csr {
    starts: Box<[u32]>,
    items: Box<[u32]>,
}

impl Csr {
    /// Groups `(row, item)` pairs by row, keeping the order of items within a row.
    pub fn group(rows: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0u32; rows + 1];
        for &(row, _) in pairs {
            starts[row as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut items = vec![0; pairs.len()];
        for &(row, item) in pairs {
            let at = &mut next[row as usize];
            items[*at as usize] = item;
            *at += 1;
        }
        Self {
            starts: starts.into(),
            items: items.into(),
        }
    }

    /// Returns whether every row is empty.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the items of a row; empty for a row that does not exist.
    pub fn row(&self, row: u32) -> &[u32] {
        let row = row as usize;
        match (self.starts.get(row), self.starts.get(row + 1)) {
            (Some(&from), Some(&to)) => &self.items[from as usize..to as usize],
            _ => &[],
        }
    }
}
