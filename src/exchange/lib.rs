//! One HTTP exchange from its first byte to its last, turned into records.
