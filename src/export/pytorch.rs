//! A lane as a PyTorch script: it rebuilds the network, loads the initial weights, uses the same batches and the same
//! learning rates, trains, and compares its losses with ours.

use super::RunContent;
use super::net::{parts, tensors};
use super::torch::{self, Module};
use super::weights::{WeightArrays, npz, safetensors};
use crate::engine::clip::ClipConfig;
use crate::engine::data::Labels;
use crate::engine::defence::DefenceConfig;
use crate::engine::layer::LayerConfig;
use crate::engine::shape::Shape;
use crate::lab::trainer::Trainer;
use crate::registry::SettingValue as _;
use crate::scenario::Recipe;
use std::fmt::Write as _;
use std::sync::Arc;

/// A script and the files that it reads.
pub struct PyTorchScript {
    /// The source.
    pub source: String,
    /// The initial weights as safetensors.
    pub weights: Vec<u8>,
    /// `x` and `y`, the indices of every batch, the learning rates and our losses, as NPZ.
    pub data: Vec<u8>,
}

/// The reason why a script cannot repeat a recipe, if there is one: training draws random numbers, or a part has no
/// counterpart in PyTorch.
fn obstacle(recipe: &Recipe, layers: &[LayerConfig]) -> Option<String> {
    fn drops(layers: &[LayerConfig]) -> bool {
        layers.iter().any(|l| match l {
            LayerConfig::Dropout(d) => d.p > 0.0,
            LayerConfig::Repeat(r) => drops(&r.layers),
            LayerConfig::Residual(r) => drops(&r.layers),
            _ => false,
        })
    }
    let unlike = |name: &str, value: String| Some(format!("{name}: {value} is not written for PyTorch"));
    if drops(layers) {
        return Some("PyTorch cannot repeat the draws of Dropout".into());
    }
    if !recipe.augment.is_empty() {
        return Some("PyTorch cannot repeat the draws of augment".into());
    }
    if recipe.gradient_noise != crate::engine::regularise::noise::GradientNoise::default() {
        return Some("PyTorch cannot repeat the draws of gradient_noise".into());
    }
    if !matches!(recipe.defence, DefenceConfig::Off(_)) {
        return unlike("defence", recipe.defence.text());
    }
    if recipe.regularisation.l1 != 0.0 {
        return unlike("regularisation", format!("l1: {}", recipe.regularisation.l1));
    }
    None
}

/// A shape in NumPy's form, without the axis of samples.
fn sizes(shape: Shape) -> Vec<usize> {
    match shape {
        Shape::Flat(n) => vec![n],
        Shape::Image { channels, height, width } => vec![channels, height, width],
        Shape::Sequence { steps, features } => vec![steps, features],
    }
}

/// A script that trains a lane for this many steps. `stem` is the name of its files without extension.
///
/// # Errors
/// The reason why PyTorch cannot repeat the lane.
pub fn script(subject: &RunContent, lane: usize, steps: u64, stem: &str) -> Result<PyTorchScript, String> {
    let contender = &subject.experiment.lanes[lane];
    if contender.branch.is_some() {
        return Err(format!("{} is a fork; export the lane that it comes from", contender.name));
    }
    if contender.journal.iter().any(|e| e.step > 0) {
        return Err(format!("{} was changed while it trained; a script has one recipe", contender.name));
    }
    let data = &subject.experiment.data;
    let mut trainer = Trainer::with_network(
        data,
        Arc::clone(&contender.network),
        contender.recipe.clone(),
        subject.scenario.seed,
        subject.scenario.steps as u64,
    );
    let recipe = trainer.recipe().clone();
    let layers = recipe.layers(data.train.outputs());
    if let Some(why) = obstacle(&recipe, &layers) {
        return Err(format!("{}: {why}", contender.name));
    }
    let parts = parts(&layers, &contender.network);
    let modules = parts.iter().map(torch::module).collect::<Result<Vec<Module>, _>>()?;
    let start = trainer.live();
    let about = [("lane", contender.name.clone()), ("step", "0".into())];
    let weights = safetensors(&tensors(&parts, &contender.network, &start.params, &start.state), &about)?;

    let (mut order, mut rates, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..steps {
        let Ok(step) = trainer.step(false) else { break };
        order.extend(trainer.samples().iter().map(|&i| i64::from(i)));
        rates.push(step.lr);
        losses.push(f64::from(step.loss));
    }
    if losses.is_empty() {
        return Err(format!("{} diverges at its first step", contender.name));
    }
    let train = &data.train;
    let (n, rows) = (train.len(), order.len() / losses.len());
    let x_shape = [vec![n], sizes(train.shape)].concat();
    let mut arrays = vec![
        ("x".to_string(), x_shape, WeightArrays::Floats(&train.inputs)),
        ("order".into(), vec![losses.len(), rows], WeightArrays::Wholes(&order)),
        ("lr".into(), vec![rates.len()], WeightArrays::Doubles(&rates)),
        ("loss".into(), vec![losses.len()], WeightArrays::Doubles(&losses)),
    ];
    let classes: Vec<i64> = match &train.labels {
        Labels::Classes { of, .. } | Labels::StepClasses { of, .. } => {
            of.iter().map(|&c| i64::from(c)).collect()
        }
        Labels::Values { .. } => Vec::new(),
    };
    match &train.labels {
        Labels::Classes { .. } => arrays.push(("y".into(), vec![n], WeightArrays::Wholes(&classes))),
        Labels::StepClasses { .. } => {
            arrays.push(("y".into(), vec![n, classes.len() / n], WeightArrays::Wholes(&classes)));
        }
        Labels::Values { of, shape } => {
            arrays.push(("y".into(), [vec![n], sizes(*shape)].concat(), WeightArrays::Floats(of)));
        }
    }
    let data_file = npz(&arrays).map_err(|e| e.to_string())?;
    let width = train.outputs().rows_of().1;
    let (loss, target) = torch::loss(&recipe.loss, !classes.is_empty(), width)?;
    let optimizer = torch::optimizer(&recipe.optimizer)?;
    let clip = torch::clip(&recipe.clip)?;
    let names = (contender.name.as_str(), subject.name.as_str());
    let source = source(&ScriptValues {
        stem,
        names,
        parts: &parts,
        modules: &modules,
        recipe: &recipe,
        loss,
        target,
        optimizer,
        clip,
    });
    Ok(PyTorchScript { source, weights, data: data_file })
}

/// The values that the source text is made from.
struct ScriptValues<'a> {
    stem: &'a str,
    names: (&'a str, &'a str),
    parts: &'a [super::net::ExportedLayer<'a>],
    modules: &'a [Module],
    recipe: &'a Recipe,
    loss: String,
    target: &'static str,
    optimizer: String,
    clip: String,
}

/// The text, made safe for a comment or a string of Python.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_graphic() && !"\\\"'".contains(c) || c == ' ' { c } else { '_' })
        .collect()
}

fn source(p: &ScriptValues<'_>) -> String {
    let mut out = format!(
        "\"\"\"Lane {} of {} in PyTorch: the same weights, batches and rates, and its losses beside ours.\n\n\
         pip install torch numpy safetensors\n\"\"\"\nimport sys\nfrom pathlib import Path\n\nimport numpy as np\nimport torch\n\
         from safetensors.torch import load_file\nfrom torch import nn\n\nHERE = Path(__file__).parent\n\n\n\
         class Net(nn.ModuleList):\n    def __init__(self):\n        super().__init__([\n",
        plain(p.names.0),
        plain(p.names.1)
    );
    for (i, (part, module)) in p.parts.iter().zip(p.modules).enumerate() {
        let _ = writeln!(out, "            {},  # {i}: {}", module.new, plain(&part.node.label));
    }
    out.push_str("        ])\n\n    def forward(self, x):\n        l = self\n");
    for (i, (part, module)) in p.parts.iter().zip(p.modules).enumerate() {
        if p.parts.iter().any(|other| other.node.add.contains(&i)) {
            let _ = writeln!(out, "        x{i} = x");
        }
        for from in &part.node.add {
            let _ = writeln!(out, "        x = x + x{from}");
        }
        if part.config.is_some() {
            let _ = writeln!(out, "        x = {}", module.call.replace("l[i]", &format!("l[{i}]")));
        }
    }
    let fixed: Vec<String> =
        p.parts.iter().enumerate().filter(|(_, part)| lone_bias(part)).map(|(i, _)| i.to_string()).collect();
    let _ = write!(
        out,
        "        return x\n\n\ndef main():\n    torch.manual_seed(0)\n    file = np.load(HERE / \"{0}_batches.npz\")\n    \
         x, y = torch.from_numpy(file[\"x\"]), torch.from_numpy(file[\"y\"])\n    net = Net()\n    \
         # Batch norm counts its batches; that count is no weight.\n    \
         net.load_state_dict(load_file(HERE / \"{0}_start.safetensors\"), strict=False)\n",
        p.stem
    );
    if !fixed.is_empty() {
        let _ = writeln!(
            out,
            "    for i in [{}]:  # These layers have one bias; PyTorch has two.\n        net[i].bias_hh_l0.requires_grad_(False)",
            fixed.join(", ")
        );
    }
    let l2 = p.recipe.regularisation.l2;
    let penalty = if l2 == 0.0 {
        String::new()
    } else {
        format!(
            "        (loss + {l2} / 2 * sum((w * w).sum() for w in parameters if w.dim() > 1)).backward()\n"
        )
    };
    let backward = if penalty.is_empty() { "        loss.backward()\n".into() } else { penalty };
    let clip = if p.clip.is_empty() { String::new() } else { format!("        {}\n", p.clip) };
    let spread = matches!(p.recipe.clip, ClipConfig::Off(_));
    let _ = write!(
        out,
        "    parameters = [w for w in net.parameters() if w.requires_grad]\n    optimizer = {}\n    criterion = {}\n    \
         losses = []\n    for rows, lr in zip(file[\"order\"], file[\"lr\"]):\n        \
         for group in optimizer.param_groups:\n            group[\"lr\"] = float(lr)\n        \
         batch, target = x[rows], y[rows]\n        optimizer.zero_grad()\n        z = net(batch)\n        \
         loss = criterion({}, {})\n{backward}{clip}        optimizer.step()\n        losses.append(loss.item())\n    \
         ours = file[\"loss\"]\n    off = np.abs(np.array(losses) - ours) / np.maximum(np.abs(ours), 1e-3)\n    \
         print(f\"{{len(ours)}} steps; loss here {{losses[-1]:.6f}}, ours {{ours[-1]:.6f}}; \"\n          \
         f\"largest relative difference {{off.max():.2e}}\")\n    return 0 if off.max() < {} else 1\n\n\n\
         if __name__ == \"__main__\":\n    sys.exit(main())\n",
        p.optimizer,
        p.loss,
        if p.target == "y" {
            "z.flatten(0, -2) if z.dim() == 3 and target.dtype == torch.int64 else z"
        } else {
            "z"
        },
        if p.target == "y" {
            "target.flatten() if target.dtype == torch.int64 else target"
        } else {
            "nn.functional.one_hot(target, z.shape[-1]).float()"
        },
        // Clipping is not smooth: rounding can decide whether a step is clipped, so gradtui and PyTorch may differ.
        if spread { "1e-4" } else { "1e-3" },
    );
    out
}

/// Whether a recurrent layer has one bias; PyTorch always has two.
fn lone_bias(part: &super::net::ExportedLayer<'_>) -> bool {
    match part.config {
        Some(LayerConfig::Rnn(r)) => !r.bias_hh,
        Some(LayerConfig::Lstm(r)) => !r.bias_hh,
        _ => false,
    }
}
