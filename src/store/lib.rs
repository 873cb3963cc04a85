//! The days: partitions, writer, catalogue, retention.
