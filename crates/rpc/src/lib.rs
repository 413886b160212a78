//! ukai-rpc
