//! libFuzzer on one target, which the environment names: one binary for all of them is linked once.
#![no_main]

use std::process::exit;
use std::sync::OnceLock;

use qnpc_fuzz::{target, Property, TARGETS};

const TARGET: &str = "QNPC_FUZZ_TARGET";

static PROPERTY: OnceLock<Property> = OnceLock::new();

fn chosen() -> Property {
    let name = std::env::var(TARGET).unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let names = TARGETS.map(|(name, _)| name).join(" ");
        eprintln!("{TARGET} is none of: {names}");
        exit(2)
    })
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| PROPERTY.get_or_init(chosen)(data));
