//! MLS as qnpc uses it.
