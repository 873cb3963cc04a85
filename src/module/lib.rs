//! The nginx edge.
