//! ukai-socketio
