//! The layout of authenticated data (RFC 9420, section 6): the message id, and in a commit what it quotes.
//!
//! ```text
//! struct {
//!     opaque message_id[16];
//!     /* messages, and commits that quote nothing, end here */
//!     uint8 version = 1;
//!     Quote quotes<V>;        /* at least one, strictly ascending as bytes */
//! } AuthenticatedData;
//!
//! struct {
//!     uint8 type;             /* 1 a leave request, 2 a revocation */
//!     opaque content<V>;
//! } Quote;
//! ```
//!
//! A commit quotes what gives its committer the right to remove a leaf that it could not remove otherwise. The committer's signature
//! covers it, so a node cannot add or drop a quote.

use crate::leave::LeaveRequest;
use crate::message::MessageId;
use crate::policy::Refusal;
use crate::revocation::Revocation;
use crate::wire::{self, Reader};

const VERSION: u8 = 1;
const LEAVE_REQUEST: u8 = 1;
const REVOCATION: u8 = 2;

/// What a commit quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quote {
    /// A device asks to be removed.
    Leave(LeaveRequest),
    /// An account says that a device is its own no longer.
    Revocation(Revocation),
}

impl Quote {
    /// The device that it lets anybody remove.
    pub(crate) fn device(&self) -> [u8; 32] {
        match self {
            Self::Leave(request) => request.device(),
            Self::Revocation(revocation) => revocation.device(),
        }
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let (kind, content) = match self {
            Self::Leave(request) => (LEAVE_REQUEST, request.as_bytes()),
            Self::Revocation(revocation) => (REVOCATION, revocation.as_bytes()),
        };
        Some([vec![kind], wire::vector(content)?].concat())
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, content) = bytes.split_first()?;
        let content = wire::only_vector(content)?;
        match *kind {
            LEAVE_REQUEST => LeaveRequest::parse(content).ok().map(Self::Leave),
            REVOCATION => Revocation::parse(content).ok().map(Self::Revocation),
            _ => None,
        }
    }
}

/// Authenticated data, read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authenticated {
    pub message_id: MessageId,
    pub quotes: Vec<Quote>,
}

impl Authenticated {
    /// The one encoding there is; `None` for more than a vector holds.
    pub(crate) fn encode(message_id: MessageId, quotes: &[Quote]) -> Option<Vec<u8>> {
        if quotes.is_empty() {
            return Some(message_id.to_vec());
        }
        let quotes: Option<Vec<Vec<u8>>> = quotes.iter().map(Quote::encode).collect();
        let mut quotes = quotes?;
        quotes.sort();
        quotes.dedup();
        let quotes = wire::vector(&quotes.concat())?;
        Some([&message_id[..], &[VERSION], &quotes].concat())
    }

    pub(crate) fn parse(data: &[u8]) -> Result<Self, Refusal> {
        let (message_id, rest) = data.split_first_chunk().ok_or(Refusal::MessageId)?;
        let quotes = match rest {
            [] => Vec::new(),
            rest => quotes(rest).ok_or(Refusal::Quotes)?,
        };
        Ok(Self {
            message_id: *message_id,
            quotes,
        })
    }
}

/// More than there are devices in the largest group. Each has a signature to be verified, by whoever reads the commit.
const MOST_QUOTES: usize = 1024;

fn quotes(rest: &[u8]) -> Option<Vec<Quote>> {
    let (version, list) = rest.split_first()?;
    let list = wire::only_vector(list)?;
    if *version != VERSION || list.is_empty() {
        return None;
    }
    let mut reader = Reader(list);
    let mut before: &[u8] = &[];
    let mut quotes = Vec::new();
    while !reader.0.is_empty() {
        let start = reader.0;
        reader.u8()?;
        reader.vector()?;
        let quote = start.get(..start.len() - reader.0.len())?;
        if quote <= before || quotes.len() == MOST_QUOTES {
            return None;
        }
        quotes.push(Quote::decode(quote)?);
        before = quote;
    }
    Some(quotes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use qnpc_crypto::signature::SigningKey;

    fn some() -> Vec<Quote> {
        let key = SigningKey::from_seed(&[1; 32]).unwrap();
        let revocation = |at| Revocation::issue(&key, &key.public(), at).unwrap();
        let revocations = [1, 2].map(|at| Revocation::parse(&revocation(at)).unwrap());
        let request = LeaveRequest::sign(&key, &[7; 16], &[8; 32]);
        let mut quotes = vec![Quote::Leave(LeaveRequest::parse(&request).unwrap())];
        quotes.extend(revocations.map(Quote::Revocation));
        quotes
    }

    #[test]
    fn quotes_survive_the_encoding_in_one_order() {
        let quotes = some();
        let data = Authenticated::encode([5; 16], &quotes).unwrap();
        let read = Authenticated::parse(&data).unwrap();
        assert_eq!((read.message_id, &read.quotes), ([5; 16], &quotes));
        let backwards: Vec<Quote> = quotes.into_iter().rev().collect();
        assert_eq!(Authenticated::encode([5; 16], &backwards).unwrap(), data);
        assert_eq!(Authenticated::encode([5; 16], &[]).unwrap(), [5; 16]);
        assert!(Authenticated::parse(&[5; 16]).unwrap().quotes.is_empty());
    }

    #[test]
    fn any_other_way_to_say_it_is_refused() {
        let quotes: Vec<Vec<u8>> = some().iter().map(|quote| quote.encode().unwrap()).collect();
        let data = |version: u8, quotes: &[Vec<u8>]| {
            let list = wire::vector(&quotes.concat()).unwrap();
            [&[5; 16][..], &[version], &list].concat()
        };
        assert!(Authenticated::parse(&data(1, &quotes)).is_ok());
        let unknown = [vec![3], wire::vector(b"what").unwrap()].concat();
        let garbage = [vec![LEAVE_REQUEST], wire::vector(b"what").unwrap()].concat();
        let swapped = [quotes[1].clone(), quotes[0].clone()];
        let twice = [quotes[0].clone(), quotes[0].clone()];
        for bad in [
            data(0, &quotes),
            data(2, &quotes),
            data(1, &[]),
            data(1, &swapped),
            data(1, &twice),
            data(1, &[unknown]),
            data(1, &[garbage]),
            [data(1, &quotes), vec![0]].concat(),
            [&[5; 16][..], &[1]].concat(),
            vec![5; 17],
        ] {
            assert_eq!(Authenticated::parse(&bad), Err(Refusal::Quotes));
        }
        let whole = data(1, &quotes);
        for length in (0..whole.len()).filter(|length| *length != 16) {
            assert!(Authenticated::parse(whole.get(..length).unwrap()).is_err());
        }
    }

    #[test]
    fn there_are_no_more_quotes_than_devices() {
        let identity = SigningKey::generate().unwrap();
        let device = SigningKey::generate().unwrap().public();
        let revocation = |at: usize| {
            let at = u64::try_from(at).unwrap();
            let bytes = crate::Revocation::issue(&identity, &device, at).unwrap();
            Quote::Revocation(crate::Revocation::parse(&bytes).unwrap())
        };
        let many: Vec<Quote> = (1..=MOST_QUOTES + 1).map(revocation).collect();
        let (most, more) = (&many[1..], &many[..]);
        let encoded = Authenticated::encode([7; 16], most).unwrap();
        assert_eq!(
            Authenticated::parse(&encoded).unwrap().quotes.len(),
            MOST_QUOTES
        );
        let encoded = Authenticated::encode([7; 16], more).unwrap();
        assert_eq!(
            Authenticated::parse(&encoded).map(|_| ()),
            Err(Refusal::Quotes)
        );
    }
}
