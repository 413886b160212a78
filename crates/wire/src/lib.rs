//! ukai-wire
