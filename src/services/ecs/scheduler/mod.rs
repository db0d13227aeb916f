//! Pure decisions: placement (and later services and deployments).
