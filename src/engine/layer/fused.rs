//! Batch norm, ReLU and the maximum of tiles in one pass over memory. Knows no other layers, and not their positions in
//! the network.
//!
//! These layers are bound by memory, not by arithmetic. A plane of an image passes through all of them while it is in
//! the first-level cache, and the activations between them are never written. The forward pass gives the same bits as
//! the single layers one after another; the sums of the backward pass skip zeros.

use super::norm::{Standard, batch::Normalise, sums2};
use super::{Backward, Forward, Layer, LayerKind};
use crate::engine::kernel::{self, NOWHERE, Pairs, Tiles};
use crate::engine::shape::Shape;

/// max over tiles of max(norm(x), 0); the norm or the tiles may be absent.
#[derive(Debug)]
pub struct Fused {
    norm: Option<Normalise>,
    tiles: bool,
    channels: usize,
    height: usize,
    width: usize,
}

/// x̂ and w x̂ + b of one channel.
#[derive(Clone, Copy)]
struct Affine {
    standard: Standard,
    weight: f32,
    bias: f32,
}

impl Affine {
    #[inline(always)]
    fn normal(self, x: f32) -> f32 {
        self.standard.apply(x)
    }

    /// max(w x̂ + b, 0); NaN stays NaN.
    #[inline(always)]
    fn rectified(self, normal: f32) -> f32 {
        let value = self.weight.mul_add(normal, self.bias);
        if value < 0.0 { 0.0 } else { value }
    }
}

impl Fused {
    /// Fuses the layers at the beginning of the list that can run in one pass, and returns their number.
    pub fn first_of<'a>(layers: impl Iterator<Item = &'a dyn Layer>) -> Option<(Self, usize)> {
        let mut layers = layers.peekable();
        let Shape::Image { channels, height, width } = layers.peek()?.output() else { return None };
        let mut kinds = layers.map(Layer::kind);
        let (norm, tiles, count) = match (kinds.next()?, kinds.next()?, kinds.next()) {
            (LayerKind::Normalise(norm), LayerKind::Rectifier, Some(LayerKind::Tiles)) => {
                (Some(norm), true, 3)
            }
            (LayerKind::Normalise(norm), LayerKind::Rectifier, _) => (Some(norm), false, 2),
            (LayerKind::Rectifier, LayerKind::Tiles, _) => (None, true, 2),
            _ => return None,
        };
        Some((Self { norm, tiles, channels, height, width }, count))
    }

    fn plane(&self) -> usize {
        self.height * self.width
    }

    fn out_plane(&self) -> usize {
        if self.tiles { self.plane() / 4 } else { self.plane() }
    }

    /// The length of the norm's values at the head of the cache; then follow, for all outputs, the position of every
    /// maximum and its x̂, then scratch for one plane's pairs.
    fn head(&self) -> usize {
        self.norm.as_ref().map_or(0, |norm| norm.cache_len(0))
    }

    /// A channel's norm; without one, the identity.
    #[inline(always)]
    fn affine(&self, params: &[f32], head: &[f32], c: usize) -> Affine {
        if self.norm.is_some() {
            let standard = Standard::load(&head[c * Standard::LEN..]);
            Affine { standard, weight: params[c], bias: params[self.channels + c] }
        } else {
            Affine { standard: Standard::IDENTITY, weight: 1.0, bias: 0.0 }
        }
    }

    /// Writes the output of the norm, which the fused pass does not store; `cache` holds the values that forward
    /// stored.
    ///
    /// Returns `false` if the first layer is not a norm: its output does not need the cache.
    pub fn reveal_norm(&self, params: &[f32], cache: &[f32], x: &[f32], y: &mut [f32]) -> bool {
        self.norm.as_ref().map(|norm| norm.apply(params, cache, x, y)).is_some()
    }

    /// y, the positions and x̂ of one plane's tiles.
    #[inline(always)]
    fn pool(&self, affine: Affine, x: &[f32], pairs: &mut [f32], [y, place, normal]: [&mut [f32]; 3]) {
        let (values, rest) = pairs.split_at_mut(x.len() / 2);
        let (sides, normals) = rest.split_at_mut(x.len() / 2);
        // First along the rows, for the whole plane at once; then from row to row.
        let pairs = values.iter_mut().zip(sides.iter_mut()).zip(normals.iter_mut());
        for (&[a, b], ((value, side), normal)) in x.as_chunks::<2>().0.iter().zip(pairs) {
            let (a, b) = (affine.normal(a), affine.normal(b));
            let (left, right) = (affine.rectified(a), affine.rectified(b));
            let first = kernel::stays(left, right);
            *value = if first { left } else { right };
            *side = if first { 0.0 } else { 1.0 };
            *normal = if first { a } else { b };
        }
        let pairs = Pairs { values, sides, marks: &normals[..x.len() / 2] };
        kernel::join_rows(&pairs, self.width / 2, Tiles { values: y, places: place, marks: normal });
    }

    /// dx(dv, x) for one plane, where dv is the part of dy that passes through the maximum and the ReLU.
    #[inline(always)]
    fn plane_back(
        &self,
        gx: &mut [f32],
        x: &[f32],
        y: &[f32],
        gy: &[f32],
        place: &[f32],
        pairs: &mut [f32],
        dx: impl Fn(f32, f32) -> f32,
    ) {
        if self.tiles {
            let (grads, rest) = pairs.split_at_mut(x.len() / 2);
            let sides = &mut rest[..x.len() / 2];
            kernel::part_rows(gy, place, self.width / 2, grads, sides);
            let numbers = gx.as_chunks_mut::<2>().0.iter_mut().zip(x.as_chunks::<2>().0);
            for ((gx, &[left, right]), (&g, &side)) in numbers.zip(grads.iter().zip(&*sides)) {
                *gx = [
                    dx(if side == 0.0 { g } else { 0.0 }, left),
                    dx(if side == 1.0 { g } else { 0.0 }, right),
                ];
            }
        } else {
            for (((gx, &x), &g), &y) in gx.iter_mut().zip(x).zip(gy).zip(y) {
                *gx = dx(if y > 0.0 { g } else { 0.0 }, x);
            }
        }
    }
}

impl Layer for Fused {
    fn output(&self) -> Shape {
        let side = if self.tiles { 2 } else { 1 };
        Shape::Image { channels: self.channels, height: self.height / side, width: self.width / side }
    }

    fn cache_len(&self, rows: usize) -> usize {
        let tiles = if self.tiles { 2 * rows * self.output().size() + 2 * self.plane() } else { 0 };
        self.head() + tiles
    }

    fn totals(&self) -> usize {
        self.norm.as_ref().map_or(0, Layer::totals)
    }

    fn gather(&self, rows: usize, state: &[f32], x: &[f32], totals: &mut [f64]) {
        if let Some(norm) = &self.norm {
            norm.gather(rows, state, x, totals);
        }
    }

    fn forward(&self, f: Forward<'_>) {
        if let Some(norm) = &self.norm {
            norm.standardise(f.pass, f.state, f.totals, f.cache);
        }
        let (head, rest) = f.cache.split_at_mut(self.head());
        kernel::simd(
            #[inline(always)]
            || {
                let planes = f.x.chunks_exact(self.plane()).zip(f.y.chunks_exact_mut(self.out_plane()));
                if !self.tiles {
                    for (i, (x, y)) in planes.enumerate() {
                        let affine = self.affine(f.params, head, i % self.channels);
                        for (y, &x) in y.iter_mut().zip(x) {
                            *y = affine.rectified(affine.normal(x));
                        }
                    }
                    return;
                }
                let outputs = f.pass.rows * self.output().size();
                let (places, rest) = rest.split_at_mut(outputs);
                let (normals, pairs) = rest.split_at_mut(outputs);
                let kept =
                    places.chunks_exact_mut(self.out_plane()).zip(normals.chunks_exact_mut(self.out_plane()));
                for (i, ((x, y), (place, normal))) in planes.zip(kept).enumerate() {
                    self.pool(self.affine(f.params, head, i % self.channels), x, pairs, [y, place, normal]);
                }
            },
        );
    }

    /// Σ dv and Σ dv x̂ for v = w x̂ + b, where dv is dy at the maximum of a tile if it is above zero.
    fn gather_back(&self, x: &[f32], y: &[f32], cache: &[f32], grad_output: &[f32], totals: &mut [f64]) {
        totals.fill(0.0);
        totals[2 * self.channels] = (x.len() / self.channels) as f64;
        let (sums, products) = totals.split_at_mut(self.channels);
        let plane = self.out_plane();
        kernel::simd(
            #[inline(always)]
            || {
                for (i, grad) in grad_output.chunks_exact(plane).enumerate() {
                    let (c, at) = (i % self.channels, i * plane..(i + 1) * plane);
                    let (sum, product) = if self.tiles {
                        let (places, normals) = cache[self.head()..].split_at(y.len());
                        sums2(
                            [grad, &places[at.clone()], &normals[at]],
                            #[inline(always)]
                            |g, place, normal| {
                                let g = f64::from(if place < NOWHERE { g } else { 0.0 });
                                (g, g * f64::from(normal))
                            },
                        )
                    } else {
                        let s = Standard::load(&cache[c * Standard::LEN..]);
                        sums2(
                            [grad, &y[at.clone()], &x[at]],
                            #[inline(always)]
                            |g, y, x| {
                                let g = f64::from(if y > 0.0 { g } else { 0.0 });
                                (g, g * f64::from(s.apply(x)))
                            },
                        )
                    };
                    sums[c] += sum;
                    products[c] += product;
                }
            },
        );
    }

    fn backward(&self, b: Backward<'_>) {
        let (own, all) = b.totals;
        if let (Some(norm), Some(grad_params)) = (&self.norm, b.grad_params) {
            norm.grad_params(own, grad_params);
        }
        let Some(grad_input) = b.grad_input else { return };
        let training = b.pass.training;
        let (head, rest) = b.cache.split_at_mut(self.head());
        kernel::simd(
            #[inline(always)]
            || {
                let planes = grad_input.chunks_exact_mut(self.plane()).zip(b.x.chunks_exact(self.plane()));
                for (i, (gx, x)) in planes.enumerate() {
                    let (c, at) = (i % self.channels, i * self.out_plane()..(i + 1) * self.out_plane());
                    let Affine { standard, weight, .. } = self.affine(b.params, head, c);
                    let factor = weight * standard.scale;
                    let (gy, y) = (&b.grad_output[at.clone()], &b.y[at.clone()]);
                    let (places, pairs) =
                        if self.tiles { rest.split_at_mut(b.grad_output.len()) } else { Default::default() };
                    let place = if self.tiles { &places[at] } else { &[] };
                    let pairs = if self.tiles { &mut pairs[b.grad_output.len()..] } else { pairs };
                    match &self.norm {
                        Some(norm) if training => {
                            let slope = norm.slope(factor, standard, all, c);
                            let dx = move |g, x| slope.apply(g, x);
                            self.plane_back(gx, x, y, gy, place, pairs, dx);
                        }
                        _ => {
                            let dx = move |g, _| factor * g;
                            self.plane_back(gx, x, y, gy, place, pairs, dx);
                        }
                    }
                }
            },
        );
    }

    fn update_state(&self, state: &mut [f32], cache: &[f32], rows: usize) {
        if let Some(norm) = &self.norm {
            norm.update_state(state, cache, rows);
        }
    }
}
