//! A queue that is nearly always empty, and takes one word then.

use std::collections::VecDeque;
use std::collections::vec_deque::{IntoIter, Iter};

/// A first-in, first-out queue without memory while it is empty.
#[expect(clippy::box_collection, reason = "the size of an empty one is what it is for")]
pub struct RareQueue<T>(Option<Box<VecDeque<T>>>);

impl<T> Default for RareQueue<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> RareQueue<T> {
    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The oldest element.
    #[must_use]
    pub fn front(&self) -> Option<&T> {
        self.0.as_ref()?.front()
    }

    /// The oldest element, to be changed.
    pub fn front_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()?.front_mut()
    }

    /// Appends an element.
    pub fn push_back(&mut self, element: T) {
        self.0.get_or_insert_default().push_back(element);
    }

    /// Takes the oldest element.
    pub fn pop_front(&mut self) -> Option<T> {
        let queue = self.0.as_mut()?;
        let element = queue.pop_front();
        if queue.is_empty() {
            self.0 = None;
        }
        element
    }

    /// Appends all elements of `other`.
    pub fn append(&mut self, mut other: Self) {
        match (&mut self.0, &mut other.0) {
            (Some(queue), Some(others)) => queue.append(others),
            (None, _) => *self = other,
            (_, None) => {}
        }
    }

    /// The elements, the oldest first.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.as_ref().map_or_else(Iter::default, |queue| queue.iter())
    }
}

impl<'a, T> IntoIterator for &'a RareQueue<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> IntoIterator for RareQueue<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map(|queue| *queue).unwrap_or_default().into_iter()
    }
}

impl<T> Extend<T> for RareQueue<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        elements.into_iter().for_each(|element| self.push_back(element));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_no_memory_while_it_is_empty() {
        let mut queue = RareQueue::default();
        assert!(queue.is_empty() && queue.front().is_none() && queue.pop_front().is_none());
        queue.extend([1, 2]);
        let mut other = RareQueue::default();
        other.push_back(3);
        queue.append(other);
        queue.append(RareQueue::default());
        assert_eq!(queue.iter().copied().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!([queue.pop_front(), queue.pop_front(), queue.pop_front()], [Some(1), Some(2), Some(3)]);
        assert!(queue.is_empty());
        assert_eq!(size_of::<RareQueue<u64>>(), size_of::<usize>());
    }
}
