//! ukai-worker
