//! Key packages that others made, honestly and not.

use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey,
    Extension, ExtensionType, Extensions, KeyPackage, LastResortExtension, Lifetime,
    UnknownExtension,
};
use qnpc_crypto::certificate::CertificateError;
use qnpc_crypto::signature::SigningKey;

use super::forgery::{own, raw};
use super::{both_suites, bytes, id, Person, World, ANY};
use crate::error::Error;
use crate::key_package::{delete, generate, generate_last_resort, inspect, stored, Stored};
use crate::policy::Refusal;
use crate::roles;
use crate::suite::Suite;
use crate::wire;

const DAY: u64 = 86_400;

fn refused(package: KeyPackage) -> Error {
    inspect(&bytes(&package.into())).unwrap_err()
}

#[test]
fn ours_pass_and_say_what_they_are() {
    both_suites(|suite| {
        let bob = Person::new("bob");
        let packages = generate(&bob.store, &bob.device, &bob.certificate, suite, 3).unwrap();
        let infos: Vec<_> = packages
            .iter()
            .map(|package| inspect(package).unwrap())
            .collect();
        for info in &infos {
            assert_eq!((info.suite, info.certificate.username()), (suite, "bob"));
            assert_eq!(info.reference.len(), 32);
        }
        assert_ne!(infos[0].reference, infos[1].reference);
        assert_eq!(bob.store.take_delta().unwrap().len(), 3);
    });
}

#[test]
fn nobody_makes_one_with_another_devices_certificate() {
    let (bob, eve) = (Person::new("bob"), Person::new("eve"));
    let stolen = generate(
        &eve.store,
        &eve.device,
        &bob.certificate,
        Suite::Classical,
        1,
    );
    assert!(matches!(stolen, Err(Error::Malformed(_))));
}

#[test]
fn a_changed_one_is_not_authentic() {
    let bob = Person::new("bob");
    let package = bob.key_package(Suite::Classical);
    for position in [60, package.len() - 1] {
        let mut changed = package.clone();
        changed[position] ^= 1;
        assert!(
            matches!(
                inspect(&changed),
                Err(Error::NotAuthentic(_) | Error::Malformed(_))
            ),
            "{position}"
        );
    }
}

#[test]
fn lifetimes_are_held_to_84_days_and_to_now() {
    let bob = Person::new("bob");
    let lasting = |lifetime| {
        raw(&bob, Suite::Classical, own(&bob), |builder| {
            builder.key_package_lifetime(lifetime)
        })
    };
    let now = Lifetime::new(0).not_after();
    inspect(&bytes(&lasting(Lifetime::new(84 * DAY)).into())).unwrap();
    let cases = [
        (Lifetime::new(85 * DAY), Refusal::Lifetime),
        (Lifetime::init(now - 2 * DAY, now - DAY), Refusal::Expired),
        (
            Lifetime::init(now + DAY, now + 2 * DAY),
            Refusal::NotValidYet,
        ),
    ];
    for (lifetime, rule) in cases {
        assert_eq!(refused(lasting(lifetime)), Error::Refused(rule));
    }
}

#[test]
fn a_leaf_that_would_ignore_roles_is_refused() {
    let bob = Person::new("bob");
    let able = |capabilities: Capabilities| {
        raw(&bob, Suite::Classical, own(&bob), |builder| {
            builder.leaf_node_capabilities(capabilities)
        })
    };
    let roles = vec![ExtensionType::Unknown(roles::EXTENSION)];
    let other = vec![Ciphersuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519];
    for capabilities in [
        Capabilities::builder().build(),
        Capabilities::builder()
            .extensions(roles.clone())
            .ciphersuites(other)
            .build(),
    ] {
        assert_eq!(
            refused(able(capabilities)),
            Error::Refused(Refusal::Capabilities)
        );
    }
}

#[test]
fn no_extension_is_taken_but_the_last_resort() {
    let bob = Person::new("bob");
    let other = 0xF0C2;
    let capabilities = Capabilities::builder()
        .ciphersuites(vec![Suite::Classical.ciphersuite()])
        .extensions(vec![
            ExtensionType::Unknown(roles::EXTENSION),
            ExtensionType::Unknown(other),
            ExtensionType::LastResort,
        ])
        .build();
    let with = |extensions: Vec<Extension>| {
        let extensions = Extensions::from_vec(extensions).unwrap();
        raw(&bob, Suite::Classical, own(&bob), |builder| {
            builder
                .leaf_node_capabilities(capabilities.clone())
                .key_package_extensions(extensions)
        })
    };
    let last_resort = || Extension::LastResort(LastResortExtension::default());
    let unknown = || Extension::Unknown(other, UnknownExtension(vec![1]));
    inspect(&bytes(&with(vec![last_resort()]).into())).unwrap();
    for extensions in [vec![unknown()], vec![last_resort(), unknown()]] {
        assert_eq!(
            refused(with(extensions)),
            Error::Refused(Refusal::KeyPackageExtensions)
        );
    }
}

/// It is used again: the second Welcome for it opens as the first did.
#[test]
fn a_last_resort_serves_more_than_once() {
    both_suites(|suite| {
        let mut bob = Person::new("bob");
        let package =
            generate_last_resort(&bob.store, &bob.device, &bob.certificate, suite).unwrap();
        let info = inspect(&package).unwrap();
        assert!(info.last_resort);
        bob.save();
        for n in 0..2 {
            let mut world = World::new(suite, &["alice"]);
            let by_alice = world.people[0].group();
            let pending = by_alice
                .commit_add(std::slice::from_ref(&package), id(n))
                .unwrap();
            let tree = world.accept(0, &pending);
            bob.join(pending.welcome.as_ref().unwrap(), &tree).unwrap();
            let update = bob.group().commit_update(id(9)).unwrap();
            let change = world
                .tracker
                .process(&update.commit, &bob.key(), &update.group_info, ANY);
            world.tracker.merge(&change.unwrap()).unwrap();
            world.people[0].follow(&update.commit);
            bob.group().merge_pending().unwrap();
            bob.group.take().unwrap().delete().unwrap();
            bob.save();
            bob.restart();
        }
        let stored = stored(&bob.store).unwrap();
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0].reference, info.reference);
    });
}

#[test]
fn the_store_knows_its_key_packages_and_forgets_those_it_is_told_to() {
    let mut bob = Person::new("bob");
    let (device, certificate) = (&bob.device, &bob.certificate);
    let mut made = Vec::new();
    for suite in Suite::ALL {
        made.extend(generate(&bob.store, device, certificate, suite, 2).unwrap());
        made.push(generate_last_resort(&bob.store, device, certificate, suite).unwrap());
    }
    bob.save();
    bob.restart();
    let by_reference = |a: &Stored, b: &Stored| a.reference.cmp(&b.reference);
    let mut expected: Vec<Stored> = made
        .iter()
        .map(|package| inspect(package).unwrap())
        .map(|info| Stored {
            suite: info.suite,
            reference: info.reference,
            not_after: info.not_after,
            last_resort: info.last_resort,
        })
        .collect();
    expected.sort_by(by_reference);
    let mut found = stored(&bob.store).unwrap();
    found.sort_by(by_reference);
    assert_eq!(found, expected);
    assert_eq!(found.iter().filter(|stored| stored.last_resort).count(), 2);

    let (gone, kept) = expected.split_at(2);
    let references: Vec<&[u8]> = gone.iter().map(|stored| &stored.reference[..]).collect();
    assert_eq!(delete(&bob.store, &references), Ok(2));
    assert_eq!(delete(&bob.store, &references), Ok(0));
    assert_eq!(delete(&bob.store, &[b"none".as_slice()]), Ok(0));
    assert_eq!(bob.save(), 2);
    bob.restart();
    let mut found = stored(&bob.store).unwrap();
    found.sort_by(by_reference);
    assert_eq!(found, kept);
    assert_eq!(bob.disk.len(), 4);
}

#[test]
fn a_credential_is_a_certificate_for_the_leafs_own_key() {
    let (bob, eve) = (Person::new("bob"), Person::new("eve"));
    let with = |credential: Credential| CredentialWithKey {
        credential,
        signature_key: eve.key().to_vec().into(),
    };
    let basic = |identity: Vec<u8>| with(BasicCredential::new(identity).into());
    let mut forged = bob.certificate.clone();
    *forged.last_mut().unwrap() ^= 1;

    let cases = [
        (basic(bob.certificate.clone()), Refusal::OtherDevice),
        (
            basic(forged),
            Refusal::Certificate(CertificateError::NotAuthentic),
        ),
        (
            basic(b"eve".to_vec()),
            Refusal::Certificate(CertificateError::Malformed),
        ),
    ];
    for (credential, rule) in cases {
        assert_eq!(
            refused(raw(&eve, Suite::Classical, credential, |builder| builder)),
            Error::Refused(rule)
        );
    }

    let other = CredentialType::Other(0xF001);
    let capabilities = Capabilities::builder()
        .ciphersuites(vec![Suite::Classical.ciphersuite()])
        .extensions(vec![ExtensionType::Unknown(roles::EXTENSION)])
        .credentials(vec![CredentialType::Basic, other])
        .build();
    let package = raw(
        &eve,
        Suite::Classical,
        with(Credential::new(other, eve.certificate.clone())),
        |builder| builder.leaf_node_capabilities(capabilities),
    );
    assert_eq!(refused(package), Error::Refused(Refusal::Credential));
}

#[test]
fn a_suite_that_is_not_ours_is_refused() {
    let bob = Person::new("bob");
    let mut package = bob.key_package(Suite::Classical);
    package[7] = 3; // version, wire format, version, then the suite
    let package = resigned(&package, &bob.device, |_, _| {});
    assert_eq!(
        inspect(&package).unwrap_err(),
        Error::Refused(Refusal::Suite)
    );
}

/// Keys that would stop whoever must seal to them: nobody could commit any more.
#[test]
fn a_key_that_cannot_be_sealed_to_is_refused() {
    both_suites(|suite| {
        let bob = Person::new("bob");
        let package = bob.key_package(suite);
        assert!(inspect(&resigned(&package, &bob.device, |_, _| {})).is_ok());
        let length = suite.encryption_key();
        // A point of small order (RFC 7748, section 6.1), and coefficients that are not reduced (FIPS 203, section 7.2).
        let bad = match suite {
            Suite::Classical => vec![
                vec![0; length],
                vec![9; length - 1],
                vec![9; length + 1],
                vec![],
            ],
            Suite::Hybrid => vec![
                vec![0xff; length],
                vec![9; length - 1],
                vec![9; length + 1],
                vec![],
            ],
        };
        for key in bad {
            let with_init = resigned(&package, &bob.device, |init, _| *init = key.clone());
            let with_leaf = resigned(&package, &bob.device, |_, leaf| *leaf = key.clone());
            for package in [with_init, with_leaf] {
                assert_eq!(
                    inspect(&package).unwrap_err(),
                    Error::Refused(Refusal::EncryptionKey)
                );
            }
        }
    });
}

/// A key package with other HPKE keys, signed again by its device (RFC 9420, sections 7.2 and 10).
fn resigned(
    package: &[u8],
    device: &SigningKey,
    change: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>),
) -> Vec<u8> {
    let (head, rest) = package.split_at(8);
    let (mut init, rest) = vector(rest);
    let (mut leaf_key, rest) = vector(rest);
    change(&mut init, &mut leaf_key);

    // signature_key, credential, capabilities (5 vectors), source, lifetime, extensions, signature
    let mut after = rest;
    (_, after) = vector(after);
    after = &after[2..];
    for _ in 0..6 {
        (_, after) = vector(after);
    }
    after = &after[17..];
    (_, after) = vector(after);
    let fields = &rest[..rest.len() - after.len()];
    let (_, extensions) = vector(after);
    let (_, signature) = vector(extensions);
    let extensions = &extensions[..extensions.len() - signature.len()];

    let leaf = [wire::vector(&leaf_key).unwrap(), fields.to_vec()].concat();
    let leaf = [leaf.clone(), sign(device, b"MLS 1.0 LeafNodeTBS", &leaf)].concat();
    let signed = [&head[4..], &wire::vector(&init).unwrap(), &leaf, extensions].concat();
    let signature = sign(device, b"MLS 1.0 KeyPackageTBS", &signed);
    [&head[..4], &signed, &signature].concat()
}

fn sign(device: &SigningKey, label: &[u8], content: &[u8]) -> Vec<u8> {
    let signed = [wire::vector(label).unwrap(), wire::vector(content).unwrap()].concat();
    wire::vector(&device.sign_raw(&signed)).unwrap()
}

fn vector(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let (content, rest) = wire::split_vector(bytes).unwrap();
    (content.to_vec(), rest)
}
