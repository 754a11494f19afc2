//! A test function of the plane as a layer: its parameter is the point, its output the value of the function there.
//!
//! With the loss `Output`, it can be trained like any network.

use super::{Backward, Build, Fill, Forward, Layer, SlotSpec};
use crate::engine::rng::{Purpose, Stream};
use crate::engine::shape::Shape;
use crate::engine::surface;
use crate::registry::settings;

settings! {
    /// A test function of the plane: the parameter is a point, the output the height there, whatever the input.
    pub struct Surface {
        /// the function
        function: surface::Surface = surface::Surface::Rosenbrock;
        /// where the point starts
        start: (f64, f64) = (-1.2, 1.0), -1e6..=1e6;
        /// standard deviation of the noise that training adds to each entry of the gradient
        noise: f64 = 0.0, 0.0..=1e6;
    }
}

impl Build for Surface {
    fn build(&self, _: Shape) -> Result<Box<dyn Layer>, String> {
        Ok(Box::new(Height {
            function: self.function,
            start: (self.start.0 as f32, self.start.1 as f32),
            noise: self.noise,
        }))
    }
}

/// y = f(point) for every row.
#[derive(Debug)]
struct Height {
    function: surface::Surface,
    start: (f32, f32),
    noise: f64,
}

impl Layer for Height {
    fn output(&self) -> Shape {
        Shape::Flat(1)
    }

    fn slots(&self) -> Vec<SlotSpec> {
        vec![SlotSpec { name: "point", shape: vec![2], fill: Fill::Pair(self.start.0, self.start.1) }]
    }

    fn forward(&self, f: Forward<'_>) {
        // y = f(point)
        f.y.fill(self.function.value(f64::from(f.params[0]), f64::from(f.params[1])) as f32);
    }

    /// # Notes
    /// The noise depends on seed and step alone, so lanes with the same seed get the same noise. It is added to the
    /// gradient, not to the output.
    fn backward(&self, b: Backward<'_>) {
        // d point = ∇f Σ dy, dx = 0
        if let Some(grad_input) = b.grad_input {
            grad_input.fill(0.0);
        }
        let Some(grad_params) = b.grad_params else { return };
        let mut gradient = self.function.at(f64::from(b.params[0]), f64::from(b.params[1])).gradient;
        if b.pass.training && self.noise > 0.0 {
            let mut stream = Stream::new(b.pass.seed, Purpose::Noise, b.pass.step, b.layer as u64);
            for g in &mut gradient {
                *g += self.noise * f64::from(stream.normal());
            }
        }
        let rows: f64 = b.grad_output.iter().map(|&g| f64::from(g)).sum();
        for (out, g) in grad_params.iter_mut().zip(gradient) {
            *out = (rows * g) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::init::InitConfig;
    use crate::engine::layer::Pass;
    use crate::engine::network::Network;

    fn gradient(noise: f64, seed: u64, step: u64, rows: usize) -> Vec<f32> {
        let layer = Surface { noise, ..Surface::default() };
        let network = Network::new(Shape::Flat(1), &[layer.into()]).expect("a network");
        let params = network.initial_params(&*InitConfig::all()[0], seed);
        let (mut ws, mut grads) = (network.workspace(rows), vec![0.0; 2]);
        let pass = Pass::train(rows, seed, step);
        network.forward(&params, &[], pass, &mut ws);
        ws.output_and_grad(rows).1.fill(1.0 / rows as f32);
        network.backward(&params, &[], pass, &mut ws, Some(&mut grads), false);
        grads
    }

    #[test]
    fn it_starts_where_it_is_told_and_falls_along_the_gradient() {
        let exact = surface::Surface::Rosenbrock.at(f64::from(-1.2f32), 1.0).gradient;
        for rows in [1, 4] {
            assert_eq!(gradient(0.0, 1, 0, rows), exact.map(|g| g as f32));
        }
    }

    #[test]
    fn noise_depends_on_seed_and_step_and_not_on_the_rows() {
        let base = gradient(0.5, 1, 3, 1);
        assert_eq!(base, gradient(0.5, 1, 3, 4));
        assert_ne!(base, gradient(0.5, 2, 3, 1));
        assert_ne!(base, gradient(0.5, 1, 4, 1));
        // Mean 0 and the stated standard deviation, within five standard errors.
        let exact = gradient(0.0, 1, 0, 1);
        let (mut sum, mut square) = (0.0, 0.0);
        for step in 0..4000 {
            for (g, e) in gradient(0.5, 1, step, 1).iter().zip(&exact) {
                let n = f64::from(g - e);
                sum += n;
                square += n * n;
            }
        }
        assert!((sum / 8000.0).abs() < 0.028, "mean {}", sum / 8000.0);
        assert!((square / 8000.0 - 0.25).abs() < 0.02, "variance {}", square / 8000.0);
    }
}
