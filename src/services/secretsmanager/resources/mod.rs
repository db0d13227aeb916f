//! The domain types of AWS Secrets Manager as the store keeps them, and their rendering to API shapes.
