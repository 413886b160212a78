//! ukai
