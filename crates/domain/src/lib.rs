//! ukai-domain
