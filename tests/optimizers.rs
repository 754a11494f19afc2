//! Properties that every optimizer of the table must have; a new row is tested automatically.
//!
//! The only unsafe code is the counting allocator, which passes calls on to the system's allocator.
#![allow(unsafe_code)]

use gradtui::engine::layer::Fill;
use gradtui::engine::network::Slot;
use gradtui::engine::optim::{OptimizerConfig, OptimizerState, Oracle, Update, WeightUpdate};
use gradtui::engine::team::SingleThread;
use gradtui::registry::SettingValue as _;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A badly scaled bowl in 31 dimensions: a wide and a tall matrix, a kernel, a vector, a single number.
struct Bowl {
    slots: Vec<Slot>,
    start: Vec<f32>,
}

/// Eigenvalue of the i-th direction, over a factor of 32.
fn steepness(i: usize) -> f32 {
    0.25 * (1 << (i % 6)) as f32
}

impl Bowl {
    fn new() -> Self {
        let (mut slots, mut at) = (Vec::new(), 0);
        for shape in [vec![2, 3], vec![4, 2], vec![2, 1, 2, 3], vec![4], vec![1]] {
            let range = at..at + shape.iter().product::<usize>();
            at = range.end;
            slots.push(Slot { layer: 0, name: "weight", shape, range, fill: Fill::Constant(0.0) });
        }
        let start = (0..at).map(|i| ((i * 7 + 3) % 11) as f32 / 8.0 - 0.6).collect();
        Self { slots, start }
    }

    fn loss(p: &[f32]) -> f32 {
        p.iter().enumerate().map(|(i, x)| 0.5 * steepness(i) * x * x).sum()
    }

    fn slope(p: &[f32], g: &mut [f32]) {
        for (i, (g, x)) in g.iter_mut().zip(p).enumerate() {
            *g = steepness(i) * x;
        }
    }
}

impl Oracle for Bowl {
    fn gradient(&mut self, params: &[f32], grads: &mut [f32]) -> f32 {
        Self::slope(params, grads);
        Self::loss(params)
    }
}

/// A function whose gradient is zero everywhere.
struct Plain;

impl Oracle for Plain {
    fn gradient(&mut self, _: &[f32], grads: &mut [f32]) -> f32 {
        grads.fill(0.0);
        1.0
    }
}

/// Steps in the same order as a trainer makes them.
struct Run<'a> {
    optimizer: &'a OptimizerConfig,
    bowl: Bowl,
    params: Vec<f32>,
    grads: Vec<f32>,
    state: OptimizerState,
}

impl<'a> Run<'a> {
    fn new(optimizer: &'a OptimizerConfig) -> Self {
        let bowl = Bowl::new();
        let params = bowl.start.clone();
        let state = optimizer.init(&params);
        Self { optimizer, bowl, grads: vec![0.0; params.len()], params, state }
    }

    fn step(&mut self, step: u64) {
        Bowl::slope(&self.params, &mut self.grads);
        let slots = std::mem::take(&mut self.bowl.slots);
        self.optimizer.step(
            &mut self.state,
            Update {
                step,
                lr: self.optimizer.lr(),
                params: &mut self.params,
                grads: &mut self.grads,
                slots: &slots,
                oracle: &mut self.bowl,
                team: &SingleThread,
            },
        );
        self.bowl.slots = slots;
    }
}

/// All rows of the table with their defaults, and variants with other switches.
fn everything() -> Vec<OptimizerConfig> {
    let mut all = OptimizerConfig::all();
    for more in [
        "Adam(amsgrad: true, weight_decay: 0.1)",
        "AdamW(amsgrad: true)",
        "Momentum(dampening: 0.5, weight_decay: 0.1)",
        "RmsProp(centered: true)",
        "RmsProp(momentum: 0.9)",
        "RmsProp(centered: true, momentum: 0.9)",
        "Muon(nesterov: false, weight_decay: 0.1)",
        "Muon(form: Torch, adjust_lr_fn: MatchRmsAdamw)",
        "Muon(form: Torch, adjust_lr_fn: SpectralUnclamped, nesterov: false)",
        "Prodigy(bias_correction: false)",
        "ScheduleFreeSgd(lr: 0.1, warmup_steps: 5)",
        "Sophia(update_interval: 1)",
        "Lbfgs(line_search: None, lr: 0.5)",
        "Sam(inner: Adam(lr: 0.05, amsgrad: true))",
        "Sam(inner: Sam(inner: Momentum()))",
        "Asgd(t0: 3)",
    ] {
        all.push(OptimizerConfig::parse(more).unwrap_or_else(|e| panic!("{more}: {e}")));
    }
    all
}

/// Whether it is a proper optimizer; the article's misprints are not.
fn sound(o: &OptimizerConfig) -> bool {
    !o.name().starts_with("Misprinted")
}

#[test]
fn a_snapshot_goes_on_to_the_same_bits() {
    for optimizer in everything() {
        let mut whole = Run::new(&optimizer);
        let mut half = Run::new(&optimizer);
        for t in 1..=9 {
            whole.step(t);
            half.step(t);
        }
        let saved = (half.params.clone(), half.state.clone());
        for t in 10..=23 {
            whole.step(t);
        }
        let mut resumed = Run::new(&optimizer);
        // A copy must contain the whole state: nothing may be hidden in the settings or in the buffers of the run.
        (resumed.params, resumed.state) = saved;
        resumed.grads.fill(f32::NAN);
        for t in 10..=23 {
            resumed.step(t);
        }
        let bits = |p: &[f32]| p.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&whole.params), bits(&resumed.params), "{}", optimizer.text());
        assert_eq!(whole.state.scalars, resumed.state.scalars, "{}", optimizer.text());
    }
}

#[test]
fn a_step_allocates_nothing() {
    for optimizer in everything() {
        let mut run = Run::new(&optimizer);
        // The matrix kernel may allocate its packing buffers at a thread's first product.
        run.step(1);
        let before = ALLOCATIONS.with(Cell::get);
        for t in 2..=25 {
            run.step(t);
        }
        assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0, "{}", optimizer.text());
    }
}

#[test]
fn without_gradient_and_decay_nothing_moves() {
    for mut optimizer in everything().into_iter().filter(sound) {
        for field in optimizer.settings().fields() {
            if ["weight_decay", "lambd", "initial_accumulator"].contains(&field.name) {
                optimizer.settings_mut().set(field.name, "0.0").expect("no decay");
            }
        }
        if let OptimizerConfig::Muon(muon) = &mut optimizer {
            muon.others.weight_decay = 0.0;
        }
        let bowl = Bowl::new();
        for eps in [None, Some("0.0")] {
            if let Some(eps) = eps {
                // If eps may be 0, a weight without gradient must not become 0/0.
                let _ = optimizer.settings_mut().set("eps", eps);
            }
            let mut params = bowl.start.clone();
            let mut state = optimizer.init(&params);
            for step in 1..=12 {
                let mut grads = vec![0.0; params.len()];
                let (lr, slots) = (optimizer.lr(), &bowl.slots[..]);
                let (params, grads, oracle) = (&mut params[..], &mut grads[..], &mut Plain);
                optimizer
                    .step(&mut state, Update { step, lr, params, grads, slots, oracle, team: &SingleThread });
            }
            assert_eq!(params, bowl.start, "{}", optimizer.text());
            if let Some(point) = optimizer.eval_params(&state) {
                assert_eq!(point, bowl.start, "{}", optimizer.text());
            }
        }
    }
}

#[test]
fn every_method_gets_down_a_bowl() {
    for mut optimizer in everything().into_iter().filter(sound) {
        // Rates at which each family should make progress within 200 steps; most defaults are made for networks.
        let lr = match optimizer.name() {
            "Adagrad" | "Lars" => 0.5,
            "Adadelta" | "Prodigy" => 1.0,
            "Lbfgs" | "Sam" => optimizer.lr(),
            _ => 0.02,
        };
        optimizer.set_lr(lr);
        if let OptimizerConfig::Lars(lars) = &mut optimizer {
            lars.trust_coefficient = 0.02;
        }
        if let OptimizerConfig::Muon(muon) = &mut optimizer {
            muon.others.lr = 0.02;
        }
        let mut run = Run::new(&optimizer);
        let start = Bowl::loss(&run.params);
        let steps = if optimizer.name() == "Adadelta" { 1000 } else { 200 };
        for t in 1..=steps {
            run.step(t);
        }
        let end = Bowl::loss(optimizer.eval_params(&run.state).unwrap_or(&run.params));
        assert!(end < 0.5 * start, "{}: from {start} to {end}", optimizer.text());
    }
}

#[test]
fn every_optimizer_says_whose_form_it_has() {
    for optimizer in OptimizerConfig::all().into_iter().filter(sound) {
        let about = optimizer.settings().about();
        let named = ["PyTorch", "optax", "the paper"].iter().any(|library| about.contains(library));
        assert!(named && about.contains("form"), "{}: {about}", optimizer.name());
    }
}

#[test]
fn the_rate_can_be_set_everywhere() {
    for mut optimizer in everything() {
        optimizer.set_lr(0.125);
        assert_eq!(optimizer.lr(), 0.125, "{}", optimizer.name());
        let Some(first) = optimizer.settings().fields().into_iter().next() else { continue };
        assert!(first.name == "lr" || optimizer.name() == "Sam", "{}: lr comes first", optimizer.name());
        let again = OptimizerConfig::parse(&optimizer.text()).expect("its own text");
        assert_eq!(again, optimizer);
    }
}

#[test]
fn the_microscope_shows_a_step_without_disturbing_it() {
    for optimizer in everything() {
        let mut run = Run::new(&optimizer);
        for t in 1..=4 {
            let (before, from) = (run.state.clone(), run.params.clone());
            let mut grads = vec![0.0; from.len()];
            Bowl::slope(&from, &mut grads);
            run.step(t);
            for i in 0..from.len() {
                let look = WeightUpdate {
                    i,
                    step: t,
                    lr: optimizer.lr(),
                    grad: grads[i],
                    from: from[i],
                    to: run.params[i],
                    before: &before,
                    after: &run.state,
                };
                let terms = optimizer.explain(&look);
                assert!(terms.iter().all(|(_, v)| !v.is_nan()), "{}: {terms:?}", optimizer.text());
                let value = |name: &str| terms.iter().find(|t| t.0 == name).map(|t| t.1);
                let step = value("Δθ").expect("every explanation ends in the step");
                for name in optimizer.buffers() {
                    let shown = value(name).is_some() && optimizer.formula().contains(name);
                    assert!(shown || optimizer.name() == "Sam", "{}: {name}", optimizer.text());
                }
                // If the formula defines the step by these terms, they must give the step.
                if ["Adam", "AdamW", "Yogi"].contains(&optimizer.name()) {
                    let root = value("√v̂ + eps").or(value("√x̂ + eps")).expect("a denominator");
                    let decay = value("λθ").unwrap_or(0.0);
                    let want = -optimizer.lr() * (value("m̂").expect("a mean") / root + decay);
                    assert!((step - want).abs() < 1e-6 * (1.0 + want.abs()), "{step} {want} {terms:?}");
                }
            }
        }
    }
}

#[test]
fn a_changed_setting_keeps_the_memory_that_still_fits() {
    let parse = |text: &str| OptimizerConfig::parse(text).expect(text);
    let mut adam = parse("Adam(lr: 0.1)");
    let mut run = Run::new(&adam);
    run.step(1);
    let (state, params) = (run.state.clone(), run.params.clone());
    let kept = |new: &str| parse(new).carry(&adam, state.clone(), &params);
    assert_eq!(kept("Adam(lr: 0.2, betas: (0.8, 0.9))"), (state.clone(), false));
    for other in ["Adam(amsgrad: true)", "AdamW()", "Lbfgs()"] {
        let (fresh, new) = kept(other);
        assert!(new && fresh == parse(other).init(&params), "{other}");
    }
    adam.set_lr(0.5);
    assert_eq!(adam.lr(), 0.5);
}

#[test]
fn a_surface_is_a_scenario() {
    use gradtui::engine::data::NoFiles;
    use gradtui::lab::{experiment::Experiment, trainer::Trainer};
    use gradtui::scenario::Scenario;
    let text =
        "(data: Surface(function: Himmelblau, start: (0.0, 0.0)), optimizer: Adam(lr: 0.05), steps: 600)";
    let scenario = Scenario::parse(text).expect(text);
    let experiment = Experiment::new(scenario, &NoFiles).expect("an experiment");
    let lane = &experiment.lanes[0];
    assert_eq!(lane.network.nodes().len(), 1);
    let mut trainer = Trainer::new(&experiment.data, lane.recipe.clone(), 1, 600).expect("a trainer");
    let first = trainer.step(false).expect("a step").loss;
    assert_eq!(first, 170.0);
    for _ in 1..600 {
        trainer.step(false).expect("a step");
    }
    assert!(trainer.evaluate().loss < 1e-3, "{:?} at {:?}", trainer.evaluate(), trainer.live().params);
    let wrong = "(data: Surface(), network: [Dense(8)], loss: Mse(), lanes: [(name: \"a\")])";
    let faults = gradtui::scenario::check::read(wrong).expect_err(wrong);
    let told = |field: &str| faults.iter().any(|f| f.what.starts_with(&format!("{field}: Surface brings")));
    assert!(told("network") && told("loss") && !told("batch"), "{faults:?}");
}
