//! ukai-heartbeat-monitor
