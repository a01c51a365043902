//! RFC 6962 Merkle inclusion: the same tree that receipts and the audit log use.

use solana_sha256_hasher::hashv;

/// Hash of a leaf's content.
pub fn leaf(content: &[u8]) -> [u8; 32] {
    hashv(&[&[0], content]).to_bytes()
}

/// Hash of two subtrees.
pub fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    hashv(&[&[1], left, right]).to_bytes()
}

/// The root that `proof` leads to from the leaf at `index` of `count`; `None` where the proof does not fit that place
/// (RFC 9162, section 2.1.3.2).
pub fn root(index: u32, count: u32, leaf: [u8; 32], proof: &[[u8; 32]]) -> Option<[u8; 32]> {
    let (mut place, mut last) = (index, count.checked_sub(1)?);
    if place > last {
        return None;
    }
    let mut hash = leaf;
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            hash = node(sibling, &hash);
            // A right edge without a left turn was carried up: those levels have no sibling.
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "small trees, and a panic is a failed test"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The tree by its definition: split at the largest power of two below the count.
    fn tree(leaves: &[[u8; 32]]) -> [u8; 32] {
        match leaves {
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node(&tree(left), &tree(right))
            }
        }
    }

    fn path(index: usize, leaves: &[[u8; 32]]) -> Vec<[u8; 32]> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let middle = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(middle);
        let (mut proof, sibling) =
            if index < middle { (path(index, left), tree(right)) } else { (path(index - middle, right), tree(left)) };
        proof.push(sibling);
        proof
    }

    proptest! {
        #[test]
        fn every_leaf_of_every_tree_is_proven_and_no_other_place_is(count in 1u32..40, index: u32, other: u32) {
            let (index, other) = (index % count, other % (count + 3));
            let leaves: Vec<_> = (0..count).map(|index| leaf(&index.to_le_bytes())).collect();
            let place = usize::try_from(index).unwrap();
            let proof = path(place, &leaves);
            let whole = tree(&leaves);
            prop_assert_eq!(root(index, count, leaves[place], &proof), Some(whole));
            prop_assert!(other == index || root(other, count, leaves[place], &proof) != Some(whole));
            let mut longer = proof.clone();
            longer.push([0; 32]);
            prop_assert_eq!(root(index, count, leaves[place], &longer), None);
            if let Some((_, shorter)) = proof.split_last() {
                prop_assert_eq!(root(index, count, leaves[place], shorter), None);
            }
        }
    }
}
