//! What a Welcome asks for, before the library looks for it: a group that branches off another or takes its place wants a secret of
//! that other group (RFC 9420, sections 11.2 and 11.3), which no vector of this form holds.
//!
//! The library would only say that a pre-shared key is missing, as it would of an external one that we had lost.

use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::HpkeCiphertext;
use openmls_traits::OpenMlsProvider as _;

use super::provider::{ciphersuite, Provider};
use crate::error::Error;
use crate::wire::{vector, Reader};

/// The values of PSKType and ResumptionPSKUsage (RFC 9420, section 8.4).
const EXTERNAL: u8 = 1;
const RESUMPTION: u8 = 2;
const REINIT: u8 = 2;
const BRANCH: u8 = 3;

const NOT_A_WELCOME: Error = Error::Malformed("this is not a welcome");

/// Refuses a Welcome into a group that continues another. One that does not open is left to the library.
pub(super) fn check_psks(
    provider: &Provider<'_>,
    welcome: &[u8],
    key_package: &[u8],
    init_key: &[u8],
) -> Result<(), Error> {
    let suite = ciphersuite(welcome.get(4..6))?; // after version and wire format
    let sealed = Sealed::parse(welcome, key_package).ok_or(NOT_A_WELCOME)?;
    let info = [
        vector(b"MLS 1.0 Welcome").ok_or(NOT_A_WELCOME)?,
        vector(sealed.group_info).ok_or(NOT_A_WELCOME)?,
    ]
    .concat();
    let opened =
        provider
            .crypto()
            .hpke_open(suite.hpke_config(), &sealed.secrets, init_key, &info, b"");
    match opened {
        Ok(secrets) => match continues(&secrets).ok_or(NOT_A_WELCOME)? {
            None => Ok(()),
            Some(REINIT) => Err(Error::Unreadable(
                "the group takes the place of one that the vector does not hold",
            )),
            Some(_) => Err(Error::Unreadable(
                "the group branches off one that the vector does not hold",
            )),
        },
        Err(_) => Ok(()),
    }
}

/// What a Welcome holds for one key package (RFC 9420, section 12.4.3.1).
struct Sealed<'a> {
    secrets: HpkeCiphertext,
    group_info: &'a [u8],
}

impl<'a> Sealed<'a> {
    fn parse(welcome: &'a [u8], key_package: &[u8]) -> Option<Self> {
        let mut reader = Reader(welcome.get(6..)?);
        let mut entries = Reader(reader.vector()?);
        let group_info = reader.vector()?;
        let mut found = None;
        while !entries.0.is_empty() {
            let new_member = entries.vector()?;
            let secrets = HpkeCiphertext {
                kem_output: entries.vector()?.to_vec().into(),
                ciphertext: entries.vector()?.to_vec().into(),
            };
            if new_member == key_package {
                found = Some(secrets);
            }
        }
        Some(Self {
            secrets: found?,
            group_info,
        })
    }
}

/// How the PSKs of a GroupSecrets continue another group, if they do.
fn continues(secrets: &[u8]) -> Option<Option<u8>> {
    let mut reader = Reader(secrets);
    reader.vector()?; // joiner_secret
    if reader.u8()? == 1 {
        reader.vector()?; // path_secret
    }
    let mut psks = Reader(reader.vector()?);
    let mut continues = None;
    while !psks.0.is_empty() {
        match psks.u8()? {
            EXTERNAL => drop(psks.vector()?),
            RESUMPTION => {
                let usage = psks.u8()?;
                if matches!(usage, REINIT | BRANCH) {
                    continues = Some(usage);
                }
                psks.vector()?; // psk_group_id
                psks.u64()?; // psk_epoch
            }
            _ => return None,
        }
        psks.vector()?; // psk_nonce
    }
    Some(continues)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// No vector of the working group continues another group, so these are by hand.
    #[test]
    fn a_group_that_continues_another_is_known_by_its_psks() {
        let secrets = |psks: &[u8]| {
            [
                &vector(&[7; 32]).unwrap()[..],
                &[1],
                &vector(&[8; 32]).unwrap(),
                &vector(psks).unwrap(),
            ]
            .concat()
        };
        let external = [&[EXTERNAL][..], &[2, 9, 9], &[1, 5]].concat();
        let resumption = |usage| [&[RESUMPTION, usage, 1, 6][..], &[0; 8], &[1, 5]].concat();
        assert_eq!(continues(&secrets(b"")), Some(None));
        assert_eq!(continues(&secrets(&external)), Some(None));
        assert_eq!(continues(&secrets(&resumption(1))), Some(None));
        for usage in [REINIT, BRANCH] {
            let psks = [external.clone(), resumption(usage)].concat();
            assert_eq!(continues(&secrets(&psks)), Some(Some(usage)));
        }
        assert_eq!(continues(&secrets(&[9, 9])), None);
    }
}
