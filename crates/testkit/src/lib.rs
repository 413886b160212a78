//! ukai-testkit
