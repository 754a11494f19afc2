//! Numbers that carry their first and second derivatives with respect to two variables.

use super::Taylor;
use std::ops::{Add, Mul, Sub};

/// A value with its gradient and Hessian (xx, xy, yy).
#[derive(Clone, Copy, Debug)]
pub struct Jet {
    v: f64,
    g: [f64; 2],
    h: [f64; 3],
}

impl Jet {
    /// The first variable.
    pub fn x(v: f64) -> Self {
        Self { v, g: [1.0, 0.0], h: [0.0; 3] }
    }

    /// The second variable.
    pub fn y(v: f64) -> Self {
        Self { v, g: [0.0, 1.0], h: [0.0; 3] }
    }

    /// The chain rule: f of this value, given f, f′ and f″ there; the Hessian is f′∇² + f″∇∇ᵀ.
    fn chain(self, f: f64, df: f64, ddf: f64) -> Self {
        let [gx, gy] = self.g;
        let [xx, xy, yy] = self.h;
        Self {
            v: f,
            g: [df * gx, df * gy],
            h: [df * xx + ddf * gx * gx, df * xy + ddf * gx * gy, df * yy + ddf * gy * gy],
        }
    }

    /// j²
    pub fn square(self) -> Self {
        self.chain(self.v * self.v, 2.0 * self.v, 2.0)
    }

    /// A power of at least 2.
    pub fn powi(self, n: u32) -> Self {
        // By multiplication, so that no function of the platform affects the bits.
        let power = |n: u32| (0..n).fold(1.0, |p, _| p * self.v);
        let k = f64::from(n);
        self.chain(power(n), k * power(n - 1), k * (k - 1.0) * power(n - 2))
    }

    /// √j
    pub fn sqrt(self) -> Self {
        let root = self.v.sqrt();
        self.chain(root, 0.5 / root, -0.25 / (root * self.v))
    }

    /// Value, gradient and Hessian.
    pub fn taylor(self) -> Taylor {
        let [xx, xy, yy] = self.h;
        Taylor { value: self.v, gradient: self.g, hessian: [[xx, xy], [xy, yy]] }
    }

    fn each(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let ([a, b], [c, d]) = (self.g, other.g);
        let ([e, g, i], [h, j, k]) = (self.h, other.h);
        Self { v: f(self.v, other.v), g: [f(a, c), f(b, d)], h: [f(e, h), f(g, j), f(i, k)] }
    }
}

/// eʲ. These three are functions, not methods, so that they are not mistaken for the platform's.
pub fn exp(j: Jet) -> Jet {
    let e = libm::exp(j.v);
    j.chain(e, e, e)
}

/// sin j
pub fn sin(j: Jet) -> Jet {
    let (s, c) = (libm::sin(j.v), libm::cos(j.v));
    j.chain(s, c, -s)
}

/// cos j
pub fn cos(j: Jet) -> Jet {
    let (s, c) = (libm::sin(j.v), libm::cos(j.v));
    j.chain(c, -s, -c)
}

impl Add for Jet {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.each(other, |a, b| a + b)
    }
}

impl Sub for Jet {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.each(other, |a, b| a - b)
    }
}

impl Mul for Jet {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        let ([ax, ay], [bx, by]) = (self.g, o.g);
        Self {
            v: self.v * o.v,
            g: [ax * o.v + self.v * bx, ay * o.v + self.v * by],
            h: [
                self.h[0] * o.v + 2.0 * ax * bx + self.v * o.h[0],
                self.h[1] * o.v + ax * by + ay * bx + self.v * o.h[1],
                self.h[2] * o.v + 2.0 * ay * by + self.v * o.h[2],
            ],
        }
    }
}

impl Mul<Jet> for f64 {
    type Output = Jet;
    fn mul(self, j: Jet) -> Jet {
        j.chain(self * j.v, self, 0.0)
    }
}

impl Add<f64> for Jet {
    type Output = Self;
    fn add(self, c: f64) -> Self {
        Self { v: self.v + c, ..self }
    }
}

impl Sub<f64> for Jet {
    type Output = Self;
    fn sub(self, c: f64) -> Self {
        Self { v: self.v - c, ..self }
    }
}

impl Sub<Jet> for f64 {
    type Output = Jet;
    fn sub(self, j: Jet) -> Jet {
        j.chain(self - j.v, -1.0, 0.0)
    }
}
