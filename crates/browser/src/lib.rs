//! ukai-browser
