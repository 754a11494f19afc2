//! Tests of the screen of a sweep with made-up results: sizes, colours, keys, and ten thousand trainings.

use super::*;
use crate::lab::sweep::cell::End;
use crate::scenario::{read, sweep::plan};
use crate::ui::theme::{Depth, Glyphs};
use std::collections::BTreeMap;

fn planned(vary: &str, seeds: usize) -> SweepPlan {
    let base = "(data: Xor(), network: [Dense(2)], optimizer: Sgd(0.1), steps: 100, evaluate_every: 50)";
    let text = format!("(scenario: \"base\", title: \"rates\", vary: [{vary}], seeds: {seeds})");
    plan(&text, &|_| read(base).map_err(|f| f[0].to_string())).expect("a sweep")
}

/// Results in which the first contender is best at its fourth setting, and the largest settings diverge.
fn results(plan: &SweepPlan) -> Vec<(SweepCell, TrainingRecord)> {
    let each = plan.settings.len() / plan.contenders.len();
    let mut all = Vec::new();
    for (setting, s) in plan.settings.iter().enumerate() {
        for (seed, &number) in plan.seeds.iter().enumerate() {
            let far = (setting % each).abs_diff(3) as f32 + 1.0 + s.contender as f32;
            let loss = 0.1 * far + 0.01 * seed as f32;
            let curve = BTreeMap::from([("val_loss".to_string(), vec![Some(2.0 * loss), Some(loss)])]);
            let end = if setting % each + 1 == each { End::Diverged } else { End::Finished };
            let record = TrainingRecord {
                until: 100,
                steps: 100,
                end,
                at: vec![50, 100],
                curve,
                ..TrainingRecord::new(s.key, number)
            };
            all.push((SweepCell { setting, seed }, record));
        }
    }
    all
}

const TWO: &str = "(\"optimizer\", Values([Sgd(0.1), Adam(0.1)])), (\"optimizer.lr\", Log(1e-3, 1, 8))";
const THREE: &str = "(\"optimizer\", Values([Sgd(0.1), Adam(0.1)])), (\"optimizer.lr\", Log(1e-3, 1, 8)), \
                     (\"batch\", Values([1, 2, 4]))";

fn full(plan: &SweepPlan) -> Board<'_> {
    let mut board = Board::new(Results::new(plan, HashMap::new()));
    board.add_results(results(plan));
    board
}

fn drawn(board: &Board<'_>, theme: &Theme, w: u16, h: u16) -> (String, Buffer) {
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    board.draw(theme, buf.area, &mut buf);
    let line = |y: u16| (0..w).map(|x| buf[(x, y)].symbol()).collect::<String>();
    ((0..h).map(|y| line(y) + "\n").collect(), buf)
}

fn press(board: &mut Board<'_>, keys: &str) -> Option<SweepExit> {
    keys.chars().fold(None, |left, c| {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            c => KeyCode::Char(c),
        };
        left.or(board.press(KeyEvent::from(code)))
    })
}

#[test]
fn every_part_is_on_the_smallest_screen_and_any_size_is_drawn() {
    let plan = planned(TWO, 3);
    let board = full(&plan);
    for (depth, glyphs) in
        [(Depth::True, Glyphs::Unicode), (Depth::Sixteen, Glyphs::Unicode), (Depth::Mono, Glyphs::Ascii)]
    {
        let theme = Theme::dark(depth, glyphs);
        let (text, buf) = drawn(&board, &theme, 80, 24);
        for wanted in [
            "rates",
            "48 of 48 trainings  6 diverged",
            "optimizer.lr by contender",
            "val loss against",
            "rank",
            "Adam",
            "lost",
        ] {
            assert!(text.contains(wanted), "{wanted}:\n{text}");
        }
        if glyphs == Glyphs::Ascii {
            assert!(text.is_ascii(), "{text}");
        } else {
            let grounds: std::collections::HashSet<_> = buf.content.iter().map(|c| c.bg).collect();
            assert!(grounds.len() > 3, "the map has colours");
        }
        for (w, h) in [(0, 0), (1, 1), (9, 3), (20, 5), (49, 30), (80, 11), (120, 40), (200, 60)] {
            drawn(&board, &theme, w, h);
        }
    }
}

#[test]
fn the_best_setting_is_selected_and_arrows_go_to_its_neighbours() {
    let plan = planned(TWO, 2);
    let mut board = full(&plan);
    assert_eq!(plan.words(&plan.settings[board.selected]), "Sgd, optimizer.lr 0.01931");
    press(&mut board, "l");
    assert_eq!(board.selected, 4);
    press(&mut board, "j");
    assert_eq!(board.selected, 12, "the same rate of the other contender");
    press(&mut board, "jjjhhhhhhhhhh");
    assert_eq!(board.selected, 8, "at the edge it stays");
    assert_eq!(press(&mut board, "o"), Some(SweepExit::Open(8)));
    assert_eq!(press(&mut board, "q"), Some(SweepExit::With(0)));
}

#[test]
fn labels_stand_right_below_the_map_and_letters_have_names() {
    let plan = planned(TWO, 2);
    let board = full(&plan);
    let theme = Theme::dark(Depth::Sixteen, Glyphs::Ascii);
    for (w, h) in [(80, 24), (120, 40), (200, 60)] {
        let (text, buf) = drawn(&board, &theme, w, h);
        let labels = text.lines().position(|l| l[..usize::from(w) / 2].contains("0.001")).expect("labels");
        // A cell of the map is a coloured space.
        let above = buf[(20, labels as u16 - 1)].bg;
        assert_ne!(above, ratatui::style::Color::Reset, "{w}x{h}:\n{text}");
        assert!(text.contains("A Sgd") && text.contains("B Adam"), "{w}x{h}:\n{text}");
    }
    assert_eq!((board.ranks[3], board.ranks[4], board.ranks[7]), (Some(1), Some(2), None));
}

#[test]
fn the_table_is_sorted_by_any_column_with_lost_settings_last() {
    let plan = planned(TWO, 2);
    let mut board = full(&plan);
    let lost = |board: &Board<'_>| board.order[14..].iter().all(|s| board.scores[*s].median.is_none());
    assert!(board.order[0] == 3 && lost(&board));
    press(&mut board, "r");
    assert!(board.order[0] != 3 && lost(&board), "the other way round, what is lost stays last");
    for _ in 0..board.columns() {
        press(&mut board, "s");
        let mut sorted = board.order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..16).collect::<Vec<_>>(), "column {}", board.sort.0);
    }
    press(&mut board, "\t");
    let first = board.selected;
    press(&mut board, "j");
    assert_ne!(board.selected, first);
}

#[test]
fn a_third_field_is_on_a_key_and_axes_change_places() {
    let plan = planned(THREE, 1);
    let mut board = full(&plan);
    let theme = Theme::dark(Depth::True, Glyphs::Unicode);
    assert!(drawn(&board, &theme, 100, 30).0.contains("optimizer.lr by contender, batch 1"));
    press(&mut board, "c");
    assert!(drawn(&board, &theme, 100, 30).0.contains("batch 2"));
    press(&mut board, "cC");
    assert!(drawn(&board, &theme, 100, 30).0.contains("batch 2"));
    press(&mut board, "y");
    assert_ne!(board.axes.0, board.axes.1, "two different fields");
    press(&mut board, "xxyyxy");
    assert_ne!(board.axes.0, board.axes.1);
    assert!(board.grid.iter().any(Option::is_some));
}

#[test]
fn enter_opens_the_curves_and_closes_them() {
    let plan = planned(TWO, 2);
    let mut board = full(&plan);
    let theme = Theme::dark(Depth::True, Glyphs::Unicode);
    press(&mut board, "\n");
    let (text, _) = drawn(&board, &theme, 80, 24);
    assert!(
        text.contains("Sgd, optimizer.lr 0.01931: val loss over steps") && text.contains("100"),
        "{text}"
    );
    press(&mut board, "\n?");
    assert!(drawn(&board, &theme, 80, 24).0.contains("leave, and open the setting"));
}

#[test]
fn ten_thousand_trainings_fit_and_results_may_be_missing() {
    let plan = planned("(\"optimizer.lr\", Log(1e-4, 1, 100)), (\"batch\", Linear(1, 100, 100))", 1);
    assert_eq!(plan.cells(), 10_000);
    let empty = Board::new(Results::new(&plan, HashMap::new()));
    let theme = Theme::dark(Depth::Indexed, Glyphs::Unicode);
    assert!(drawn(&empty, &theme, 80, 24).0.contains("0 of 10000 trainings"));
    let board = full(&plan);
    let (text, buf) = drawn(&board, &theme, 80, 24);
    assert!(text.contains("10000 of 10000 trainings"), "{text}");
    let map: std::collections::HashSet<_> = (2..11).map(|y| buf[(20, y)].bg).collect();
    assert!(map.len() > 1, "several values share a character, and it still has a colour");
}
