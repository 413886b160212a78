//! ukai-api
