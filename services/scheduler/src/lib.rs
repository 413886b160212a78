//! ukai-scheduler
