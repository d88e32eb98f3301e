//! The few fields of MLS messages that openmls reads and does not show, by hand and strictly.
//!
//! Everything here parses bytes that openmls has parsed, or will: this module never decides alone that a message is good.
//! Lengths are the variable-size vectors of RFC 9420, section 2.1.2, in their shortest form only.

const MLS10: u16 = 1;
const PUBLIC_MESSAGE: u16 = 1;
const GROUP_INFO: u16 = 4;

/// Takes fields off the front of a byte string.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn vector(&mut self) -> Option<&'a [u8]> {
        let first = self.u8()?;
        let low = usize::from(first & 0x3f);
        let length = match first >> 6 {
            0 => low,
            1 => {
                let length = low << 8 | usize::from(self.u8()?);
                (length >= 1 << 6).then_some(length)?
            }
            2 => {
                let [a, b, c] = self.array()?;
                let length =
                    low << 24 | usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                (length >= 1 << 14).then_some(length)?
            }
            _ => return None,
        };
        self.take(length)
    }

    fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    fn mls_message(&mut self, wire_format: u16) -> Option<()> {
        (self.u16()? == MLS10 && self.u16()? == wire_format).then_some(())
    }
}

/// The vector of RFC 9420, section 2.1.2, that holds `content`; `None` if it is too long for one.
pub(crate) fn vector(content: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(content.len()).ok()?;
    let header = match length {
        0..=0x3f => length.to_be_bytes(),
        0x40..=0x3fff => (length | 0x4000).to_be_bytes(),
        0x4000..=0x3fff_ffff => (length | 0x8000_0000).to_be_bytes(),
        _ => return None,
    };
    let short = match length {
        0..=0x3f => 3,
        0x40..=0x3fff => 2,
        _ => 0,
    };
    Some([header.get(short..)?, content].concat())
}

/// The content of the vector that `data` is, and nothing else.
pub(crate) fn only_vector(data: &[u8]) -> Option<&[u8]> {
    match split_vector(data)? {
        (content, []) => Some(content),
        _ => None,
    }
}

/// The content of the vector that `data` begins with, and what follows.
pub(crate) fn split_vector(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader(data);
    let content = reader.vector()?;
    Some((content, reader.0))
}

/// The front of a PublicMessage (RFC 9420, section 6.2): FramedContent up to its authenticated data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PublicHeader<'a> {
    pub authenticated_data: &'a [u8],
}

impl<'a> PublicHeader<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(message);
        reader.mls_message(PUBLIC_MESSAGE)?;
        reader.vector()?; // group_id
        reader.u64()?; // epoch
        match reader.u8()? {
            1 | 2 => drop(reader.u32()?), // a member's leaf, an external sender's index
            3 | 4 => {}                   // new members
            _ => return None,
        }
        Some(Self {
            authenticated_data: reader.vector()?,
        })
    }
}

/// A GroupInfo (RFC 9420, section 12.4.3) as bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GroupInfo<'a> {
    /// The serialized GroupContext.
    pub context: &'a [u8],
    /// The code point of the suite.
    pub suite: u16,
    /// The group's id.
    pub group_id: &'a [u8],
    /// The types of the extensions, in their order.
    pub extensions: Vec<u16>,
    /// What they hold, in the same order.
    pub contents: Vec<&'a [u8]>,
    /// The confirmation tag's MAC.
    pub confirmation_tag: &'a [u8],
    /// The leaf that signed.
    pub signer: u32,
    signed: &'a [u8],
    /// The signature over [`Self::signed_content`].
    pub signature: &'a [u8],
}

impl<'a> GroupInfo<'a> {
    /// Reads an MLSMessage that holds one.
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(message);
        reader.mls_message(GROUP_INFO)?;
        let Reader(start) = reader;
        let since = |reader: &Reader<'_>| start.split_at_checked(start.len() - reader.0.len());

        reader.u16()?; // version
        let suite = reader.u16()?;
        let group_id = reader.vector()?;
        reader.u64()?; // epoch
        reader.vector()?; // tree_hash
        reader.vector()?; // confirmed_transcript_hash
        reader.vector()?; // extensions
        let (context, _) = since(&reader)?;

        let (extensions, contents) = extensions(reader.vector()?)?;
        let confirmation_tag = reader.vector()?;
        let signer = reader.u32()?;
        let (signed, _) = since(&reader)?;
        let signature = reader.vector()?;
        reader.end()?;
        Some(Self {
            context,
            suite,
            group_id,
            extensions,
            contents,
            confirmation_tag,
            signer,
            signed,
            signature,
        })
    }

    /// What the signature is over: SignContent of RFC 9420, section 5.1.2, with the label of section 12.4.3.
    pub(crate) fn signed_content(&self) -> Option<Vec<u8>> {
        Some([vector(b"MLS 1.0 GroupInfoTBS")?, vector(self.signed)?].concat())
    }
}

fn extensions(list: &[u8]) -> Option<(Vec<u16>, Vec<&[u8]>)> {
    let mut reader = Reader(list);
    let (mut types, mut contents) = (Vec::new(), Vec::new());
    while !reader.0.is_empty() {
        types.push(reader.u16()?);
        contents.push(reader.vector()?);
    }
    Some((types, contents))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use tls_codec::{Serialize as _, VLBytes};

    #[test]
    fn vectors_are_those_of_the_library() {
        for length in [0, 1, 63, 64, 16_383, 16_384, 70_000] {
            let content = vec![7; length];
            let encoded = VLBytes::new(content.clone())
                .tls_serialize_detached()
                .unwrap();
            assert_eq!(vector(&content).unwrap(), encoded);
            let mut reader = Reader(&encoded);
            assert_eq!(reader.vector().unwrap(), content);
            assert!(reader.end().is_some());
        }
    }

    #[test]
    fn a_length_in_more_bytes_than_it_needs_is_refused() {
        assert!(Reader(&[0x40, 1, 9]).vector().is_none());
        assert!(Reader(&[0x80, 0, 0, 1, 9]).vector().is_none());
        assert!(Reader(&[0xc0, 0, 0, 0, 0, 0, 0, 1, 9]).vector().is_none());
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        assert!(Reader(&[5, 1, 2]).vector().is_none());
        assert!(Reader(&[]).vector().is_none());
        assert!(Reader(&[0x41]).vector().is_none());
    }
}
