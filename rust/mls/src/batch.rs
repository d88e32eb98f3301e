//! The same work on many things at once, by several threads.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

/// `work` on each, in the order of `items`, by at most `threads` threads. Every thread gets an equal share of neighbours.
pub fn each<T: Sync, R: Send>(
    items: &[T],
    threads: NonZeroUsize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let work = &work;
    let part = |items: &[T]| items.iter().map(work).collect::<Vec<R>>();
    let part = &part;
    let share = items.len().div_ceil(threads.get()).max(1);
    thread::scope(|scope| {
        let mut shares = items.chunks(share);
        let own = shares.next().unwrap_or_default();
        let others: Vec<_> = shares
            .map(|items| scope.spawn(move || part(items)))
            .collect();
        let mut results = part(own);
        for other in others {
            results.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        results
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        for count in 0..9_usize {
            let items: Vec<usize> = (0..count).collect();
            let expected: Vec<usize> = items.iter().map(|item| item * item).collect();
            for threads in 1..12 {
                let threads = NonZeroUsize::new(threads).unwrap();
                assert_eq!(each(&items, threads, |item| item * item), expected);
            }
        }
    }
}
