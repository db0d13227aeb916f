//! Official AWS SDKs and tools against a LocalECS endpoint.
