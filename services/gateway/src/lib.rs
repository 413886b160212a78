//! ukai-gateway
