//! The domain types of AWS Identity and Access Management as the store keeps them, and their rendering to API shapes.
