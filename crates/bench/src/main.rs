//! Steadfast beside its peers: `steadfast-bench AREA [METRIC] [--quick] [--json] [--peers]
//! [--rounds N]`.
//!
//! Results go to stdout, one line a metric and peer; what is measured on what goes to stderr.
//! Exit code 0 if all was measured, 1 if something failed, 2 if the command line makes no sense.

#![forbid(unsafe_code)]

mod areas;
mod arguments;
mod child;
mod far;
mod ground;
mod harness;
mod output;
mod processor;
mod statistics;
mod versions;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::areas::Benchmark;
use crate::arguments::{Arguments, USAGE};
use crate::ground::Ground;
use crate::harness::{Failure, Metric, measure};

fn main() -> ExitCode {
    let mut words = env::args().skip(1).peekable();
    if words.next_if_eq(child::SIGN).is_some() {
        return match child::serve(words) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => complain(1, &failure.to_string()),
        };
    }
    let chosen = Arguments::parse(words).and_then(|arguments| {
        let benchmarks = choose(&arguments)?;
        Ok((arguments, benchmarks))
    });
    let (code, problem) = match chosen {
        Err(problem) => (2, format!("{problem}\n{USAGE}")),
        Ok((arguments, benchmarks)) => match run(&arguments, &benchmarks) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(failure) => (1, failure.to_string()),
        },
    };
    complain(code, &problem)
}

fn complain(code: u8, problem: &str) -> ExitCode {
    // Where stderr is closed nobody reads why; the exit code still says that it failed.
    drop(writeln!(io::stderr(), "steadfast-bench: {problem}"));
    ExitCode::from(code)
}

/// What was asked for, in the order of the areas.
fn choose(arguments: &Arguments) -> Result<Vec<Benchmark>, String> {
    let all = areas::all();
    let known: Vec<&str> = all.iter().map(|benchmark| benchmark.metric.name).collect();
    let known = known.join(", ");
    let chosen: Vec<Benchmark> =
        all.into_iter().filter(|benchmark| arguments.wants(&benchmark.metric)).collect();
    if chosen.is_empty() {
        return Err(format!("there is no such metric; there are {known}, and the area all"));
    }
    Ok(chosen)
}

fn run(arguments: &Arguments, benchmarks: &[Benchmark]) -> Result<(), Failure> {
    for of_one_area in benchmarks.chunk_by(|one, next| one.place == next.place) {
        let Some(first) = of_one_area.first() else { continue };
        let ground = Ground::prepare(first.place, arguments.plan)?;
        writeln!(io::stderr(), "{}", ground.description()?)?;
        for benchmark in of_one_area {
            let metrics = benchmark.metrics();
            for Metric { name, unit, better } in &metrics {
                writeln!(io::stderr(), "{name} in {unit}, {better:?} is better")?;
            }
            let entry = (benchmark.enter)(&ground)?;
            let rounds = arguments.plan.rounds(benchmark.length);
            for line in measure(&metrics, entry.ours, entry.peers, rounds)? {
                let text = if arguments.json { line.json()? } else { line.to_string() };
                writeln!(io::stdout(), "{text}")?;
            }
        }
    }
    Ok(())
}
