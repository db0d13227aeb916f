//! The domain types of AWS Security Token Service as the store keeps them, and their rendering to API shapes.
