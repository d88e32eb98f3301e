//! Every property over its corpus; and, when asked for, the first seeds and the groups of `fixtures/` made anew.

#![allow(clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

use crate::TARGETS;

mod forged;
mod seeds;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name)
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|_| panic!("{}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A find of the fuzzer stays found: its bytes are a file of the corpus from then on.
#[test]
fn every_property_holds_over_its_corpus() {
    for (name, property) in TARGETS {
        let seeds = files(&corpus(name));
        assert!(!seeds.is_empty(), "{name}");
        for seed in seeds {
            // Where one fails, the test's output ends with its name.
            println!("{}", seed.display());
            property(&fs::read(&seed).unwrap());
        }
    }
}

#[test]
fn every_corpus_is_one_of_a_target() {
    let names: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found = files(&corpus(""));
    let found = found.iter().map(|path| path.file_name().unwrap());
    assert_eq!(
        found.map(|name| name.to_str().unwrap()).collect::<Vec<_>>(),
        names
    );
}
