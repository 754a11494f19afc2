//! A run for LaTeX: its curves for pgfplots, with the data in the document, and its results as a booktabs table.

use super::RunContent;
use super::figure::{points, thinned};
use super::report::{ReportCell, results};
use crate::number::{Number, NumberAxis, numeral};
use crate::text::tex;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Most points of a curve.
const POINTS: usize = 300;

/// The head of the document.
const PREAMBLE: &str = "\\documentclass{article}\n\\usepackage[utf8]{inputenc}\n\\usepackage{booktabs}\n\\usepackage{pgfplots}\n\
                        \\pgfplotsset{compat=1.15}\n";

/// A document that compiles on its own; its two environments can be copied into another document.
///
/// # Errors
/// If no lane has the number.
pub fn document(subject: &RunContent, number: Number) -> Result<String, String> {
    let row = number.row();
    let log = row.axis == NumberAxis::Log;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\\begin{{tikzpicture}}\n\\begin{{axis}}[width=\\linewidth, height=0.6\\linewidth, xlabel={{step}}, \
         ylabel={{{}}}, title={{{}}}, {}legend pos=north east, legend cell align=left, no markers, unbounded coords=jump]",
        tex(row.ascii),
        tex(subject.title()),
        if log { "ymode=log, " } else { "" },
    );
    let mut any = false;
    for lane in &subject.experiment.lanes {
        let points = thinned(&points(subject, &lane.name, number), POINTS);
        if points.is_empty() {
            continue;
        }
        any = true;
        out.push_str("\\addplot coordinates {");
        for (step, value) in points {
            let value =
                if value.is_finite() && (!log || value > 0.0) { format!("{value:e}") } else { "nan".into() };
            let _ = write!(out, " ({step},{value})");
        }
        let _ = writeln!(out, " }};\n\\addlegendentry{{{}}}", tex(&lane.name));
    }
    if !any {
        return Err(format!("no lane has {}", row.key));
    }
    out.push_str("\\end{axis}\n\\end{tikzpicture}\n\n");
    let (head, rows) = results(subject);
    let _ = writeln!(out, "\\begin{{tabular}}{{l{}}}\n\\toprule", "r".repeat(head.len() - 1));
    let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
    out.push_str(&line(head.iter().map(|h| tex(h)).collect()));
    out.push_str("\\midrule\n");
    for row in rows {
        let of = |cell: &ReportCell| match cell {
            ReportCell::Text(text) => tex(text),
            ReportCell::Number(x) => cell_of(*x),
            ReportCell::Range { median, min, max } => {
                format!("{} ({} to {})", cell_of(*median), cell_of(*min), cell_of(*max))
            }
            ReportCell::Nothing => "--".into(),
        };
        out.push_str(&line(row.iter().map(of).collect()));
    }
    out.push_str("\\bottomrule\n\\end{tabular}\n\n\\end{document}\n");
    Ok([PREAMBLE, &strangers(&out), "\\begin{document}\n\n", &out].concat())
}

/// Declares the characters for which LaTeX may have no letter: it shows a box with the character's number, unless it or
/// a package knows better, and compiles. Other engines than pdflatex take them from their font.
fn strangers(body: &str) -> String {
    let strange: BTreeSet<char> = body.chars().filter(|c| *c > 'ÿ').collect();
    let declare = |c: char| {
        let code = format!("{:04X}", u32::from(c));
        format!(
            "\\expandafter\\ifx\\csname u8:\\detokenize{{{c}}}\\endcsname\\relax\n\
             \\DeclareUnicodeCharacter{{{code}}}{{\\fbox{{\\tiny {code}}}}}\\fi\n"
        )
    };
    if strange.is_empty() {
        return String::new();
    }
    let all: String = strange.into_iter().map(declare).collect();
    format!("\\ifdefined\\DeclareUnicodeCharacter\n{all}\\fi\n")
}

/// A number in a table, with a power of ten instead of an exponent.
fn cell_of(x: f64) -> String {
    let text = numeral(x);
    match text.split_once('e') {
        Some((digits, power)) => format!("${digits} \\cdot 10^{{{power}}}$"),
        None if x.is_infinite() => "$\\infty$".into(),
        None => text,
    }
}
