//! Two-dimensional test functions with their derivatives, in f64. Knows no network and no optimizer.
//!
//! Each function is written once, as its formula; value, gradient and Hessian are computed by second-order forward
//! differentiation (`Jet`).

use crate::registry::plain_values;
use serde::{Deserialize, Serialize};
use std::f64::consts::{E, PI};

mod jet;

use jet::{Jet, cos, exp, sin};

/// A test function of the plane for optimizers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Surface {
    /// A bowl.
    Sphere,
    /// A curved valley, steep across and flat along. Rosenbrock 1960, doi:10.1093/comjnl/3.3.175.
    #[default]
    Rosenbrock,
    /// Flat with steep corners.
    Beale,
    /// An elongated bowl.
    Booth,
    /// Four minima of the same depth.
    Himmelblau,
    /// A bowl under a regular field of dents.
    Rastrigin,
    /// A nearly flat plain of dents around one hole.
    Ackley,
    /// Three minima, one of them deepest.
    ThreeHumpCamel,
    /// Four minima of different depth.
    StyblinskiTang,
    /// A saddle, unbounded below.
    Saddle,
    /// Values over six orders of magnitude.
    GoldsteinPrice,
    /// A flat, slanted valley.
    Matyas,
    /// Ripples over a bowl.
    LeviN13,
    /// Six minima, two of them deepest.
    SixHumpCamel,
    /// A saddle with three valleys, one more for the monkey's tail: its Hessian vanishes.
    MonkeySaddle,
}
plain_values!(Surface);

/// Value, gradient and Hessian at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taylor {
    /// f
    pub value: f64,
    /// ∂f/∂x, ∂f/∂y
    pub gradient: [f64; 2],
    /// ∂²f/∂x², ∂²f/∂x∂y, ∂²f/∂x∂y, ∂²f/∂y²
    pub hessian: [[f64; 2]; 2],
}

impl Surface {
    /// All surfaces.
    pub const ALL: [Self; 15] = [
        Self::Sphere,
        Self::Rosenbrock,
        Self::Beale,
        Self::Booth,
        Self::Himmelblau,
        Self::Rastrigin,
        Self::Ackley,
        Self::ThreeHumpCamel,
        Self::StyblinskiTang,
        Self::Saddle,
        Self::GoldsteinPrice,
        Self::Matyas,
        Self::LeviN13,
        Self::SixHumpCamel,
        Self::MonkeySaddle,
    ];

    /// Its name in a scenario.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sphere => "Sphere",
            Self::Rosenbrock => "Rosenbrock",
            Self::Beale => "Beale",
            Self::Booth => "Booth",
            Self::Himmelblau => "Himmelblau",
            Self::Rastrigin => "Rastrigin",
            Self::Ackley => "Ackley",
            Self::ThreeHumpCamel => "ThreeHumpCamel",
            Self::StyblinskiTang => "StyblinskiTang",
            Self::Saddle => "Saddle",
            Self::GoldsteinPrice => "GoldsteinPrice",
            Self::Matyas => "Matyas",
            Self::LeviN13 => "LeviN13",
            Self::SixHumpCamel => "SixHumpCamel",
            Self::MonkeySaddle => "MonkeySaddle",
        }
    }

    /// Its formula in plain Unicode.
    pub fn formula(self) -> &'static str {
        match self {
            Self::Sphere => "x² + y²",
            Self::Rosenbrock => "(1-x)² + 100(y-x²)²",
            Self::Beale => "(1.5-x+xy)² + (2.25-x+xy²)² + (2.625-x+xy³)²",
            Self::Booth => "(x+2y-7)² + (2x+y-5)²",
            Self::Himmelblau => "(x²+y-11)² + (x+y²-7)²",
            Self::Rastrigin => "20 + x² - 10cos 2πx + y² - 10cos 2πy",
            Self::Ackley => "20 + e - 20exp(-0.2√((x²+y²)/2)) - exp((cos 2πx + cos 2πy)/2)",
            Self::ThreeHumpCamel => "2x² - 1.05x⁴ + x⁶/6 + xy + y²",
            Self::StyblinskiTang => "(x⁴-16x²+5x + y⁴-16y²+5y)/2",
            Self::Saddle => "x² - y²",
            Self::GoldsteinPrice => {
                "(1+(x+y+1)²(19-14x+3x²-14y+6xy+3y²))(30+(2x-3y)²(18-32x+12x²+48y-36xy+27y²))"
            }
            Self::Matyas => "0.26(x²+y²) - 0.48xy",
            Self::LeviN13 => "sin²3πx + (x-1)²(1+sin²3πy) + (y-1)²(1+sin²2πy)",
            Self::SixHumpCamel => "(4-2.1x²+x⁴/3)x² + xy + (4y²-4)y²",
            Self::MonkeySaddle => "x³ - 3xy²",
        }
    }

    /// The interesting part of the plane: left, right, bottom, top.
    pub fn domain(self) -> [f64; 4] {
        let half = match self {
            Self::Sphere | Self::Himmelblau | Self::Ackley | Self::ThreeHumpCamel | Self::StyblinskiTang => {
                5.0
            }
            Self::Rosenbrock => return [-2.0, 2.0, -1.0, 3.0],
            Self::Beale => 4.5,
            Self::Booth | Self::Matyas | Self::LeviN13 => 10.0,
            Self::Rastrigin => 5.12,
            Self::Saddle | Self::GoldsteinPrice | Self::MonkeySaddle => 2.0,
            Self::SixHumpCamel => return [-3.0, 3.0, -2.0, 2.0],
        };
        [-half, half, -half, half]
    }

    /// Its lowest points, or the critical points of the saddles.
    pub fn critical_points(self) -> &'static [(f64, f64)] {
        match self {
            Self::Rosenbrock | Self::LeviN13 => &[(1.0, 1.0)],
            Self::Beale => &[(3.0, 0.5)],
            Self::Booth => &[(1.0, 3.0)],
            Self::Himmelblau => &[
                (3.0, 2.0),
                (-2.805_118_086_952_745, 3.131_312_518_250_573),
                (-3.779_310_253_377_747, -3.283_185_991_286_17),
                (3.584_428_340_330_492, -1.848_126_526_964_404),
            ],
            Self::StyblinskiTang => &[(-2.903_534_027_771_177, -2.903_534_027_771_177)],
            Self::GoldsteinPrice => &[(0.0, -1.0)],
            Self::SixHumpCamel => &[
                (0.089_842_013_100_318_06, -0.712_656_403_020_739_6),
                (-0.089_842_013_100_318_06, 0.712_656_403_020_739_6),
            ],
            Self::Sphere
            | Self::Rastrigin
            | Self::Ackley
            | Self::ThreeHumpCamel
            | Self::Saddle
            | Self::Matyas
            | Self::MonkeySaddle => &[(0.0, 0.0)],
        }
    }

    /// Whether it is unbounded below.
    pub fn unbounded(self) -> bool {
        matches!(self, Self::Saddle | Self::MonkeySaddle)
    }

    /// f(x, y).
    pub fn value(self, x: f64, y: f64) -> f64 {
        self.at(x, y).value
    }

    /// Value, gradient and Hessian.
    ///
    /// # Notes
    /// Ackley's function has a cusp at 0; gradient and Hessian count as 0 there.
    pub fn at(self, x: f64, y: f64) -> Taylor {
        if self == Self::Ackley && x == 0.0 && y == 0.0 {
            return Taylor { value: 0.0, gradient: [0.0; 2], hessian: [[0.0; 2]; 2] };
        }
        self.formula_of(Jet::x(x), Jet::y(y)).taylor()
    }

    fn formula_of(self, x: Jet, y: Jet) -> Jet {
        match self {
            Self::Sphere => x.square() + y.square(),
            Self::Rosenbrock => (1.0 - x).square() + 100.0 * (y - x.square()).square(),
            Self::Beale => {
                (1.5 - x + x * y).square()
                    + (2.25 - x + x * y.square()).square()
                    + (2.625 - x + x * y.powi(3)).square()
            }
            Self::Booth => (x + 2.0 * y - 7.0).square() + (2.0 * x + y - 5.0).square(),
            Self::Himmelblau => (x.square() + y - 11.0).square() + (x + y.square() - 7.0).square(),
            Self::Rastrigin => {
                let dent = |t: Jet| t.square() - 10.0 * cos(2.0 * PI * t);
                dent(x) + dent(y) + 20.0
            }
            Self::Ackley => {
                let hole = -20.0 * exp(-0.2 * (0.5 * (x.square() + y.square())).sqrt());
                let dents = exp(0.5 * (cos(2.0 * PI * x) + cos(2.0 * PI * y)));
                hole - dents + (E + 20.0)
            }
            Self::ThreeHumpCamel => {
                2.0 * x.square() - 1.05 * x.powi(4) + (1.0 / 6.0) * x.powi(6) + x * y + y.square()
            }
            Self::StyblinskiTang => {
                let half = |t: Jet| 0.5 * (t.powi(4) - 16.0 * t.square() + 5.0 * t);
                half(x) + half(y)
            }
            Self::Saddle => x.square() - y.square(),
            Self::GoldsteinPrice => {
                let a = 3.0 * x.square() - 14.0 * x - 14.0 * y + 6.0 * (x * y) + 3.0 * y.square() + 19.0;
                let b = 12.0 * x.square() - 32.0 * x + 48.0 * y - 36.0 * (x * y) + 27.0 * y.square() + 18.0;
                ((x + y + 1.0).square() * a + 1.0) * ((2.0 * x - 3.0 * y).square() * b + 30.0)
            }
            Self::Matyas => 0.26 * (x.square() + y.square()) - 0.48 * (x * y),
            Self::LeviN13 => {
                let ripple = |waves: f64, t: Jet| sin(waves * PI * t).square();
                ripple(3.0, x)
                    + (x - 1.0).square() * (ripple(3.0, y) + 1.0)
                    + (y - 1.0).square() * (ripple(2.0, y) + 1.0)
            }
            Self::SixHumpCamel => {
                (4.0 - 2.1 * x.square() + (1.0 / 3.0) * x.powi(4)) * x.square()
                    + x * y
                    + (4.0 * y.square() - 4.0) * y.square()
            }
            Self::MonkeySaddle => x.powi(3) - 3.0 * (x * y.square()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_points_have_no_slope_and_are_lowest() {
        for surface in Surface::ALL {
            for &(x, y) in surface.critical_points() {
                let t = surface.at(x, y);
                assert!(t.gradient.iter().all(|g| g.abs() < 1e-8), "{} {t:?}", surface.name());
                if surface.unbounded() {
                    continue;
                }
                for (dx, dy) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01), (0.007, -0.007)] {
                    assert!(surface.value(x + dx, y + dy) > t.value, "{} at {x}, {y}", surface.name());
                }
            }
        }
    }

    #[test]
    fn names_are_those_of_a_scenario() {
        for surface in Surface::ALL {
            assert_eq!(ron::to_string(&surface).expect("RON"), surface.name());
        }
    }
}
