//! The inner loops.
pub mod elementwise;
pub use elementwise::*;
/// x
pub fn simd<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
/// x
pub fn matmul(
    a: ndarray::ArrayView2<f32>,
    b: ndarray::ArrayView2<f32>,
    beta: f32,
    mut c: ndarray::ArrayViewMut2<f32>,
) {
    ndarray::linalg::general_mat_mul(1.0, &a, &b, beta, &mut c);
}
/// x
pub mod math {
    pub fn exp(x: f32) -> f32 {
        libm::expf(x)
    }
    pub fn ln(x: f32) -> f32 {
        libm::logf(x)
    }
    pub fn tanh(x: f32) -> f32 {
        libm::tanhf(x)
    }
    pub fn sigmoid(x: f32) -> f32 {
        1.0 / (1.0 + libm::expf(-x))
    }
}
