//! ukai-boot
