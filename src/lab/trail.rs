//! The path of a lane through a plane, in bounded memory. Knows numbers, no network.

/// Most points that are kept.
const MOST: usize = 8192;

/// The path of a lane as pairs of neighbouring steps, thinned as it grows.
///
/// Pairs are kept because a method that oscillates between two walls would look calm if every second step were dropped.
#[derive(Clone, Debug)]
pub struct Trail {
    points: Vec<[f32; 2]>,
    last: [f32; 2],
    /// Pairs between two kept ones.
    stride: u64,
    seen: u64,
}

impl Trail {
    /// A trail that begins here.
    pub fn new(start: [f32; 2]) -> Self {
        let mut trail = Self { points: Vec::with_capacity(MOST), last: start, stride: 1, seen: 0 };
        trail.push(start);
        trail
    }

    /// Appends a point. Allocates nothing.
    pub fn push(&mut self, point: [f32; 2]) {
        self.last = point;
        let pair = self.seen / 2;
        self.seen += 1;
        if !pair.is_multiple_of(self.stride) {
            return;
        }
        if self.points.len() == MOST {
            let mut at = 0;
            self.points.retain(|_| {
                at += 1;
                (at - 1) / 2 % 2 == 0
            });
            self.stride *= 2;
            if !pair.is_multiple_of(self.stride) {
                return;
            }
        }
        self.points.push(point);
    }

    /// The kept points, and the last one: x, y, x, y ...
    pub fn points(&self) -> Vec<f32> {
        let ahead = (self.points.last() != Some(&self.last)).then_some(self.last);
        self.points.iter().copied().chain(ahead).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_way_keeps_its_ends_and_its_bounces() {
        let at = |step: u32| [step as f32, f32::from(u8::from(step.is_multiple_of(2)))];
        let mut trail = Trail::new(at(0));
        for step in 1..100_001 {
            trail.push(at(step));
        }
        let points = trail.points();
        let points: Vec<_> = points.chunks_exact(2).collect();
        assert!((MOST / 2..=MOST + 1).contains(&points.len()), "{}", points.len());
        assert_eq!((points[0], points[points.len() - 1]), (&at(0)[..], &at(100_000)[..]));
        assert!(points.windows(2).all(|w| w[1][0] > w[0][0]), "in order");
        let bounces = points.windows(2).filter(|w| w[0][1] != w[1][1]).count();
        assert!(bounces * 2 > points.len(), "{bounces} of {}", points.len());
    }

    #[test]
    fn a_short_way_is_kept_whole() {
        let mut trail = Trail::new([0.0, 1.0]);
        trail.push([2.0, 3.0]);
        trail.push([4.0, 5.0]);
        assert_eq!(trail.points(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}
