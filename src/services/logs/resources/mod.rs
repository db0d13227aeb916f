//! The domain types of Amazon CloudWatch Logs as the store keeps them, and their rendering to API shapes.
