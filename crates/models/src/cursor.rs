//! Keyset pages: where a page begins, which way it runs, and what came back.
//!
//! A page is found by the key of the row before it, never by counting: page 1,000 costs what page 1
//! costs, and a row that is inserted or deleted meanwhile neither doubles nor hides another. OFFSET
//! has neither property.

use crate::Error;

/// The largest page, in rows.
pub const MAX_PAGE: u32 = 10_000;

/// [`MAX_PAGE`] as an error shows it.
pub(crate) const MAX_PAGE_TEXT: &str = "10,000";

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// From the smallest key, or the oldest row.
    Ascending,
    /// From the largest key, or the newest row.
    Descending,
}

/// A place in an ordered list: behind one key, or before them all.
///
/// `K` is the key of the row, or `(created_at, key)`. Both halves are open, so that a service can
/// write them into a link and build the cursor again:
///
/// ```
/// use steadfast_models::{Cursor, Order};
///
/// let cursor = Cursor::after(41_i64, Order::Descending);
/// assert_eq!((cursor.key(), cursor.order()), (Some(&41), Order::Descending));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor<K> {
    order: Order,
    key: Option<K>,
}

impl<K> Cursor<K> {
    /// The beginning of the list from the smallest key, or the oldest row.
    pub fn ascending() -> Self {
        Self { order: Order::Ascending, key: None }
    }

    /// The beginning of the list from the largest key, or the newest row.
    pub fn descending() -> Self {
        Self { order: Order::Descending, key: None }
    }

    /// The place right behind `key` in a list that runs in `order`.
    ///
    /// The row with that key need not exist any more.
    pub fn after(key: K, order: Order) -> Self {
        Self { order, key: Some(key) }
    }

    /// Which way the list runs.
    pub fn order(&self) -> Order {
        self.order
    }

    /// The key before the page; `None` at the beginning.
    pub fn key(&self) -> Option<&K> {
        self.key.as_ref()
    }
}

/// One page of a list, and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The rows, in the order of the cursor; as many as asked for, fewer only on the last page.
    pub items: Vec<T>,
    /// Where the next page begins; `None` if no row followed this page when it was read.
    pub next: Option<Cursor<K>>,
}

impl<T, K> Page<T, K> {
    /// How many rows to ask the server for: one more than the page, which tells whether another
    /// page follows.
    ///
    /// # Errors
    /// [`Error::PageSize`] unless `size` is 1 to [`MAX_PAGE`].
    #[doc(hidden)]
    pub fn limit(size: u32) -> Result<i64, Error> {
        if (1..=MAX_PAGE).contains(&size) {
            Ok(i64::from(size) + 1)
        } else {
            Err(Error::PageSize { size })
        }
    }

    /// The page made of what [`limit`](Self::limit) rows the server had.
    #[doc(hidden)]
    pub fn from_rows(mut rows: Vec<T>, size: u32, order: Order, key: impl Fn(&T) -> K) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(|last| Cursor::after(key(last), order));
        Self { items: rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_none_or_of_too_many_rows_is_refused() {
        for size in [0, MAX_PAGE + 1, u32::MAX] {
            let refused = Page::<(), ()>::limit(size);
            assert!(
                matches!(refused, Err(Error::PageSize { size: s }) if s == size),
                "{refused:?}"
            );
        }
        assert_eq!(Page::<(), ()>::limit(1).unwrap(), 2);
        assert_eq!(Page::<(), ()>::limit(MAX_PAGE).unwrap(), 10_001);
    }

    #[test]
    fn the_row_beyond_the_page_is_left_for_the_next_one() {
        let page = Page::from_rows(vec![5, 4, 3], 2, Order::Descending, |n| *n);
        assert_eq!(page.items, [5, 4]);
        assert_eq!(page.next, Some(Cursor::after(4, Order::Descending)));
    }

    #[test]
    fn a_full_page_with_nothing_behind_it_is_the_last() {
        let page = Page::from_rows(vec![1, 2], 2, Order::Ascending, |n| *n);
        assert_eq!((page.items.len(), page.next), (2, None));
    }

    #[test]
    fn the_text_of_the_limit_is_the_limit() {
        assert_eq!(MAX_PAGE_TEXT.replace(',', ""), MAX_PAGE.to_string());
    }
}
