//! A lane whose work is shared takes the path that it takes alone, bit for bit.

use super::*;
use crate::engine::clip::ClipConfig;
use crate::engine::optim::OptimizerConfig;

/// A thread more for every piece of work, or nobody who has time although pieces may be shared.
#[derive(Debug)]
struct Pair {
    free: bool,
}

impl Team for Pair {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        std::thread::scope(|scope| {
            scope.spawn(b);
            a();
        });
    }

    fn free(&self) -> bool {
        self.free
    }
}

#[test]
fn with_every_optimizer_shared_work_changes_no_bit() {
    let network =
        Vec::<LayerConfig>::parse("[Flatten(), Dense(units: 96), Relu(), Dense(units: 500), Tanh()]")
            .unwrap();
    for optimizer in OptimizerConfig::all() {
        let path = |team: Option<Pair>| {
            let mut lane = images(|r| {
                r.network.clone_from(&network);
                r.batch = 48;
                r.optimizer = optimizer.clone();
                r.clip = ClipConfig::parse("Norm(max_norm: 0.01)").unwrap();
            });
            let params = lane.live.params.len();
            assert!(params > 1 << 15, "{params} parameters are too few to be shared");
            if let Some(team) = team {
                let team: Arc<dyn Team> = Arc::new(team);
                lane.work_with(&team);
            }
            run(&mut lane, 3);
            (lane.live.clone(), lane.last)
        };
        let alone = path(None);
        for free in [true, false] {
            assert!(alone == path(Some(Pair { free })), "{}, free: {free}", optimizer.name());
        }
    }
}
