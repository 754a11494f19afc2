//! Tests that a lane with shared work takes the same steps as alone, bit for bit.

use super::*;
use crate::engine::clip::ClipConfig;
use crate::engine::optim::OptimizerConfig;

/// A team that does the second piece of work first, and may or may not be free.
#[derive(Debug)]
struct Turned {
    free: bool,
}

impl Team for Turned {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        b();
        a();
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
        let path = |team: Option<Turned>| {
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
            assert!(alone == path(Some(Turned { free })), "{}, free: {free}", optimizer.name());
        }
    }
}
