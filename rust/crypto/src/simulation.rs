//! Randomness from a seed, so that a whole deployment can be run again byte for byte. Whoever knows the seed knows every key that comes of
//! it: this is for tests, and compiled only with the feature `simulation`, which no wheel has.
//!
//! While [`scope`] runs, all that this crate draws in the thread comes from the stream that was handed over. Without one it comes from
//! the operating system, as ever.

use core::cell::RefCell;
use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::OsRng;
use rand::{CryptoRng, RngCore, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::hash;

thread_local! {
    static CURRENT: RefCell<Option<Seeded>> = const { RefCell::new(None) };
}

/// A stream of bytes out of a seed, by ChaCha20. Clones draw from the same one.
#[derive(Clone)]
pub struct Seeded {
    stream: Arc<Mutex<ChaCha20Rng>>,
    now: u64,
}

/// A place in a stream, to which it can be set back.
#[derive(Clone, Copy, Debug)]
pub struct Position(u128);

impl Seeded {
    /// The stream of a seed of any length. `now`, Unix seconds, is the time at which everything in it happens.
    pub fn new(seed: &[u8], now: u64) -> Self {
        Self::of(hash::sha256(seed), now)
    }

    fn of(seed: [u8; hash::DIGEST], now: u64) -> Self {
        let stream = ChaCha20Rng::from_seed(seed);
        Self {
            stream: Arc::new(Mutex::new(stream)),
            now,
        }
    }

    /// What this thread draws from, if it is not the operating system.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Unix seconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// A stream for one of several calls that run at once, in an order that chance decides: it depends on what they are given, and on how far
    /// this stream has come, which it leaves where it is.
    #[must_use]
    pub fn apart(&self, given: &[&[u8]]) -> Self {
        let stream = self.stream();
        let lengths: Vec<_> = given.iter().map(|part| part.len().to_le_bytes()).collect();
        let position = stream.get_word_pos().to_le_bytes();
        let mut parts = vec![position.as_slice()];
        for (length, part) in lengths.iter().zip(given) {
            parts.extend([length.as_slice(), part]);
        }
        Self::of(*hash::hmac_sha256(&stream.get_seed(), &parts), self.now)
    }

    /// Where the stream is.
    pub fn position(&self) -> Position {
        Position(self.stream().get_word_pos())
    }

    /// Sets it back, so that the same bytes come once more.
    pub fn rewind(&self, position: Position) {
        self.stream().set_word_pos(position.0);
    }

    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        self.stream().fill_bytes(bytes);
    }

    fn stream(&self) -> MutexGuard<'_, ChaCha20Rng> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seeded(..)")
    }
}

/// Runs `work` so that it draws from `source`, or from the operating system; however it ends, what was before is there again.
pub fn scope<T>(source: Option<Seeded>, work: impl FnOnce() -> T) -> T {
    struct Before(Option<Seeded>);
    impl Drop for Before {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _before = Before(CURRENT.replace(source));
    work()
}

/// For crates that ask for a generator.
pub(crate) struct Generator;

impl RngCore for Generator {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        match Seeded::current() {
            Some(seeded) => seeded.fill(bytes),
            None => OsRng.fill_bytes(bytes),
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        match Seeded::current() {
            Some(seeded) => {
                seeded.fill(bytes);
                Ok(())
            }
            None => OsRng.try_fill_bytes(bytes),
        }
    }
}

impl CryptoRng for Generator {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::secret::Secret;

    fn drawn() -> [u8; 32] {
        **Secret::<32>::random().unwrap()
    }

    #[test]
    fn a_seed_gives_the_same_bytes_again_and_no_others() {
        let run = |seed: &[u8]| {
            scope(Some(Seeded::new(seed, 0)), || {
                [drawn(), drawn(), {
                    let mut bytes = [0; 32];
                    Generator.fill_bytes(&mut bytes);
                    bytes
                }]
            })
        };
        assert_eq!(run(b"one"), run(b"one"));
        assert!(run(b"one").iter().all(|bytes| !run(b"two").contains(bytes)));
        let [first, second, third] = run(b"one");
        assert!(first != second && second != third);
    }

    #[test]
    fn a_stream_goes_on_where_it_was_and_can_be_set_back() {
        let seeded = Seeded::new(b"one", 0);
        let draw = || scope(Some(seeded.clone()), drawn);
        let (start, first) = (seeded.position(), draw());
        assert_ne!(draw(), first);
        seeded.rewind(start);
        assert_eq!(draw(), first);
    }

    #[test]
    fn outside_of_a_scope_there_is_no_seed_even_after_a_panic() {
        let seeded = Seeded::new(b"one", 0);
        let failed = std::panic::catch_unwind(|| scope(Some(seeded), || panic!("on purpose")));
        assert!(failed.is_err());
        assert!(Seeded::current().is_none());
        assert_ne!(drawn(), drawn());
        let inner = scope(Some(Seeded::new(b"one", 0)), || {
            scope(None, || Seeded::current().is_none()) && Seeded::current().is_some()
        });
        assert!(inner);
    }

    #[test]
    fn what_runs_at_once_depends_on_what_it_is_given_and_not_on_the_order() {
        let seeded = Seeded::new(b"one", 0);
        let apart = |given: &[&[u8]]| scope(Some(seeded.apart(given)), drawn);
        let (one, other) = (apart(&[b"ab", b"c"]), apart(&[b"a", b"bc"]));
        assert_ne!(one, other);
        assert_eq!((apart(&[b"a", b"bc"]), apart(&[b"ab", b"c"])), (other, one));
        scope(Some(seeded.clone()), drawn);
        assert_ne!(apart(&[b"ab", b"c"]), one);
    }
}
