//! The part of a sweep that this process trains: given by options, or by the environment variables of the engine that
//! started it.

use crate::lab::sweep::Slice;
use crate::lab::sweep::store::TaskName;

/// Part I of N, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlicePart {
    index: usize,
    count: usize,
}

impl std::str::FromStr for SlicePart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts =
            text.split_once('/').and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
        match parts {
            Some((index, count)) if 1 <= index && index <= count => Ok(Self { index, count }),
            Some((index, count)) => {
                Err(format!("there is no part {index} of {count}; the first is 1/{count}"))
            }
            None => Err("a part is written I/N, such as 3/8".into()),
        }
    }
}

/// The options of the command line.
pub struct SliceOptions<'a> {
    /// `--task`.
    pub task: Option<SlicePart>,
    /// `--tasks`.
    pub tasks: Option<u64>,
    /// `--array`.
    pub array: Option<&'a str>,
}

/// The part of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskPart {
    /// This one.
    Known(Slice),
    /// Any of this many that no other task of the job has taken: its own number does not tell which.
    Free {
        /// The number of parts.
        count: usize,
        /// The task.
        task: TaskName,
    },
}

/// Engines that number their tasks but do not provide their total.
struct TaskCounter {
    /// The variable with the task's number.
    name: &'static str,
    /// The engine.
    engine: &'static str,
    /// The variable that names the job, if tasks may have any numbers; otherwise they are consecutive.
    job: Option<&'static str>,
}

const COUNTERS: [TaskCounter; 4] = [
    TaskCounter { name: "HQ_TASK_ID", engine: "HyperQueue", job: Some("HQ_JOB_ID") },
    TaskCounter { name: "PBS_ARRAY_INDEX", engine: "PBS", job: Some("PBS_JOBID") },
    TaskCounter { name: "JOB_COMPLETION_INDEX", engine: "Kubernetes", job: None },
    TaskCounter { name: "PARALLEL_SEQ", engine: "GNU parallel", job: None },
];

/// The part of the sweep that is trained here; `get` reads an environment variable.
///
/// # Errors
/// If the variables do not determine it, with the missing option.
pub fn part(asked: &SliceOptions<'_>, get: &dyn Fn(&str) -> Option<String>) -> Result<TaskPart, String> {
    if let Some(SlicePart { index, count }) = asked.task {
        return Ok(TaskPart::Known(Slice { index: index - 1, count }));
    }
    let number = |name: &str| get(name).and_then(|text| text.trim().parse::<u64>().ok());
    if let Some(list) = asked.array {
        let ids = ids(list)?;
        let names = ["SLURM_ARRAY_TASK_ID", "SGE_TASK_ID"].into_iter().chain(COUNTERS.iter().map(|c| c.name));
        let Some((name, id)) = names.clone().find_map(|name| Some((name, number(name)?))) else {
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(format!("--array needs the number of a task in one of {names}"));
        };
        let place = ids.iter().position(|&i| i == id);
        let index = place.ok_or_else(|| format!("{name} is {id}, which is not in --array {list}"))?;
        return Ok(TaskPart::Known(Slice { index, count: ids.len() }));
    }
    let given = asked.tasks.map(|n| n as usize);
    if let Some(id) = number("SLURM_ARRAY_TASK_ID") {
        let all = ["MIN", "MAX", "STEP", "COUNT"].map(|part| number(&format!("SLURM_ARRAY_TASK_{part}")));
        return even("Slurm", id, all, given);
    }
    // Grid Engine sets this variable to `undefined` for a job that is not an array.
    if let Some(id) = number("SGE_TASK_ID") {
        let [first, last, step] = ["FIRST", "LAST", "STEPSIZE"].map(|p| number(&format!("SGE_TASK_{p}")));
        return even("Grid Engine", id, [first, last, step, None], given);
    }
    for TaskCounter { name, engine, job } in COUNTERS {
        let Some(id) = number(name) else { continue };
        let Some(count) = given else {
            return Err(format!(
                "{name} is {id}, but {engine} does not tell how many tasks there are: add --tasks N or --array LIST, or --task \
                 1/1 to train the whole sweep here"
            ));
        };
        if let Some(job) = job {
            // PBS: 1234[7].server is task 7 of job 1234.
            let job = get(job).unwrap_or_default().split('[').next().unwrap_or_default().to_string();
            return Ok(TaskPart::Free { count, task: TaskName { job, id } });
        }
        // Whether the engine counts from 0 or from 1, every task gets a different part.
        return Ok(TaskPart::Known(Slice { index: (id % count as u64) as usize, count }));
    }
    match given {
        None | Some(1) => Ok(TaskPart::Known(Slice::ALL)),
        Some(_) => Err("--tasks, but no variable tells which task this is; say it by --task I/N".into()),
    }
}

/// The part of a task in an array with evenly spaced numbers.
fn even(
    engine: &str,
    id: u64,
    [min, max, step, count]: [Option<u64>; 4],
    given: Option<usize>,
) -> Result<TaskPart, String> {
    let cure = "say it by --task I/N, or give sbatch's list to --array as well";
    // Without the ends, the number of a task does not tell its place, whatever the number of tasks.
    let (Some(min), Some(max)) = (min, max) else {
        return Err(format!("{engine} does not tell the ends of the array; {cure}"));
    };
    let step = step.unwrap_or(1).max(1);
    let tasks = max.saturating_sub(min) / step + 1;
    let uneven = (!max.saturating_sub(min).is_multiple_of(step) && count.is_some())
        || count.is_some_and(|count| count != tasks)
        || id < min
        || id > max
        || !(id - min).is_multiple_of(step);
    if uneven {
        return Err(format!(
            "the array of {engine} is an uneven list (task {id}, {min} to {max} by {step}{}), from which no part can be \
             computed; {cure}",
            count.map(|c| format!(", {c} tasks")).unwrap_or_default()
        ));
    }
    let index = ((id - min) / step) as usize;
    let count = tasks as usize;
    match given {
        Some(given) if given != count => {
            Err(format!("--tasks {given}, but the array of {engine} has {count}; leave --tasks out"))
        }
        _ => Ok(TaskPart::Known(Slice { index, count })),
    }
}

/// The numbers of a list such as `1,5,9-13:2%4`, in the syntax of sbatch.
pub fn ids(list: &str) -> Result<Vec<u64>, String> {
    let wrong = || format!("--array {list}: a list looks like 1,5,9-13:2");
    let mut all = Vec::new();
    // The number after % limits how many tasks run at a time.
    let list_itself = list.split('%').next().unwrap_or_default();
    for part in list_itself.split(',') {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
        let (from, to, step) = (number(from)?, number(to)?, number(step)?);
        if from > to || step == 0 || (to - from) / step > 10_000_000 {
            return Err(wrong());
        }
        all.extend((from..=to).step_by(step as usize));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked: &SliceOptions<'_>, variables: &[(&str, &str)]) -> Result<(usize, usize), String> {
        let get = |name: &str| variables.iter().find(|v| v.0 == name).map(|v| v.1.to_string());
        match part(asked, &get)? {
            TaskPart::Known(s) => Ok((s.index, s.count)),
            TaskPart::Free { count, .. } => Err(format!("one of {count}")),
        }
    }

    const NONE: SliceOptions<'_> = SliceOptions { task: None, tasks: None, array: None };

    fn slurm(
        id: &'static str,
        min: &'static str,
        max: &'static str,
        step: &'static str,
        count: &'static str,
    ) -> [(&'static str, &'static str); 5] {
        [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", min),
            ("SLURM_ARRAY_TASK_MAX", max),
            ("SLURM_ARRAY_TASK_STEP", step),
            ("SLURM_ARRAY_TASK_COUNT", count),
        ]
    }

    #[test]
    fn the_command_line_comes_before_the_environment() {
        let task = "3/8".parse().ok();
        assert_eq!(of(&SliceOptions { task, ..NONE }, &slurm("0", "0", "1", "1", "2")), Ok((2, 8)));
        assert_eq!(of(&NONE, &[]), Ok((0, 1)));
        for text in ["0/8", "9/8", "x", "3", "-1/2"] {
            assert!(text.parse::<SlicePart>().is_err(), "{text}");
        }
    }

    #[test]
    fn arrays_of_slurm_are_sliced_if_they_are_even() {
        assert_eq!(of(&NONE, &slurm("0", "0", "7", "1", "8")), Ok((0, 8)));
        assert_eq!(of(&NONE, &slurm("7", "1", "13", "2", "7")), Ok((3, 7)));
        assert_eq!(
            of(&NONE, &slurm("3", "3", "3", "1", "1")),
            Ok((0, 1)),
            "one task alone trains all that is left"
        );
        // --array=1,5,9-13:2 in Slurm's variables.
        let uneven = slurm("9", "1", "13", "2", "5");
        let told = of(&NONE, &uneven).unwrap_err();
        assert!(told.contains("uneven") && told.contains("--task I/N") && told.contains("--array"), "{told}");
        assert_eq!(of(&SliceOptions { array: Some("1,5,9-13:2"), ..NONE }, &uneven), Ok((2, 5)));
        assert!(of(&SliceOptions { array: Some("1,5"), ..NONE }, &uneven).unwrap_err().contains("not in"));
        assert!(of(&SliceOptions { tasks: Some(3), ..NONE }, &slurm("0", "0", "7", "1", "8")).is_err());
    }

    #[test]
    fn engines_that_tell_no_count_are_asked_for_it() {
        for TaskCounter { name, job, .. } in COUNTERS {
            assert!(of(&NONE, &[(name, "3")]).unwrap_err().contains("--tasks N"), "{name}");
            let listed = SliceOptions { array: Some("0-998:2"), ..NONE };
            assert_eq!(of(&listed, &[(name, "14")]), Ok((7, 500)), "{name}");
            let asked = SliceOptions { tasks: Some(8), ..NONE };
            if job.is_some() {
                // Its numbers may have a step, so that it takes a part that is free.
                assert_eq!(of(&asked, &[(name, "14")]), Err("one of 8".into()));
                continue;
            }
            assert_eq!(of(&asked, &[(name, "3")]), Ok((3, 8)));
            assert_eq!(of(&asked, &[(name, "8")]), Ok((0, 8)), "counted from 1, the last is the first");
        }
        let get = |name: &str| {
            (name == "PBS_JOBID")
                .then_some("17[4].server")
                .or((name == "PBS_ARRAY_INDEX").then_some("4"))
                .map(String::from)
        };
        let task = TaskName { job: "17".into(), id: 4 };
        assert_eq!(
            part(&SliceOptions { tasks: Some(3), ..NONE }, &get),
            Ok(TaskPart::Free { count: 3, task })
        );
        assert!(of(&SliceOptions { tasks: Some(8), ..NONE }, &[("SLURM_ARRAY_TASK_ID", "14")]).is_err());
        let sge = [
            ("SGE_TASK_ID", "5"),
            ("SGE_TASK_FIRST", "1"),
            ("SGE_TASK_LAST", "9"),
            ("SGE_TASK_STEPSIZE", "2"),
        ];
        assert_eq!(of(&NONE, &sge), Ok((2, 5)));
        assert_eq!(of(&NONE, &[("SGE_TASK_ID", "undefined")]), Ok((0, 1)));
    }

    #[test]
    fn lists_are_read_as_sbatch_reads_them() {
        assert_eq!(ids("1,5,9-13:2%4"), Ok(vec![1, 5, 9, 11, 13]));
        assert_eq!(ids("0-3"), Ok(vec![0, 1, 2, 3]));
        for text in ["", "a", "3-1", "1-5:0", "1,,2"] {
            assert!(ids(text).is_err(), "{text}");
        }
    }
}
