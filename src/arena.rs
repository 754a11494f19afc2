//! Settings of the system's memory allocator: all threads allocate from one arena. By default glibc gives every thread
//! an arena of its own, which reserves 64 MiB of address space and keeps freed memory for that thread. Training
//! allocates nothing, so threads do not wait for each other here.
#![allow(unsafe_code)]

/// Buffers of at least this size are mapped separately and returned to the system when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN: libc::c_int = 1 << 20;

/// Makes all threads allocate from one arena; call it before the first thread starts.
pub fn share() {
    // SAFETY: these calls set two numbers inside the allocator and touch no memory of ours.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN);
    }
}

/// Returns freed memory to the system. Without this call the allocator keeps pages of small freed buffers, because
/// buffers that are still in use lie between them. Takes a few milliseconds at most.
pub fn trim() {
    // SAFETY: this call returns only unused pages of the allocator; it touches no memory of ours.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}
