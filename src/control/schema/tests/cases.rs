//! Cases of every keyword.
