//! One emulated machine with Debian's own kernel, for what the kernel of the testing machine may lack: WireGuard,
//! IPVS, nftables below both, and the boot itself.
//!
//! The machine is node `alpha`: it boots from the emitted user-data by cloud-init, gets its delivery over SSH, and
//! reboots. Node `beta` is a network namespace of the same kernel, with beta's delivery, in which the commands of
//! the emitted units run. kube-proxy runs on alpha with the emitted configuration; its API server runs natively
//! outside. Everything is inside the lab's [`sandbox`](crate::sandbox).
//!
//! 1. [`guest_image`] creates the disk and the kernel once, and keeps them in the cache.
//! 2. [`emulator`] runs them with QEMU, and [`guest`] runs scripts inside over SSH.
//! 3. [`owner`] is the folder in which `meshwright` runs, and [`api_server`] the API server.
//! 4. [`pair`] brings both nodes up; [`checks`] are what must hold.

pub mod api_server;
pub mod checks;
pub mod emulator;
pub mod guest;
pub mod guest_image;
pub mod owner;
pub mod pair;
pub mod trials;
