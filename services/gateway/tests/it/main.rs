//! The gateway between a fake leader on the in-process bus and real sockets on a loopback port.

mod auth;
mod events;
mod floods;
mod hostile;
mod kit;
mod polling;
mod pushes;
mod registration;
mod stream;
