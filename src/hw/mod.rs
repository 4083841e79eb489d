//! The emulated hardware.
