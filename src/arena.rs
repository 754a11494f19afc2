//! How memory is had from the system and given back: one place to allocate from for all threads. glibc gives every thread one
//! of its own, each of which reserves 64 MiB of address space and keeps what was freed there. Training allocates nothing, so
//! nobody waits for another.
#![allow(unsafe_code)]

/// From this size on a buffer is the system's own, and goes back to it when it is freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN: libc::c_int = 1 << 20;

/// Has all threads allocate from one arena; to be called before there are any.
pub fn share() {
    // SAFETY: these calls set two numbers inside the allocator and touch no memory of ours.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN);
    }
}

/// Gives the system back what was freed. Small buffers lie between others that stay, so the allocator keeps their pages
/// otherwise, however many they are. Takes a few milliseconds at most.
pub fn trim() {
    // SAFETY: this call gives pages of the allocator back in which nothing lies; it touches no memory of ours.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}
