//! A network being edited: the list of layers with its nested lists, checked after every change. Draws nothing.

use crate::engine::init::InitConfig;
use crate::engine::layer::LayerConfig;
use crate::engine::network::Network;
use crate::scenario::{OutputLayer, Recipe, Shape};

/// One row of the list of layers.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerListRow {
    /// Indices from the outermost list to the layer.
    pub path: Vec<usize>,
    /// Its number in the built network, from 1; for a repeated layer that of its first copy; `None` for blocks.
    pub number: Option<usize>,
    /// Its shortest label: `Dense 64`.
    pub label: String,
    /// Shape of its output, if all layers up to it fit.
    pub output: String,
    /// Number of its parameters, for a repeated block in all copies.
    pub params: usize,
    /// The reason why it does not fit.
    pub fault: Option<String>,
    /// Whether it is the output layer, which is added automatically.
    pub fixed: bool,
}

/// Layers and initial weights being edited, which may differ from the trained ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The hidden layers.
    pub layers: Vec<LayerConfig>,
    /// Whether an output layer is added to them.
    pub output: OutputLayer,
    /// The initial weights.
    pub init: InitConfig,
}

impl Draft {
    /// The network of a recipe.
    pub fn of(recipe: &Recipe) -> Self {
        Self { layers: recipe.network.clone(), output: recipe.output, init: recipe.init.clone() }
    }

    /// The recipe with this network.
    pub fn into_recipe(self, mut recipe: Recipe) -> Recipe {
        recipe.network = self.layers;
        recipe.output = self.output;
        recipe.init = self.init;
        recipe
    }

    /// The rows, including the output layer, for data of these shapes.
    pub fn rows(&self, input: Shape, outputs: Shape) -> Vec<LayerListRow> {
        let mut rows = Vec::new();
        let mut shape = Some(input);
        let mut built = 0;
        list(&self.layers, &mut Vec::new(), (&mut shape, &mut built), &mut rows);
        let recipe = Recipe { network: self.layers.clone(), output: self.output, ..Recipe::default() };
        let head = &recipe.layers(outputs)[self.layers.len()..];
        let first = rows.len();
        list(head, &mut Vec::new(), (&mut shape, &mut built), &mut rows);
        for (i, row) in rows[first..].iter_mut().enumerate() {
            row.fixed = true;
            row.path = vec![self.layers.len() + i];
        }
        rows
    }

    /// The fault of the whole network, if there is one.
    pub fn fault(&self, input: Shape, outputs: Shape) -> Option<String> {
        let recipe = Recipe { network: self.layers.clone(), output: self.output, ..Recipe::default() };
        match Network::new(input, &recipe.layers(outputs)) {
            Err(e) => Some(e.what),
            Ok(n) if n.output() != outputs => {
                Some(format!("the network gives {}, the data want {outputs}", n.output()))
            }
            Ok(_) => None,
        }
    }

    /// The layer at a path.
    pub fn layer(&self, path: &[usize]) -> Option<&LayerConfig> {
        let (&last, outer) = path.split_last()?;
        let mut layers = &self.layers;
        for &i in outer {
            layers = match layers.get(i)? {
                LayerConfig::Repeat(r) => &r.layers,
                LayerConfig::Residual(r) => &r.layers,
                _ => return None,
            };
        }
        layers.get(last)
    }

    fn list_of(&mut self, outer: &[usize]) -> Option<&mut Vec<LayerConfig>> {
        let mut layers = &mut self.layers;
        for &i in outer {
            layers = match layers.get_mut(i)? {
                LayerConfig::Repeat(r) => &mut r.layers,
                LayerConfig::Residual(r) => &mut r.layers,
                _ => return None,
            };
        }
        Some(layers)
    }

    /// Replaces the layer at `path`.
    pub fn replace(&mut self, path: &[usize], layer: LayerConfig) {
        if let Some((&last, outer)) = path.split_last()
            && let Some(place) = self.list_of(outer).and_then(|l| l.get_mut(last))
        {
            *place = layer;
        }
    }

    /// Inserts a layer after the one at `path`: inside it, if that is a block without layers; before it, if that is the
    /// output layer. Returns the new path.
    pub fn insert(&mut self, path: &[usize], layer: LayerConfig) -> Vec<usize> {
        let empty_block = match self.layer(path) {
            Some(LayerConfig::Repeat(r)) => r.layers.is_empty(),
            Some(LayerConfig::Residual(r)) => r.layers.is_empty(),
            _ => false,
        };
        let (outer, at) = match path.split_last() {
            _ if empty_block => (path, 0),
            Some((&last, outer)) => (outer, last + 1),
            None => (path, 0),
        };
        let Some(layers) = self.list_of(outer) else { return path.to_vec() };
        let at = at.min(layers.len());
        layers.insert(at, layer);
        outer.iter().copied().chain([at]).collect()
    }

    /// Removes the layer at `path`.
    pub fn remove(&mut self, path: &[usize]) {
        if let Some((&last, outer)) = path.split_last()
            && let Some(layers) = self.list_of(outer)
            && last < layers.len()
        {
            layers.remove(last);
        }
    }

    /// Swaps the layer at `path` with its neighbour; returns its new path.
    pub fn shift(&mut self, path: &[usize], down: bool) -> Vec<usize> {
        let Some((&last, outer)) = path.split_last() else { return Vec::new() };
        let to = if down { last + 1 } else { last.wrapping_sub(1) };
        match self.list_of(outer) {
            Some(layers) if last < layers.len() && to < layers.len() => {
                layers.swap(last, to);
                outer.iter().copied().chain([to]).collect()
            }
            _ => path.to_vec(),
        }
    }
}

/// Appends the rows of a list; inside a `Repeat` they describe its first copy. `at`: the shape that enters it, if all
/// layers before fit, and the number of layers built before it.
fn list(
    layers: &[LayerConfig],
    path: &mut Vec<usize>,
    at: (&mut Option<Shape>, &mut usize),
    rows: &mut Vec<LayerListRow>,
) {
    let (shape, before) = at;
    for (i, layer) in layers.iter().enumerate() {
        path.push(i);
        let inner = match layer {
            LayerConfig::Repeat(r) => Some(&r.layers),
            LayerConfig::Residual(r) => Some(&r.layers),
            _ => None,
        };
        let built = shape.map(|s| Network::new(s, std::slice::from_ref(layer)));
        let (output, params, fault, nodes) = match &built {
            Some(Ok(n)) => (n.output().to_string(), n.param_count(), None, n.nodes().len()),
            Some(Err(e)) => (String::new(), 0, Some(e.what.clone()), 1),
            None => (String::new(), 0, None, 1),
        };
        let number = inner.is_none().then_some(*before + 1);
        let label = layer.label();
        rows.push(LayerListRow { path: path.clone(), number, label, output, params, fault, fixed: false });
        if let Some(inner) = inner {
            let (mut shape, mut before) = (*shape, *before);
            list(inner, path, (&mut shape, &mut before), rows);
        }
        *before += nodes;
        *shape = built.and_then(Result::ok).map(|n| n.output());
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::SettingValue as _;

    fn draft(text: &str) -> Draft {
        Draft { layers: Vec::parse(text).expect("layers"), ..Draft::of(&Recipe::default()) }
    }

    const INPUT: Shape = Shape::Flat(4);
    const OUTPUTS: Shape = Shape::Flat(3);

    #[test]
    fn rows_tell_shapes_and_counts_of_nested_layers() {
        let d = draft("[Dense(units: 8), Repeat(times: 3, layers: [Dense(units: 8), Sigmoid()])]");
        let rows = d.rows(INPUT, OUTPUTS);
        let numbers: Vec<_> = rows.iter().map(|r| r.number).collect();
        assert_eq!(numbers, [Some(1), None, Some(2), Some(3), Some(8)]);
        let seen: Vec<_> =
            rows.iter().map(|r| (r.path.clone(), r.label.as_str(), r.output.as_str(), r.params)).collect();
        assert_eq!(
            seen,
            [
                (vec![0], "Dense 8", "8", 40),
                (vec![1], "Repeat 3", "8", 216),
                (vec![1, 0], "Dense 8", "8", 72),
                (vec![1, 1], "Sigmoid", "8", 0),
                (vec![2], "Dense 3", "3", 27),
            ]
        );
        assert_eq!(d.fault(INPUT, OUTPUTS), None);
    }

    #[test]
    fn a_layer_that_does_not_fit_says_so_at_once() {
        let d = draft("[Residual(layers: [Dense(units: 9)])]");
        let rows = d.rows(INPUT, OUTPUTS);
        assert!(rows[0].fault.as_deref().is_some_and(|f| f.contains("keep its shape")), "{rows:?}");
        assert!(d.fault(INPUT, OUTPUTS).is_some());
    }

    #[test]
    fn layers_are_inserted_moved_and_removed_at_every_depth() {
        let layer = |t: &str| LayerConfig::parse(t).expect("a layer");
        let mut d = draft("[Dense(units: 8), Repeat(times: 2, layers: [])]");
        assert_eq!(d.insert(&[1], layer("Tanh()")), [1, 0], "into the empty block");
        assert_eq!(d.insert(&[1, 0], layer("Relu()")), [1, 1]);
        assert_eq!(d.shift(&[1, 1], false), [1, 0]);
        assert_eq!(d.shift(&[1, 0], false), [1, 0], "already the first");
        assert_eq!(d.insert(&[2], layer("Sigmoid()")), [2], "before the output layer");
        d.remove(&[0]);
        d.remove(&[7, 7]);
        d.replace(&[0, 1], layer("Sigmoid()"));
        assert_eq!(d.layers.text(), "[Repeat(layers: [Relu(), Sigmoid()]), Sigmoid()]");
    }
}
