//! The store as its callers see it: records in, rows and views out.

mod fixture;
mod writing;
