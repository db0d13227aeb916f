//! The domain types of AWS Systems Manager as the store keeps them, and their rendering to API shapes.
