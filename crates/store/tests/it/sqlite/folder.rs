//! The data folder: one process at a time, and only files of this program.
