//! Masking: nothing is stored, logged, exported or shown before it.
