//! Matches returned messages with confirms. Pure: no channel, no clock.
//!
//! The broker sends an unroutable message back (`basic.return`) and acknowledges it afterwards. lapin queues returned
//! messages in order of arrival and attaches the oldest one to the next confirm that it resolves, whichever message that
//! confirm is for. A confirm for many messages resolves them in no particular order. So an acknowledgement without an
//! attached return does not prove by itself that its message is in the queue.
//!
//! The proof is this. The return of a message precedes its own acknowledgement. If its confirm has no attached return,
//! lapin has already attached all returns, including its own. If a newer message is attached, its own return was attached
//! earlier. Only if an older message is attached, its own return may still follow; then the result waits for a later
//! confirm.

use std::collections::HashSet;

use contract::Cause;
use uuid::Uuid;

/// The broker's answer to one message.
#[derive(Debug, Clone)]
pub(crate) struct Confirm<T> {
    /// Position in the order of publishing.
    pub(crate) number: u64,
    pub(crate) id: Uuid,
    /// Ack or the cause of the failure.
    pub(crate) answer: Result<(), Cause>,
    /// Returned message that lapin attached.
    pub(crate) returned: Option<Uuid>,
    /// Owner of the message.
    pub(crate) owner: T,
}

/// Confirms whose result is undecided, and returns whose message is unconfirmed.
#[derive(Debug)]
pub(crate) struct ReturnMatcher<T> {
    undecided: Vec<Confirm<T>>,
    returned: HashSet<Uuid>,
}

impl<T> Default for ReturnMatcher<T> {
    fn default() -> Self {
        Self { undecided: Vec::new(), returned: HashSet::new() }
    }
}

impl<T> ReturnMatcher<T> {
    /// Adds the confirms since the last call and passes each certain result to `resolve`.
    ///
    /// Every confirm that lapin resolved before one of `confirms` must be in `confirms` or in an earlier call. `number`
    /// returns the position of an unconfirmed message; `open` is the number of unconfirmed messages.
    pub(crate) fn settle(
        &mut self,
        confirms: Vec<Confirm<T>>,
        open: usize,
        number: impl Fn(Uuid) -> Option<u64>,
        mut resolve: impl FnMut(T, Uuid, Result<(), Cause>),
    ) {
        if self.undecided.is_empty()
            && self.returned.is_empty()
            && confirms.iter().all(|confirm| confirm.returned.is_none())
        {
            for confirm in confirms {
                resolve(confirm.owner, confirm.id, confirm.answer);
            }
            return;
        }
        // A new acknowledgement without an attached return: lapin had no return left.
        let none_left = confirms.iter().any(|confirm| confirm.returned.is_none() && confirm.answer.is_ok());
        let newest = confirms
            .iter()
            .filter_map(|confirm| confirm.returned)
            .filter_map(|id| {
                let known = confirms.iter().chain(&self.undecided).find(|confirm| confirm.id == id);
                known.map(|confirm| confirm.number).or_else(|| number(id))
            })
            .max();
        self.returned.extend(confirms.iter().filter_map(|confirm| confirm.returned));
        let older = std::mem::take(&mut self.undecided).into_iter().map(|confirm| (confirm, none_left));
        let new = confirms.into_iter().map(|confirm| {
            let certain = confirm.returned.is_none();
            (confirm, certain)
        });
        for (confirm, certain) in older.chain(new) {
            if self.returned.remove(&confirm.id) {
                resolve(confirm.owner, confirm.id, Err(Cause::Returned));
            } else if certain || open == 0 || newest > Some(confirm.number) || confirm.answer.is_err() {
                resolve(confirm.owner, confirm.id, confirm.answer);
            } else {
                self.undecided.push(confirm);
            }
        }
        if open == 0 {
            self.returned.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, VecDeque};

    /// Model of lapin: `waiting` are the returned messages that no confirm carries yet, oldest first.
    #[derive(Default)]
    struct Lapin {
        waiting: VecDeque<u64>,
        resolved: Vec<(u64, Option<u64>)>,
    }

    impl Lapin {
        fn resolve(&mut self, number: u64) {
            let carried = self.waiting.pop_front();
            self.resolved.push((number, carried));
        }
    }

    fn id(number: u64) -> Uuid {
        Uuid::from_u128(number.into())
    }

    /// The broker's next step: number of the oldest unconfirmed messages that it confirms at once, and a seed for the
    /// order in which lapin resolves them and for the lead of the returns.
    type Step = (usize, u64);

    fn shuffled(mut numbers: Vec<u64>, mut seed: u64) -> Vec<u64> {
        for left in (1..numbers.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            numbers.swap(left, (seed >> 33) as usize % (left + 1));
        }
        numbers
    }

    proptest! {
        #[test]
        fn results_are_right_for_every_grouping(
            routable in proptest::collection::vec(any::<bool>(), 1..60),
            steps in proptest::collection::vec((1_usize..9, any::<u64>()), 1..60),
            ahead in 0_usize..20,
            calls in proptest::collection::vec((1_usize..9, any::<u64>()), 1..60),
        ) {
            let count = routable.len() as u64;
            let mut lapin = Lapin::default();
            let (mut answered, mut returned_up_to) = (0, 0);
            let mut steps = steps.into_iter().cycle();
            while answered < count {
                let (many, seed): Step = steps.next().unwrap();
                let next = (answered + many as u64).min(count);
                // Each return precedes its own confirm, and may precede earlier confirms.
                let upto = (next + (seed % (ahead as u64 + 1))).min(count);
                while returned_up_to < upto {
                    if !routable[returned_up_to as usize] {
                        lapin.waiting.push_back(returned_up_to);
                    }
                    returned_up_to += 1;
                }
                for number in shuffled((answered..next).collect(), seed) {
                    lapin.resolve(number);
                }
                answered = next;
            }

            let mut results = BTreeMap::new();
            let mut matcher = ReturnMatcher::default();
            let mut rest = lapin.resolved.as_slice();
            let mut open = count as usize;
            let mut calls = calls.into_iter().cycle();
            while !rest.is_empty() {
                let (many, seed) = calls.next().unwrap();
                let (seen, later) = rest.split_at(many.min(rest.len()));
                rest = later;
                open -= seen.len();
                let order = shuffled((0..seen.len() as u64).collect(), seed);
                let confirms = order.into_iter().map(|at| {
                    let (number, returned) = seen[at as usize];
                    Confirm { number, id: id(number), answer: Ok(()), returned: returned.map(id), owner: () }
                });
                let number = |id: Uuid| u64::try_from(id.as_u128()).ok();
                matcher.settle(confirms.collect(), open, number, |(), id, result| {
                    results.insert(id.as_u128() as u64, result);
                });
            }
            prop_assert_eq!(results.len(), routable.len(), "every message has a result");
            for (number, result) in results {
                let expected = if routable[number as usize] { Ok(()) } else { Err(Cause::Returned) };
                prop_assert_eq!(result, expected, "message {}", number);
            }
        }
    }

    #[test]
    fn an_undecided_result_waits() {
        // 1 and 2 are returned; the confirm for 2 comes first, with 1 attached.
        let mut matcher = ReturnMatcher::default();
        let confirm = |number, returned: Option<u64>| Confirm {
            number,
            id: id(number),
            answer: Ok(()),
            returned: returned.map(id),
            owner: number,
        };
        let mut results = Vec::new();
        let number = |id: Uuid| u64::try_from(id.as_u128()).ok();
        matcher
            .settle(vec![confirm(2, Some(1))], 1, number, |owner, _, result| results.push((owner, result)));
        assert_eq!(results, []);
        matcher
            .settle(vec![confirm(1, Some(2))], 0, number, |owner, _, result| results.push((owner, result)));
        assert_eq!(results, [(2, Err(Cause::Returned)), (1, Err(Cause::Returned))]);
    }
}
