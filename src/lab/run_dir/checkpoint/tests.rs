//! A checkpoint is read as it was written, and a damaged one is refused.

use super::*;

fn sample() -> Checkpoint<'static> {
    let snapshot = Snapshot {
        step: 7,
        epoch: 1,
        position: 32,
        evaluations: 9,
        optim_step: 5,
        last_grad_norm: 0.25,
        params: vec![1.0, -2.0, f32::MIN_POSITIVE],
        state: vec![3.0],
        defence: vec![-0.25, 0.5],
        optim: OptimizerState { vectors: vec![vec![0.5; 3], Vec::new()], scalars: vec![1e300] },
        memory: [1.0, 2.0, 3.0, 4.0],
        clipped: 3,
        average: vec![0.25; 3],
        best: StoppingMemory { at: Some((0.5, 6)), since: 2 },
        kept: Some(Box::new(Snapshot { step: 6, params: vec![2.0; 3], ..Snapshot::default() })),
    };
    let origin = DivergenceOrigin {
        stage: StepStage::Backward,
        tensor: "gradient of weight".into(),
        nan: true,
        bad: 3,
        size: 12,
        reach: 1e30,
        carriers: 7,
    };
    let what = Divergence {
        step: 8,
        layer: "layer 1".into(),
        last_grad_norm: 1e9,
        what: "far".into(),
        origin: Some(origin),
    };
    let lane = |name: &str, phase| SavedLane {
        id: 0,
        name: name.into(),
        snapshot: snapshot.clone(),
        seeds: vec![SavedReplica { snapshot: snapshot.clone(), phase: Phase::Stopped("early".into()) }],
        seconds: 1.5,
        phase,
    };
    Checkpoint {
        scenario: "(title: \"x\")".into(),
        base: "there".into(),
        data: 5,
        scenarios: vec![7, 8],
        logs: vec![LogMark { bytes: 12, crc: 3 }],
        forgotten: vec![LineRemoval { lane: "b".into(), after: 3, to: "new".into() }],
        lanes: vec![
            lane("a", Phase::Paused),
            lane("b", Phase::Diverged(what.clone())),
            lane("e", Phase::Diverged(Divergence { origin: None, ..what })),
            lane("c", Phase::Finished),
        ]
        .into(),
        lines: vec![LogLine { step: 7, lane: 0, text: "{}".into() }],
    }
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(Checkpoint::decode(&sample().encode()), Ok(sample()));
}

#[test]
fn checkpoints_of_earlier_versions_are_read() {
    let whole = Checkpoint { forgotten: Vec::new(), ..sample() };
    for magic in EARLIER {
        let mut file = whole.encode();
        file[..magic.len()].copy_from_slice(magic);
        assert_eq!(Checkpoint::decode(&file), Ok(whole.clone()));
    }
}

#[test]
fn every_cut_and_every_flipped_byte_is_refused() {
    let file = sample().encode();
    for n in 0..file.len() {
        assert!(Checkpoint::decode(&file[..n]).is_err(), "cut at {n}");
        let mut flipped = file.clone();
        flipped[n] ^= 0x10;
        assert!(Checkpoint::decode(&flipped).is_err(), "flipped at {n}");
    }
    let mut grown = file.clone();
    grown.push(0);
    assert!(Checkpoint::decode(&grown).is_err());
}

#[test]
fn lengths_that_lie_allocate_nothing() {
    let mut file = sample().encode();
    let end = file.len() - 4;
    // With a valid checksum, the lengths themselves are still not trusted.
    for at in 24..end - 8 {
        let mut lying = file.clone();
        lying[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        let crc = crc32fast::hash(&lying[24..end]);
        lying[end..].copy_from_slice(&crc.to_le_bytes());
        // Some of these mutations change a number and not a length; none may panic.
        let _ = Checkpoint::decode(&lying);
    }
    file[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    let crc = crc32fast::hash(&file[24..end]);
    file[end..].copy_from_slice(&crc.to_le_bytes());
    assert!(Checkpoint::decode(&file).unwrap_err().contains("larger than the file"));
}
