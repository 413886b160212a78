//! Fairness and politeness as properties.
