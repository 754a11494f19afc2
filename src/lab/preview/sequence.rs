//! One sequence over time: its inputs, its targets and the network's answers.

use super::{ProbeInput, ProbeMemory, ProbeParts, outputs};
use crate::engine::data::Labels;
use crate::engine::shape::Shape;
use crate::lab::trainer::batch::argmax;
use crate::telemetry::Data;

/// The parts of a validation sample; none if the data are not sequences, or have one class for the whole sequence.
pub(super) fn sequence(peek: &ProbeInput, sample: usize, memory: &mut ProbeMemory) -> Option<ProbeParts> {
    let samples = &peek.data.validation;
    let Shape::Sequence { features, .. } = samples.shape else { return None };
    let x = samples.input(sample);
    let of = |k: usize| x.iter().skip(k).step_by(features.max(1)).copied().collect();
    let rows = (0..features).map(|k| (format!("x{}", k + 1), of(k))).collect();
    let mut parts: ProbeParts = vec![("inputs".into(), Data::Table { columns: Vec::new(), rows })];
    let mut raw = Vec::new();
    outputs(peek, memory, x, |_, out| raw = out.to_vec());
    let (target, answer) = match &samples.labels {
        Labels::Classes { .. } => return None,
        Labels::StepClasses { of, names } => {
            let steps = samples.shape.rows_of().0;
            let taken = raw.chunks_exact(names.len().max(1));
            let taken = taken.map(|out| argmax(out).map_or(f32::NAN, |c| c as f32)).collect();
            let rows = names.iter().map(|n| (n.clone(), Vec::new())).collect();
            parts.push(("names".into(), Data::Table { columns: Vec::new(), rows }));
            (of[sample * steps..][..steps].iter().map(|&c| c as f32).collect(), taken)
        }
        Labels::Values { of, shape } => {
            let each = shape.size();
            (peek.data.all_in_unit(&of[sample * each..][..each]), peek.data.all_in_unit(&raw))
        }
    };
    parts.extend([("target".into(), Data::Series(target)), ("answer".into(), Data::Series(answer))]);
    Some(parts)
}
