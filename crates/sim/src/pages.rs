//! A long sequence in short pieces.

use std::collections::VecDeque;

/// A sequence that grows at its end and is given back at its front.
///
/// It lies in pages of a fixed length, so that growing copies nothing, giving back moves at most a page, and a thousand worlds, one
/// after the other, use the same small pieces of memory: of a `Vec` that doubles, the kernel would see every one come and go.
#[derive(Clone, Debug)]
pub(crate) struct Pages<T> {
    /// None is empty. Each but the first and the last is full.
    pages: VecDeque<Vec<T>>,
}

const PAGE: usize = 64;

impl<T> Pages<T> {
    pub(crate) const fn new() -> Self {
        Self { pages: VecDeque::new() }
    }

    pub(crate) fn len(&self) -> usize {
        match (self.pages.front(), self.pages.back()) {
            (Some(first), Some(last)) if self.pages.len() > 1 => {
                first.len() + (self.pages.len() - 2) * PAGE + last.len()
            }
            (Some(only), _) => only.len(),
            _ => 0,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, thing: T) {
        match self.pages.back_mut() {
            Some(last) if last.len() < PAGE => last.push(thing),
            _ => self.turn(thing),
        }
    }

    /// Begins a page.
    #[cold]
    fn turn(&mut self, thing: T) {
        let mut page = Vec::with_capacity(PAGE);
        page.push(thing);
        self.pages.push_back(page);
    }

    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        let first = self.pages.front()?;
        match place.checked_sub(first.len()) {
            None => first.get(place),
            Some(rest) => self.pages.get(1 + rest / PAGE)?.get(rest % PAGE),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }

    /// Gives back the first `count`.
    pub(crate) fn release(&mut self, mut count: usize) {
        while let Some(first) = self.pages.front_mut() {
            if count < first.len() {
                first.drain(..count);
                return;
            }
            count -= first.len();
            self.pages.pop_front();
        }
    }

    /// Keeps the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        let mut surplus = self.len().saturating_sub(len);
        while let Some(last) = self.pages.back_mut() {
            if surplus < last.len() {
                return last.truncate(last.len() - surplus);
            }
            surplus -= last.len();
            self.pages.pop_back();
        }
    }

    /// Keeps those that `keep` wants, asked in order.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for page in core::mem::take(&mut self.pages) {
            page.into_iter().filter(|thing| keep(thing)).for_each(|thing| self.push(thing));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        Release(usize),
        Truncate(usize),
        Retain(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..200_usize).prop_map(Step::Push),
            1 => (0..300_usize).prop_map(Step::Release),
            1 => (0..400_usize).prop_map(Step::Truncate),
            1 => (2..5_u32).prop_map(Step::Retain),
        ]
    }

    proptest! {
        #[test]
        fn pages_are_a_list(steps in prop::collection::vec(step(), 0..20)) {
            let (mut pages, mut plain, mut next) = (Pages::new(), Vec::new(), 0_u32);
            for step in steps {
                match step {
                    Step::Push(count) => (0..count).for_each(|_| {
                        next += 1;
                        pages.push(next);
                        plain.push(next);
                    }),
                    Step::Release(count) => {
                        pages.release(count);
                        plain.drain(..count.min(plain.len()));
                    }
                    Step::Truncate(len) => {
                        pages.truncate(len);
                        plain.truncate(len);
                    }
                    Step::Retain(by) => {
                        pages.retain(|thing| thing % by != 0);
                        plain.retain(|thing| thing % by != 0);
                    }
                }
                prop_assert_eq!(pages.len(), plain.len());
                prop_assert!(pages.iter().eq(&plain));
                prop_assert!((0..plain.len() + 2).all(|place| pages.get(place) == plain.get(place)));
            }
        }
    }
}
