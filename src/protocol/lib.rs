//! Bytes to MCP: JSON-RPC messages, event streams, methods and primitives, revisions, detection.
