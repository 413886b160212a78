//! ukai-store
