//! Tests of the names of layers in logs.

use super::*;

fn layers(names: &[&str]) -> (Vec<String>, LayerOrder) {
    let found = of(names.iter().copied(), None);
    (found.names, found.order)
}

#[test]
fn the_names_of_libraries_and_people_are_understood() {
    for (name, layer) in [
        ("grad_2.0_norm/net.layers.0.weight", "net.layers.0"),
        ("grad_inf_norm/layers.1.bias", "layers.1"),
        ("model/grads_norm/layers/0/weight", "layers.0"),
        ("l2_norm/grad/net.layers.0.weight", "net.layers.0"),
        ("grad/layers.0.weight.norm", "layers.0"),
        ("gradients/lstm.weight_ih_l1", "lstm.l1"),
        ("gradients/graph_1layers.0.weight", "layers.0"),
        ("gradients/graph_10.weight", "0"),
        ("gradients/graph_12layers.3.weight", "layers.3"),
        ("grad_norm/sequential/dense_0/kernel", "sequential.dense_0"),
        ("grad_layers_0_weight", "layers.0"),
        ("grad norm fc1.weight", "fc1"),
        ("grad.layers.0.weight", "layers.0"),
        ("layers.3.weight.grad", "layers.3"),
        ("train/grads/encoder/bias", "encoder"),
        ("grad_norm_before/layers.0.weight", "layers.0"),
        ("grad_0.weight", "0"),
        ("grad_0_weight", "0"),
        ("grad_norm/layers_0_weight", "layers.0"),
        ("fc1_weight.grad", "fc1"),
        ("grad_lstm_weight_ih_l0", "lstm.l0"),
        ("grad_attn_in_proj_weight", "attn"),
        ("fc1.weight/grad_norm", "fc1"),
        ("layers.0.weight.grad_norm", "layers.0"),
        ("grad_hidden_1_weight", "hidden_1"),
        ("grad_norm_h_0_ln_1_weight", "h.0.ln_1"),
        ("gradient/layers.0.weight/norm", "layers.0"),
        ("grad-norm/layers.0.weight", "layers.0"),
        ("gnorm/layers.0.weight", "layers.0"),
        ("grad_norm[layers.0.weight]", "layers.0"),
    ] {
        assert_eq!(layers(&[name]).0, [layer], "{name}");
    }
    for name in [
        "grad_norm",
        "grad_norm_total",
        "grad_clip",
        "grad_scale",
        "weights_norm/layers/0/weight",
        "l2_norm/param/a.weight",
        "grad/layers.0.weight.max",
        "gnorm",
        "l2_norm/grad/global",
        "gradient_accumulation_steps",
        "loss",
        "param/a.weight.norm",
        "grad_norm_hidden_1",
        "train/grad_norm",
        "encoder/grad_norm",
        "grad_clip_value",
    ] {
        assert_eq!(layers(&[name]).0, [""; 0], "{name}");
    }
}

#[test]
fn a_total_norm_under_the_name_of_a_layer_is_that_layers() {
    let of = |names: &[&str]| {
        let found = of(names.iter().copied(), None);
        (found.names, found.total)
    };
    let wanted = |names: &[&str], total| (names.iter().map(ToString::to_string).collect::<Vec<_>>(), total);
    let named = ["loss", "layer0/grad_norm", "layer1/grad_norm", "layer1/update_ratio"];
    assert_eq!(of(&named), wanted(&["layer0", "layer1"], None));
    assert_eq!(
        of(&["encoder.grad_norm", "head.grad_norm", "grad_norm"]),
        wanted(&["encoder", "head"], Some(2))
    );
    assert_eq!(of(&["encoder/grad_norm"]), wanted(&[], Some(0)), "nothing beside it");
    let runs = ["a/loss", "a/grad_norm", "b/loss", "b/grad_norm"];
    assert_eq!(of(&runs), wanted(&[], Some(1)), "runs side by side");
    assert_eq!(of(&["generator/grad_norm", "discriminator/grad_norm"]), wanted(&[], Some(0)));
    assert_eq!(of(&["train.loss", "train.grad_norm"]), wanted(&[], Some(1)));
}

#[test]
fn layers_are_in_the_order_of_a_forward_pass() {
    let names = |order: &[u32]| order.iter().map(|i| format!("grad_norm/l.{i}.weight")).collect::<Vec<_>>();
    let of = |order: &[u32]| {
        let names = names(order);
        layers(&names.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let sorted = vec!["l.2".to_string(), "l.10".into(), "l.11".into()];
    assert_eq!(of(&[2, 10, 11]), (sorted.clone(), LayerOrder::Appearance));
    assert_eq!(of(&[11, 10, 2]), (sorted.clone(), LayerOrder::Reversed));
    assert_eq!(of(&[10, 11, 2]), (sorted, LayerOrder::Natural));
    let named = ["grads/encoder/weight", "grads/body/0/weight", "grads/body/1/weight", "grads/head/weight"];
    assert_eq!(layers(&named).0, ["encoder", "body.0", "body.1", "head"]);
    let bare = ["grad_norm", "grad_norm_in_proj", "grad_norm_hidden_1", "grad_norm_hidden_2"];
    assert_eq!(layers(&bare).0, ["in_proj", "hidden_1", "hidden_2"], "several names of layers");
    let mixed = ["grad_norm_encoder", "grad_norm_body.0", "grad_norm_head"];
    assert_eq!(layers(&mixed).0, ["encoder", "body.0", "head"]);
    assert_eq!(layers(&["grad_clip", "grad_scale", "grad_accumulation_steps"]).0, [""; 0]);
}

#[test]
fn norms_before_clipping_are_preferred_and_the_total_is_no_layer() {
    let names = [
        "grad_norm_after/a.weight",
        "grad_norm_after/b.weight",
        "grad_norm_before/a.weight",
        "grad_norm_total",
    ];
    let found = of(names.iter().copied(), None);
    assert_eq!((found.names, found.members), (vec!["a".to_string()], vec![(2, 0)]));
    assert_eq!(found.after, [0; 0], "they have other layers");
    let beside = ["grad_mean/a.weight", "grad_norm/a.weight", "grad_norm/b.bias", "grad_norm/overall"];
    assert_eq!(of(beside.into_iter(), None).names, ["a", "b"]);
    let both = ["grad_norm_post/a.weight", "grad_norm_pre/a.weight"];
    assert_eq!(of(both.into_iter(), None).after, [0]);
    assert_eq!((found.clipped, found.total), (Some(false), Some(3)));
}
