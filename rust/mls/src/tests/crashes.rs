//! A device that may die at any point of its work: it reads everything that was in the log once, and no key seals two messages.
//!
//! Its work is that of a client: a batch of reads is one transaction, closed by a flush; a commit is merged within it; what is encrypted
//! leaves only after the rows are on disk. Dying means that everything in memory is gone, and the work goes on from disk.

use std::collections::BTreeSet;

use super::*;

/// What stands in the log, in order.
enum Entry {
    Said(Vec<u8>, Vec<u8>),
    Commit(Vec<u8>),
}

/// What is on disk beside the rows, written with them.
#[derive(Clone, Default)]
struct Disk {
    rows: Vec<Row>,
    cursor: usize,
    read: Vec<Vec<u8>>,
    outbox: Vec<Vec<u8>>,
}

/// A point at which it may die: counted down, it says when it is time.
struct Fate(usize);

impl Fate {
    fn spares(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }
}

/// One life. `None`: it died; what it leaves is on `disk`, and `sent` is what left it.
fn live(
    bob: &mut Person,
    log: &[Entry],
    batch: usize,
    disk: &mut Disk,
    sent: &mut Vec<Vec<u8>>,
    fate: &mut Fate,
) -> Option<()> {
    bob.disk.clone_from(&disk.rows);
    bob.restart();
    for entry in log.iter().take(disk.cursor) {
        if let Entry::Said(message, _) = entry {
            // Its key is gone from disk as well: whoever takes the device cannot read it any more.
            assert!(matches!(bob.refuses(message), Error::Unreadable(_)));
        }
    }
    sent.append(&mut disk.outbox.clone());
    loop {
        let mut next = disk.clone();
        for entry in log.iter().skip(disk.cursor).take(batch) {
            match entry {
                Entry::Said(message, text) => {
                    assert_eq!(&bob.reads(message), text);
                    next.read.push(text.clone());
                }
                Entry::Commit(commit) => {
                    bob.follow(commit);
                }
            }
            next.cursor += 1;
            fate.spares()?;
        }
        bob.save();
        fate.spares()?;
        next.rows.clone_from(&bob.disk);
        *disk = next; // here it is durable
        fate.spares()?;

        let text = [u8::try_from(disk.cursor).unwrap()];
        let message = bob.group().encrypt(&text, id(9)).unwrap();
        fate.spares()?;
        bob.save();
        disk.rows.clone_from(&bob.disk);
        disk.outbox = vec![message.clone()]; // and here
        fate.spares()?;
        sent.push(message);
        fate.spares()?;
        disk.outbox.clear();
        if disk.cursor == log.len() {
            return Some(());
        }
    }
}

fn dies_anywhere(suite: Suite, batch: usize) {
    let mut world = World::new(suite, &["alice", "bob"]);
    let mut log = Vec::new();
    let alice = &mut world.people[ALICE];
    for n in 0..9_u8 {
        if n % 4 == 3 {
            let commit = alice.group().commit_update(id(n)).unwrap().commit;
            alice.group().merge_pending().unwrap();
            log.push(Entry::Commit(commit));
        } else {
            let text = vec![n; 3];
            let message = alice.group().encrypt(&text, id(n)).unwrap();
            log.push(Entry::Said(message, text));
        }
    }
    alice.save();
    let (at_alice, at_bob) = (alice.disk.clone(), world.people[BOB].disk.clone());
    let said: Vec<Vec<u8>> = log
        .iter()
        .filter_map(|entry| match entry {
            Entry::Said(_, text) => Some(text.clone()),
            Entry::Commit(_) => None,
        })
        .collect();

    let mut deaths = 0;
    loop {
        let mut disk = Disk {
            rows: at_bob.clone(),
            ..Disk::default()
        };
        let mut sent = Vec::new();
        let bob = &mut world.people[BOB];
        let mut lives = 0;
        // It dies after `deaths` steps, lives on, and dies once more after as many.
        for fate in [deaths, deaths, usize::MAX] {
            lives += 1;
            if live(bob, &log, batch, &mut disk, &mut sent, &mut Fate(fate)).is_some() {
                break;
            }
        }
        assert_eq!(disk.read, said);
        assert_eq!(bob.group().epoch(), 3);

        // What was sent again after a crash is the same bytes. Two different messages under one key are refused at the second.
        let different: BTreeSet<Vec<u8>> = sent.into_iter().collect();
        assert!(!different.is_empty());
        let alice = &mut world.people[ALICE];
        alice.disk.clone_from(&at_alice);
        alice.restart();
        for message in &different {
            alice.group().process(message, ANY).unwrap();
        }
        if lives == 1 {
            return;
        }
        deaths += 1;
    }
}

#[test]
fn a_device_that_dies_anywhere_loses_nothing_and_uses_no_key_twice() {
    for batch in [1, 2, 4, 9] {
        dies_anywhere(Suite::Classical, batch);
    }
    dies_anywhere(Suite::Hybrid, 3);
}
