//! The unacknowledged deliveries of a channel, by delivery tag.
//!
//! Tags increase, so the deliveries are sorted. Most are settled at the front. One that is settled further back leaves a
//! gap, which is removed when it reaches the front or when the gaps outnumber the deliveries.

use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Unacked<T> {
    slots: VecDeque<(u64, Option<T>)>,
    live: usize,
}

impl<T> Default for Unacked<T> {
    fn default() -> Self {
        Self { slots: VecDeque::new(), live: 0 }
    }
}

impl<T> Unacked<T> {
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// Adds a delivery; `tag` must be greater than all earlier tags.
    pub(crate) fn push(&mut self, tag: u64, delivery: T) {
        debug_assert!(self.slots.back().is_none_or(|(last, _)| *last < tag));
        self.slots.push_back((tag, Some(delivery)));
        self.live += 1;
    }

    /// Removes the delivery with this tag.
    pub(crate) fn take(&mut self, tag: u64) -> Option<T> {
        let index = self.find(tag)?;
        let taken = self.slots[index].1.take()?;
        self.live -= 1;
        self.trim();
        Some(taken)
    }

    /// Removes all deliveries up to and including this tag, which must be unacknowledged.
    pub(crate) fn take_up_to(&mut self, tag: u64) -> Option<Vec<T>> {
        let index = self.find(tag)?;
        self.slots[index].1.as_ref()?;
        let taken: Vec<T> = self.slots.drain(..=index).filter_map(|(_, slot)| slot).collect();
        self.live -= taken.len();
        self.trim();
        Some(taken)
    }

    pub(crate) fn take_all(&mut self) -> Vec<T> {
        self.live = 0;
        std::mem::take(&mut self.slots).into_iter().filter_map(|(_, slot)| slot).collect()
    }

    fn find(&self, tag: u64) -> Option<usize> {
        let first = self.slots.front()?.0;
        // Without gaps in the tags the index is computed, else searched.
        let guess = usize::try_from(tag.checked_sub(first)?).ok()?;
        if self.slots.get(guess).is_some_and(|(found, _)| *found == tag) {
            return Some(guess);
        }
        self.slots.binary_search_by_key(&tag, |(tag, _)| *tag).ok()
    }

    fn trim(&mut self) {
        while matches!(self.slots.front(), Some((_, None))) {
            self.slots.pop_front();
        }
        if self.slots.len() > 64 && self.slots.len() > 2 * self.live {
            self.slots.retain(|(_, slot)| slot.is_some());
        }
        if self.slots.is_empty() && self.slots.capacity() > 4096 {
            self.slots = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to(count: u64) -> Unacked<u64> {
        let mut unacked = Unacked::default();
        for tag in 1..=count {
            unacked.push(tag, tag * 10);
        }
        unacked
    }

    #[test]
    fn tags_are_settled_in_any_order() {
        let mut unacked = up_to(1000);
        for tag in (1..=1000).rev() {
            assert_eq!(unacked.take(tag), Some(tag * 10));
            assert_eq!(unacked.take(tag), None);
        }
        assert_eq!(unacked.len(), 0);
    }

    #[test]
    fn gaps_are_removed() {
        let mut unacked = up_to(1);
        for tag in 2..100_000 {
            unacked.push(tag, tag);
            assert_eq!(unacked.take(tag), Some(tag));
        }
        assert!(unacked.slots.len() < 200);
        assert_eq!(unacked.take(1), Some(10));
    }

    #[test]
    fn multiple_settles_all_up_to_a_tag() {
        let mut unacked = up_to(5);
        unacked.take(2);
        assert_eq!(unacked.take_up_to(2), None);
        assert_eq!(unacked.take_up_to(4), Some(vec![10, 30, 40]));
        assert_eq!(unacked.take_up_to(9), None);
        assert_eq!(unacked.take_all(), [50]);
        assert_eq!(unacked.len(), 0);
    }
}
