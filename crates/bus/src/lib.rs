//! ukai-bus
