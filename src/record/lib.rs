//! What is remembered: exchanges, calls, outcomes, coverage; masking and hashing of values.
