//! A plane through the loss over the weights, with the paths of all lanes on it.
//!
//! Three points span the plane: the first and the present weights of the lane in front, and the present weights of
//! another lane with the same layers. Distances are Euclidean, between parameter vectors.
//!
//! # Reference
//! Goodfellow, Vinyals and Saxe, Qualitatively characterizing neural network optimization problems, 2015,
//! arXiv:1412.6544; Li et al., Visualizing the loss landscape of neural nets, 2018, arXiv:1712.09913.

use super::{DataShape, Probe, ProbeInput, ProbeMemory, ProbeParts, Taken, scalar, training_loss};
use crate::engine::kernel::{distance_sq_f64, dot_f64};
use crate::lab::lane::TrainingLane;
use crate::lab::lane::past::open;
use crate::scenario::Recipe;
use crate::telemetry::{Data, LaneId, ProbeRequest};
use std::sync::Arc;

/// Columns and rows of the grid of losses, and of the one for networks whose passes are expensive.
const GRIDS: [(usize, usize); 2] = [(33, 21), (17, 11)];
/// Fewest and most training samples over which the loss is averaged.
const SAMPLES: (usize, usize) = (16, 256);
/// Approximate limit on the multiply-adds of one grid.
const WORK: usize = 10_000_000_000;
/// Most columns and rows of the interpolated grid.
const DOTS: usize = 1024;
/// Most points of a path.
const POINTS: usize = 32;
/// Most numbers in the points of a path.
const FLOATS: usize = 1 << 19;
/// The third point is at least this share of the way of the lane away from the line through the other two.
const ASIDE: f64 = 1e-3;

/// The parameters of a lane at some of its steps, the present ones last.
struct WeightPath {
    recipe: Recipe,
    points: Vec<Vec<f32>>,
}

/// The loss on a plane through the weights, and the paths of the lanes.
///
/// A request with an empty grid only adds the lane's path to those on the plane. Parts of the others: the grid `loss`,
/// the mean loss of `samples` training samples (a scalar); the table `paths`, a row for each lane (named by its index)
/// with x and y of every point, the first one being the start; the table `lanes`, with the distance of a lane's present
/// weights from the plane, and from its start; the table `third`, whose row names the lane through whose weights the
/// plane goes, or is empty if it goes through earlier weights of the lane in front. If there is no plane, `why` instead:
/// a table with one row whose name is the reason.
pub(super) const PLANE: Probe = Probe {
    take: |lane, _| Some(Arc::new(WeightPath::of(lane)) as Taken),
    ..Probe::new(
        "plane",
        "the loss on a plane through the weights of lanes, with their paths on it",
        "a pass of at most 256 training samples for each of up to 693 points, beside training",
        &[DataShape::Grid, DataShape::Table, DataShape::Scalar],
        plane,
    )
};

impl WeightPath {
    fn of(lane: &TrainingLane) -> Self {
        let live = lane.trainer.live();
        let most = (FLOATS / live.params.len().max(1)).min(POINTS);
        let past = open(&lane.past);
        let earlier: Vec<&[f32]> = past
            .frames()
            .iter()
            .filter(|f| f.step < live.step)
            .map(|f| f.params())
            .filter(|params| params.len() == live.params.len())
            .collect();
        // The start is a point too, which is not kept.
        let count = most.saturating_sub(2).min(earlier.len());
        let mut points: Vec<Vec<f32>> =
            (0..count).map(|i| earlier[i * earlier.len() / count].to_vec()).collect();
        if most > 1 {
            points.push(live.params.clone());
        }
        Self { recipe: lane.trainer.recipe().clone(), points }
    }
}

/// A plane in a space of many dimensions.
struct WeightPlane {
    origin: Vec<f32>,
    /// Perpendicular, of length 1.
    axes: [Vec<f32>; 2],
}

impl WeightPlane {
    /// The plane through two points and the candidate that is farthest from the line through them, with its index.
    fn through<'a>(
        origin: &[f32],
        end: &[f32],
        candidates: impl Iterator<Item = &'a [f32]>,
    ) -> Option<(Self, usize)> {
        let from_origin = |p: &[f32]| -> Vec<f32> { p.iter().zip(origin).map(|(p, o)| p - o).collect() };
        let way = distance_sq_f64(end, origin).sqrt();
        let first = unit(from_origin(end))?;
        let aside = |p: &[f32]| {
            let mut rest = from_origin(p);
            subtract(&mut rest, &first);
            // Once more, since the first time leaves rounding errors.
            subtract(&mut rest, &first);
            rest
        };
        let length = |v: &[f32]| dot_f64(v, v).sqrt();
        let all = candidates.map(aside).enumerate();
        let (index, second) = all.max_by(|a, b| length(&a.1).total_cmp(&length(&b.1)))?;
        if length(&second) <= ASIDE * way {
            return None;
        }
        Some((Self { origin: origin.to_vec(), axes: [first, unit(second)?] }, index))
    }

    /// The coordinates of the nearest point on the plane, and the distance from it.
    fn project(&self, point: &[f32]) -> ([f64; 2], f64) {
        let mut rest: Vec<f32> = point.iter().zip(&self.origin).map(|(p, o)| p - o).collect();
        let at = [dot_f64(&rest, &self.axes[0]), dot_f64(&rest, &self.axes[1])];
        self.axes.iter().for_each(|axis| subtract(&mut rest, axis));
        (at, dot_f64(&rest, &rest).sqrt())
    }

    /// The point with these coordinates.
    fn point(&self, x: f64, y: f64, out: &mut [f32]) {
        let [first, second] = &self.axes;
        for (i, out) in out.iter_mut().enumerate() {
            *out = (f64::from(self.origin[i]) + x * f64::from(first[i]) + y * f64::from(second[i])) as f32;
        }
    }
}

/// Subtracts the part of a vector along an axis of length 1.
fn subtract(v: &mut [f32], axis: &[f32]) {
    let along = dot_f64(v, axis);
    v.iter_mut().zip(axis).for_each(|(v, a)| *v = (f64::from(*v) - along * f64::from(*a)) as f32);
}

/// The vector divided by its length; `None` if it has none.
fn unit(v: Vec<f32>) -> Option<Vec<f32>> {
    let length = dot_f64(&v, &v).sqrt();
    (length > 0.0 && length.is_finite())
        .then(|| v.into_iter().map(|x| (f64::from(x) / length) as f32).collect())
}

/// The left, right, bottom and top edge of a window with a margin around these points; neither side is shorter than a
/// third of the other.
fn window(points: impl Iterator<Item = [f64; 2]> + Clone) -> [f64; 4] {
    let side = |k: usize| {
        points
            .clone()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p[k]), high.max(p[k])))
    };
    let [x, y] = [side(0), side(1)];
    let (width, height) = (x.1 - x.0, y.1 - y.0);
    let wider = |(low, high): (f64, f64), other: f64| {
        let (middle, half) = (f64::midpoint(low, high), (high - low).max(other / 3.0) * 0.65);
        (middle - half, middle + half)
    };
    let ((left, right), (bottom, top)) = (wider(x, height), wider(y, width));
    [left, right, bottom, top]
}

/// The middle of the i-th of n equal parts.
fn along(from: f64, to: f64, i: usize, n: usize) -> f64 {
    from + (to - from) * (i as f64 + 0.5) / n as f64
}

/// A reason why there is no plane.
fn none(why: &str) -> ProbeParts {
    vec![("why".into(), Data::Table { columns: Vec::new(), rows: vec![(why.into(), Vec::new())] })]
}

fn plane(peek: &ProbeInput, view: &ProbeRequest, memory: &mut ProbeMemory) -> Option<ProbeParts> {
    let (_, taken) = peek.taken.iter().find(|(of, _)| of == view)?;
    memory.paths.retain(|(lane, _)| *lane != peek.id);
    memory.paths.push((peek.id, Arc::clone(taken)));
    if view.grid == (0, 0) {
        return Some(Vec::new());
    }
    let own: &WeightPath = peek.taken(view)?;
    if own.points.is_empty() {
        return Some(none("the network has too many weights for a plane: at most 262,144 are compared"));
    }
    // The lane in front is the first.
    let mut lanes: Vec<(LaneId, Vec<Vec<f32>>)> = Vec::new();
    for (lane, taken) in memory.paths.iter().rev() {
        let Some(path) = taken.downcast_ref::<WeightPath>() else { continue };
        if path.recipe.network != own.recipe.network || path.points.is_empty() {
            continue;
        }
        let start = path.recipe.start(&peek.data, &peek.network, peek.seed).0;
        let points = std::iter::once(start).chain(path.points.iter().cloned());
        lanes.push((*lane, points.filter(|p| p.iter().all(|x| x.is_finite())).collect()));
    }
    lanes.retain(|(_, points)| points.len() > 1);
    let Some((front, others)) = lanes.split_first().filter(|(front, _)| front.0 == peek.id) else {
        return Some(none("the weights of the lane are no numbers"));
    };
    let (start, now) = (&front.1[0], &front.1[front.1.len() - 1]);
    if start == now {
        return Some(none("the lane has not moved from its start yet"));
    }
    let ends = others.iter().filter_map(|(_, points)| Some(&points.last()?[..]));
    let by_lane = WeightPlane::through(start, now, ends).map(|(plane, i)| (plane, Some(others[i].0)));
    let by_own = || {
        let earlier = front.1.iter().map(|p| &p[..]);
        WeightPlane::through(start, now, earlier).map(|(plane, _)| (plane, None))
    };
    let Some((plane, third)) = by_lane.or_else(by_own) else {
        return Some(none("all weights lie on one line, so there is no plane through them yet"));
    };
    let (mut paths, mut away, mut every) = (Vec::new(), Vec::new(), Vec::new());
    for (lane, points) in &lanes {
        let placed: Vec<([f64; 2], f64)> = points.iter().map(|p| plane.project(p)).collect();
        let way = distance_sq_f64(&points[points.len() - 1], &points[0]).sqrt();
        away.push((lane.to_string(), vec![placed[placed.len() - 1].1 as f32, way as f32]));
        paths.push((lane.to_string(), placed.iter().flat_map(|(at, _)| at.map(|v| v as f32)).collect()));
        every.extend(placed.iter().map(|(at, _)| *at));
    }
    let extent = window(every.iter().copied());
    let (count, values) = losses(peek, view.grid, &own.recipe, &plane, extent, memory);
    Some(vec![
        ("loss".into(), Data::Grid { width: view.grid.0.max(1), values, extent: extent.map(|v| v as f32) }),
        scalar("samples", count as f64),
        ("paths".into(), Data::Table { columns: Vec::new(), rows: paths }),
        ("lanes".into(), Data::Table { columns: vec!["from plane".into(), "from start".into()], rows: away }),
        (
            "third".into(),
            Data::Table {
                columns: Vec::new(),
                rows: third.map(|lane| (lane.to_string(), Vec::new())).into_iter().collect(),
            },
        ),
    ])
}

/// The number of samples, and their mean loss on a grid of this size, interpolated between the points at which it was
/// computed.
fn losses(
    peek: &ProbeInput,
    (width, height): (usize, usize),
    recipe: &Recipe,
    plane: &WeightPlane,
    [left, right, bottom, top]: [f64; 4],
    memory: &mut ProbeMemory,
) -> (usize, Vec<f32>) {
    let affordable = |(columns, rows): (usize, usize)| WORK / (peek.network.work().max(1) * columns * rows);
    let fine = GRIDS[0];
    let (columns, rows) = if affordable(fine) >= 2 * SAMPLES.0 { fine } else { GRIDS[1] };
    let count = affordable((columns, rows)).clamp(SAMPLES.0, SAMPLES.1).min(peek.data.train.len());
    let mut params = vec![0.0; plane.origin.len()];
    let mut computed = Vec::with_capacity(columns * rows);
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = (along(left, right, column, columns), along(top, bottom, row, rows));
            plane.point(x, y, &mut params);
            computed.push(training_loss(peek, memory, &recipe.loss, count, &params, None) as f32);
        }
    }
    (count, interpolated(&computed, (columns, rows), (width.clamp(1, DOTS), height.clamp(1, DOTS))))
}

/// A grid of another size, by linear interpolation in both directions.
fn interpolated(
    values: &[f32],
    (columns, rows): (usize, usize),
    (width, height): (usize, usize),
) -> Vec<f32> {
    // The two neighbours of the i-th of n positions among `of` values, and the share of the second.
    let between = |i: usize, n: usize, of: usize| {
        let at = (along(0.0, of as f64, i, n) - 0.5).clamp(0.0, (of - 1) as f64);
        let low = (at as usize).min(of.saturating_sub(2));
        (low, (low + 1).min(of - 1), (at - low as f64) as f32)
    };
    let mut out = Vec::with_capacity(width * height);
    for row in 0..height {
        let (above, below, down) = between(row, height, rows);
        for column in 0..width {
            let (left, right, across) = between(column, width, columns);
            let mix = |a: f32, b: f32, share: f32| if share == 0.0 { a } else { a + (b - a) * share };
            let line = |row: usize| mix(values[row * columns + left], values[row * columns + right], across);
            out.push(if down == 0.0 { line(above) } else { mix(line(above), line(below), down) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In five dimensions, the plane through known points is that of their coordinates.
    #[test]
    fn points_on_a_plane_have_their_coordinates_and_others_their_distance() {
        let origin = [1.0, 2.0, 3.0, 4.0, 5.0];
        let moved = |by: [f32; 5]| -> Vec<f32> { origin.iter().zip(by).map(|(o, b)| o + b).collect() };
        let (end, other) = (moved([2.0, 0.0, 0.0, 0.0, 0.0]), moved([3.0, 0.0, 4.0, 0.0, 0.0]));
        let near = moved([1.0, 0.0, 0.0, 0.5, 0.0]);
        let (plane, third) =
            WeightPlane::through(&origin, &end, [&near[..], &other].into_iter()).expect("a plane");
        assert_eq!(third, 1, "the point that is farthest from the line");
        assert_eq!(plane.project(&other), ([3.0, 4.0], 0.0));
        assert_eq!(plane.project(&moved([-1.0, 3.0, 2.0, 0.0, 4.0])), ([-1.0, 2.0], 5.0));
        let mut point = [0.0; 5];
        plane.point(3.0, 4.0, &mut point);
        assert_eq!(point[..], other[..]);
        let on_line = moved([7.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(WeightPlane::through(&origin, &end, std::iter::once(&on_line[..])).is_none());
        assert!(WeightPlane::through(&origin, &origin, std::iter::once(&other[..])).is_none());
    }

    #[test]
    fn a_plane_stays_a_plane_when_it_is_interpolated() {
        let values: Vec<f32> = (0..12).map(|i| (i % 4) as f32 + 10.0 * (i / 4) as f32).collect();
        assert_eq!(interpolated(&values, (4, 3), (4, 3)), values);
        let fine = interpolated(&values, (4, 3), (8, 6));
        assert_eq!(fine[2 * 8 + 2..2 * 8 + 4], [0.75 + 7.5, 1.25 + 7.5]);
        assert_eq!((fine[0], fine[47]), (0.0, 23.0), "nothing is extrapolated");
    }

    #[test]
    fn a_window_holds_all_points_and_is_not_too_narrow() {
        let points = [[0.0, 0.0], [10.0, 1.0]];
        let [left, right, bottom, top] = window(points.into_iter());
        assert!(left < 0.0 && right > 10.0 && bottom < 0.0 && top > 1.0);
        assert!((right - left) < 3.01 * (top - bottom), "{:?}", window(points.into_iter()));
    }
}
