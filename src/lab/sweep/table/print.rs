//! The table as text: Markdown, CSV and LaTeX.

use super::{GoodRange, Results, SweepRow};
use crate::number::numeral;
use crate::text::tex;
use std::fmt::Write as _;

/// An output format of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people to read.
    #[default]
    Markdown,
    /// For other programs to read.
    Csv,
    /// For papers, with the booktabs package.
    Latex,
}

/// A number of the table; whole ones, such as steps, without decimals.
fn figure(x: f32) -> String {
    if x == x.trunc() && (1.0..1e6).contains(&x.abs()) { format!("{x}") } else { numeral(x) }
}

fn or_dash<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".into(), text)
}

/// The table of contenders, each with its best setting.
pub fn print(results: &Results<'_>, format: Format) -> String {
    let plan = results.plan();
    let rows = results.rows();
    let value = |row: &SweepRow, field: usize| row.best.and_then(|s| plan.value(&plan.settings[s], field));
    let known: Vec<&SweepRow> = rows.iter().filter(|r| r.best.is_some()).collect();
    // A field whose values are the contenders gets no column.
    let named = |row: &SweepRow, f: usize| value(row, f).as_ref() == Some(&plan.contenders[row.contender]);
    let varied: Vec<usize> =
        (0..plan.fields.len()).filter(|&f| known.is_empty() || !known.iter().all(|r| named(r, f))).collect();
    let target = plan.sweep.target.is_some();
    let several = plan.seeds.len() > 1;
    let mut head = vec![String::new(), "contender".into()];
    head.extend(varied.iter().map(|&f| plan.fields[f].clone()));
    head.push(results.compared());
    if several {
        head.push(format!("range over {} seeds", plan.seeds.len()));
    }
    if target {
        head.push("reached at step".into());
    }
    head.extend(["diverged".into(), "good settings".into()]);
    let ranged = rows.iter().any(|r| !r.ranges.is_empty());
    if ranged {
        head.push("good range".into());
    }
    let body = rows.iter().enumerate().map(|(i, row)| {
        let mut cells = vec![(i + 1).to_string(), plan.contenders[row.contender].clone()];
        cells.extend(varied.iter().map(|&f| or_dash(value(row, f), |v| v)));
        cells.push(match row.score.median {
            None if row.best.is_some() => "lost".into(),
            median => or_dash(median, figure),
        });
        if several {
            let lost = if row.score.lost > 0 { format!(", {} lost", row.score.lost) } else { String::new() };
            let range = or_dash(row.score.band, |b| format!("{} to {}", figure(b.min), figure(b.max)));
            cells.push(range + &lost);
        }
        if target {
            cells.push(or_dash(row.reached, |step| step.to_string()));
        }
        cells.push(format!("{} of {}", row.diverged.0, row.diverged.1));
        cells.push(format!("{} of {}", row.good.0, row.good.1));
        if ranged {
            let range = |GoodRange { field, from, to, decades, .. }: &GoodRange| {
                let name = plan.fields[*field].rsplit('.').next().unwrap_or_default();
                let wide = if *decades > 0.0 { format!(" ({decades:.1} decades)") } else { String::new() };
                if from == to { format!("{name} {from}") } else { format!("{name} {from} to {to}{wide}") }
            };
            cells.push(or_dash((!row.ranges.is_empty()).then(|| row.ranges.iter().map(range)), |r| {
                r.collect::<Vec<_>>().join("; ")
            }));
        }
        cells
    });
    let mut notes = Vec::new();
    if !known.is_empty() {
        notes.push(format!("good: {}", results.good_in_words()));
    }
    if ranged {
        notes.push(
            "good range: good values of a field around the best one, the other fields as in the best setting"
                .into(),
        );
    }
    for row in &rows {
        for GoodRange { field, edge, .. } in &row.ranges {
            if let Some(edge) = edge {
                let (name, field) = (&plan.contenders[row.contender], &plan.fields[*field]);
                notes.push(format!(
                    "{name}: the best {field}, {edge}, is the last value tried; a better one may lie beyond"
                ));
            }
        }
    }
    let behind: Vec<String> = known
        .iter()
        .filter(|r| Results::rung(&r.score) != Results::rung(&known[0].score))
        .map(|r| {
            format!("{} (step {}, {} seeds)", plan.contenders[r.contender], r.score.reach, r.score.seeds)
        })
        .collect();
    if !behind.is_empty() {
        notes.push(format!(
            "not comparable with {} yet, whose results go farther: {}",
            plan.contenders[known[0].contender],
            behind.join(", ")
        ));
    }
    if let Some(v) = results.verdict(&rows) {
        let (a, b) = (&plan.contenders[v.contenders.0], &plan.contenders[v.contenders.1]);
        notes.push(match (v.apart, v.wins) {
            (_, (_, 0 | 1)) => format!("one seed cannot tell whether {a} is better than {b}"),
            (true, (wins, all)) => {
                format!("{a} > {b} beyond the spread of {all} seeds (better on {wins} of {all})")
            }
            (false, (wins, all)) => {
                format!("{a} ~ {b}: not farther apart than their {all} seeds (better on {wins} of {all})")
            }
        });
    }
    let done = results.len();
    if done < plan.cells() && plan.sweep.halving.is_none() {
        notes.push(format!("{done} of {} trainings are done", plan.cells()));
    }
    let title = if plan.sweep.title.is_empty() { &plan.sweep.scenario } else { &plan.sweep.title };
    laid_out(title, &head, body.collect(), &notes, format)
}

/// A row for every setting, in the order of the sweep.
pub fn print_all(results: &Results<'_>, format: Format) -> String {
    let plan = results.plan();
    let mut head = vec!["setting".to_string(), "contender".into()];
    head.extend(plan.fields.iter().cloned());
    head.extend([results.compared(), "least".into(), "greatest".into()]);
    head.extend(["seeds", "diverged", "steps"].map(String::from));
    let body = (0..plan.settings.len()).map(|s| {
        let (setting, score) = (&plan.settings[s], results.score(s));
        let steps = (0..plan.seeds.len()).filter_map(|seed| results.record(s, seed)).map(|r| r.steps).max();
        let mut cells = vec![(s + 1).to_string(), plan.contenders[setting.contender].clone()];
        cells.extend((0..plan.fields.len()).map(|f| or_dash(plan.value(setting, f), |v| v)));
        cells.push(or_dash(score.median, figure));
        cells.push(or_dash(score.band, |b| figure(b.min)));
        cells.push(or_dash(score.band, |b| figure(b.max)));
        cells.extend([
            score.seeds.to_string(),
            score.diverged.to_string(),
            or_dash(steps, |n| n.to_string()),
        ]);
        cells
    });
    laid_out(&plan.sweep.title, &head, body.collect(), &[], format)
}

fn laid_out(
    title: &str,
    head: &[String],
    body: Vec<Vec<String>>,
    notes: &[String],
    format: Format,
) -> String {
    match format {
        Format::Markdown => markdown(title, head, &body, notes),
        Format::Csv => csv(head, &body),
        Format::Latex => latex(title, head, &body, notes),
    }
}

fn markdown(title: &str, head: &[String], body: &[Vec<String>], notes: &[String]) -> String {
    let plain = |cell: &String| crate::text::escaped(&cell.replace('|', "\\|")).into_owned();
    let rows: Vec<Vec<String>> = std::iter::once(head.to_vec())
        .chain(body.iter().cloned())
        .map(|row| row.iter().map(plain).collect())
        .collect();
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let mut out = if title.is_empty() { String::new() } else { format!("{title}\n\n") };
    out += &line(&rows[0]);
    let _ = writeln!(out, "|{}|", widths.iter().map(|w| "-".repeat(w + 2)).collect::<Vec<_>>().join("|"));
    for row in &rows[1..] {
        out += &line(row);
    }
    if !notes.is_empty() {
        out.push('\n');
    }
    for note in notes {
        out.extend([note.as_str(), "\n"]);
    }
    out
}

fn csv(head: &[String], body: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let rank = |name: &String| if name.is_empty() { "rank".to_string() } else { name.clone() };
    // Writing to memory does not fail.
    let _ = writer.write_record(head.iter().map(rank));
    for row in body {
        let _ = writer.write_record(row);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn latex(title: &str, head: &[String], body: &[Vec<String>], notes: &[String]) -> String {
    let line = |row: &[String]| row.iter().map(|c| tex(c)).collect::<Vec<_>>().join(" & ") + " \\\\\n";
    let mut out = String::from("\\begin{table}\n\\centering\n");
    let _ = writeln!(out, "\\begin{{tabular}}{{rl{}}}", "l".repeat(head.len() - 2));
    out += "\\toprule\n";
    out += &line(head);
    out += "\\midrule\n";
    for row in body {
        out += &line(row);
    }
    out += "\\bottomrule\n\\end{tabular}\n";
    let words: Vec<String> = std::iter::once(title.to_string()).chain(notes.iter().cloned()).collect();
    let _ = writeln!(out, "\\caption{{{}.}}\n\\end{{table}}", tex(&words.join(". ")));
    out
}
