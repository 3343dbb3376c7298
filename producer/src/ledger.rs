//! Which of the messages that the broker answered it had returned before. Pure: no channel, no clock.
//!
//! An unroutable message comes back (`basic.return`) and is acknowledged afterwards all the same. lapin does not tell
//! the two apart by message: it keeps returned messages in the order in which they came, and gives the oldest away with
//! whichever confirm it resolves next; a confirm for many messages resolves them in no order at all. So the answer to
//! one message may carry another one home, and "acknowledged, nothing carried" alone does not mean "in the queue".
//!
//! What holds is this. A message's return comes before its own acknowledgement. So when its confirm carries nothing,
//! lapin had given every return away by then, its own included. When it carries a younger message, its own return
//! would have been given away earlier. Only when it carries an older one, its own may still be to come: then the verdict
//! waits for a later answer that settles it.

use std::collections::HashSet;

use contract::Cause;
use uuid::Uuid;

/// One answered message.
#[derive(Debug, Clone)]
pub(crate) struct Answer<T> {
    /// Its place in the order of publishing.
    pub(crate) number: u64,
    pub(crate) id: Uuid,
    /// The broker's own word.
    pub(crate) word: Result<(), Cause>,
    /// The returned message that came with it, whichever that is.
    pub(crate) carried: Option<Uuid>,
    /// Whose message it is.
    pub(crate) whose: T,
}

/// Answers whose verdict waits, and returns whose message has no answer yet.
#[derive(Debug)]
pub(crate) struct Ledger<T> {
    held: Vec<Answer<T>>,
    returned: HashSet<Uuid>,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { held: Vec::new(), returned: HashSet::new() }
    }
}

impl<T> Ledger<T> {
    /// Takes all answers that have come since the last call, and gives each verdict that is certain to `verdict`.
    ///
    /// Every answer that lapin resolved before one of the `answers` must be among them or have been given before.
    /// `number` knows the place of messages that have no answer yet, of which there are `open`.
    pub(crate) fn settle(
        &mut self,
        answers: Vec<Answer<T>>,
        open: usize,
        number: impl Fn(Uuid) -> Option<u64>,
        mut verdict: impl FnMut(T, Uuid, Result<(), Cause>),
    ) {
        if self.held.is_empty() && self.returned.is_empty() && answers.iter().all(|a| a.carried.is_none()) {
            for answer in answers {
                verdict(answer.whose, answer.id, answer.word);
            }
            return;
        }
        // An answer that carries nothing and is newer than all that is held: no return was left then.
        let none_left = answers.iter().any(|answer| answer.carried.is_none() && answer.word.is_ok());
        let youngest = answers
            .iter()
            .filter_map(|answer| answer.carried)
            .filter_map(|id| {
                let known = answers.iter().chain(&self.held).find(|answer| answer.id == id);
                known.map(|answer| answer.number).or_else(|| number(id))
            })
            .max();
        self.returned.extend(answers.iter().filter_map(|answer| answer.carried));
        let older = std::mem::take(&mut self.held).into_iter().map(|answer| (answer, none_left));
        let new = answers.into_iter().map(|answer| {
            let certain = answer.carried.is_none();
            (answer, certain)
        });
        for (answer, certain) in older.chain(new) {
            if self.returned.remove(&answer.id) {
                verdict(answer.whose, answer.id, Err(Cause::Returned));
            } else if certain || open == 0 || youngest > Some(answer.number) || answer.word.is_err() {
                verdict(answer.whose, answer.id, answer.word);
            } else {
                self.held.push(answer);
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

    /// lapin as its source has it: `waiting` are the returned messages, oldest first.
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

    /// What the broker does next with the oldest messages that have no answer: how many it confirms at once, and in
    /// which order lapin resolves them (a seed); or whether it lets the returns run ahead of the confirms.
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
        fn every_verdict_is_true_however_answers_are_grouped(
            routable in proptest::collection::vec(any::<bool>(), 1..60),
            steps in proptest::collection::vec((1_usize..9, any::<u64>()), 1..60),
            ahead in 0_usize..20,
            looks in proptest::collection::vec((1_usize..9, any::<u64>()), 1..60),
        ) {
            let count = routable.len() as u64;
            let mut lapin = Lapin::default();
            let (mut answered, mut returned_up_to) = (0, 0);
            let mut steps = steps.into_iter().cycle();
            while answered < count {
                let (many, seed): Step = steps.next().unwrap();
                let next = (answered + many as u64).min(count);
                // Returns come in order, each before its own confirm, and may run ahead of confirms.
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

            let mut verdicts = BTreeMap::new();
            let mut ledger = Ledger::default();
            let mut rest = lapin.resolved.as_slice();
            let mut open = count as usize;
            let mut looks = looks.into_iter().cycle();
            while !rest.is_empty() {
                let (many, seed) = looks.next().unwrap();
                let (seen, later) = rest.split_at(many.min(rest.len()));
                rest = later;
                open -= seen.len();
                let order = shuffled((0..seen.len() as u64).collect(), seed);
                let answers = order.into_iter().map(|at| {
                    let (number, carried) = seen[at as usize];
                    Answer { number, id: id(number), word: Ok(()), carried: carried.map(id), whose: () }
                });
                let number = |id: Uuid| u64::try_from(id.as_u128()).ok();
                ledger.settle(answers.collect(), open, number, |(), id, verdict| {
                    verdicts.insert(id.as_u128() as u64, verdict);
                });
            }
            prop_assert_eq!(verdicts.len(), routable.len(), "everything has a verdict in the end");
            for (number, verdict) in verdicts {
                let expected = if routable[number as usize] { Ok(()) } else { Err(Cause::Returned) };
                prop_assert_eq!(verdict, expected, "message {}", number);
            }
        }
    }

    #[test]
    fn a_verdict_that_is_not_certain_waits_for_the_answer_that_settles_it() {
        // 1 and 2 are returned; the confirm for 2 comes first and carries 1.
        let mut ledger = Ledger::default();
        let answer = |number, carried: Option<u64>| Answer {
            number,
            id: id(number),
            word: Ok(()),
            carried: carried.map(id),
            whose: number,
        };
        let mut verdicts = Vec::new();
        let number = |id: Uuid| u64::try_from(id.as_u128()).ok();
        ledger
            .settle(vec![answer(2, Some(1))], 1, number, |whose, _, verdict| verdicts.push((whose, verdict)));
        assert_eq!(verdicts, []);
        ledger
            .settle(vec![answer(1, Some(2))], 0, number, |whose, _, verdict| verdicts.push((whose, verdict)));
        assert_eq!(verdicts, [(2, Err(Cause::Returned)), (1, Err(Cause::Returned))]);
    }
}
