//! The load generator of `bench/`: many WebSocket connections from one thread, as cheaply as it can be done.
//!
//! One run is one scenario against one server that already listens. Frames are encoded once, before the clock
//! runs; what returns is compared with what has to return (the first frame of a connection whole, the later ones
//! by their headers) and counted. The result is one line of JSON on stdout.
//!
//! `ws-load serve <program>` is the other side: the bare server, for what the machine gives at best.

mod bare;
mod connection;
mod counter;
mod cpu;
mod deflate;
mod drive;
mod establish;
mod frames;
mod histogram;
mod hold;
mod json;
mod options;
mod report;
mod storm;
mod tls;
mod wire;
mod workload;

use std::io;
use std::process::ExitCode;

use options::{Mode, Options};

fn run(options: &Options) -> io::Result<String> {
    match options.mode {
        Mode::Echo => workload::echo(options),
        Mode::Broadcast => workload::broadcast(options),
        Mode::Storm => storm::run(options),
        Mode::Hold => hold::run(options),
    }
}

fn main() -> ExitCode {
    raise_descriptor_limit();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [serve, program] if serve == "serve" => bare::serve(program),
        _ => {
            Options::parse(arguments.into_iter()).map_err(io::Error::other).and_then(|options| run(&options))
        }
    };
    match outcome {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ws-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A shell's soft limit is often 1024, while the hard one allows what the scenarios need.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused, the connection that finds no descriptor says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
