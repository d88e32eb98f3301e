//! What an MLSMessage says in the clear. Nothing here is verified.

use openmls::prelude::{ContentType, MlsMessageBodyIn, MlsMessageIn, ProtocolMessage};
use tls_codec::Deserialize as _;

use crate::error::Error;
use crate::policy::Refusal;
use crate::wire;

/// A message's id: 16 bytes chosen by its sender, carried as the authenticated data of messages and commits.
pub type MessageId = [u8; 16];

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An application message.
    Application,
    /// A commit.
    Commit,
    /// A proposal on its own, which is refused everywhere.
    Proposal,
    /// A Welcome.
    Welcome,
    /// A GroupInfo.
    GroupInfo,
    /// A KeyPackage.
    KeyPackage,
}

/// The clear parts of a message. What a kind does not have is empty or zero.
#[derive(Debug, PartialEq, Eq)]
pub struct Info {
    /// Its kind.
    pub kind: Kind,
    /// Whether it is a PrivateMessage.
    pub private: bool,
    /// The group it belongs to.
    pub group_id: Vec<u8>,
    /// The epoch it was sent in, or that a GroupInfo describes.
    pub epoch: u64,
    /// The authenticated data: for us the message id, and in a commit what it quotes.
    pub authenticated_data: Vec<u8>,
}

impl Info {
    /// The message id with which authenticated data begins; nothing if it is too short for one.
    pub fn message_id(&self) -> &[u8] {
        self.authenticated_data.get(..16).unwrap_or_default()
    }
}

/// Parses all of `message` and reads its clear parts.
pub fn inspect(message: &[u8]) -> Result<Info, Error> {
    let bare = |kind| Info {
        kind,
        private: false,
        group_id: Vec::new(),
        epoch: 0,
        authenticated_data: Vec::new(),
    };
    Ok(match parse(message)?.extract() {
        MlsMessageBodyIn::Welcome(_) => bare(Kind::Welcome),
        MlsMessageBodyIn::KeyPackage(_) => bare(Kind::KeyPackage),
        MlsMessageBodyIn::GroupInfo(info) => Info {
            group_id: info.group_id().to_vec(),
            epoch: info.epoch().as_u64(),
            ..bare(Kind::GroupInfo)
        },
        MlsMessageBodyIn::PrivateMessage(private) => Info {
            private: true,
            authenticated_data: private.aad().to_vec(),
            ..framed(&private.into())
        },
        MlsMessageBodyIn::PublicMessage(public) => {
            let header = wire::PublicHeader::parse(message).ok_or(NOT_A_MESSAGE)?;
            Info {
                authenticated_data: header.authenticated_data.to_vec(),
                ..framed(&public.into())
            }
        }
    })
}

fn framed(message: &ProtocolMessage) -> Info {
    Info {
        kind: match message.content_type() {
            ContentType::Application => Kind::Application,
            ContentType::Commit => Kind::Commit,
            ContentType::Proposal => Kind::Proposal,
        },
        private: false,
        group_id: message.group_id().to_vec(),
        epoch: message.epoch().as_u64(),
        authenticated_data: Vec::new(),
    }
}

const NOT_A_MESSAGE: Error = Error::Malformed("this is not an MLS message");

/// One MLSMessage and nothing after it.
pub(crate) fn parse(message: &[u8]) -> Result<MlsMessageIn, Error> {
    MlsMessageIn::tls_deserialize_exact(message).map_err(|_| NOT_A_MESSAGE)
}

/// A PublicMessage or PrivateMessage.
pub(crate) fn parse_protocol(message: &[u8]) -> Result<ProtocolMessage, Error> {
    let message = parse(message)?.try_into_protocol_message();
    message.map_err(|_| Error::Malformed("this is not a message to a group"))
}

/// The message id that authenticated data is.
pub(crate) fn id(authenticated_data: &[u8]) -> Result<MessageId, Refusal> {
    authenticated_data
        .try_into()
        .map_err(|_| Refusal::MessageId)
}
