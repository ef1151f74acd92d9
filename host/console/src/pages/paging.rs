//! Long lists, a part at a time.

use maud::{Markup, html};
use std::ops::Range;

/// Which part of a list is shown.
pub(super) struct Paging {
    page: usize,
    pages: usize,
    range: Range<usize>,
    all: usize,
}

impl Paging {
    /// The `page`th part, from 1, of `all`; the last one where there are fewer.
    pub(super) fn new(page: usize, size: usize, all: usize) -> Self {
        let pages = all.div_ceil(size).max(1);
        let page = page.clamp(1, pages);
        let start = (page - 1).saturating_mul(size);
        Self {
            page,
            pages,
            range: start..start.saturating_add(size).min(all),
            all,
        }
    }

    /// The part.
    pub(super) fn of<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        all.get(self.range.clone()).unwrap_or_default()
    }

    /// Links to the other parts; `address` makes that of one.
    pub(super) fn links(&self, what: &str, address: impl Fn(usize) -> String) -> Markup {
        let (first, last) = (self.range.start + 1, self.range.end);
        html! {
            nav.paging aria-label={ "Pages of " (what) } {
                @if self.page > 1 { a #earlier rel="prev" href=(address(self.page - 1)) { "Previous" } }
                span { (if self.all == 0 { 0 } else { first }) " to " (last) " of " (super::numbers::count(self.all as u64)) " " (what) }
                @if self.page < self.pages { a #later rel="next" href=(address(self.page + 1)) { "Next" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_beyond_the_last_is_the_last() {
        let all: Vec<usize> = (0..25).collect();
        for (page, expected) in [(0, 0..10), (1, 0..10), (3, 20..25), (usize::MAX, 20..25)] {
            let part = Paging::new(page, 10, all.len());
            assert_eq!(part.of(&all), &all[expected]);
        }
        assert_eq!(Paging::new(2, 10, 0).of(&all[..0]), &[] as &[usize]);
    }
}
