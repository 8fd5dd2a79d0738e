//! Idle connections: opened, announced, and held until the driver closes stdin.

use std::io::{self, Read, Write};

use crate::establish::establish;
use crate::options::Options;

/// Runs the scenario.
pub(crate) fn run(options: &Options) -> io::Result<String> {
    let connections = establish(options.port, options.connections)?;
    println!("{{\"connected\":{}}}", connections.len());
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(format!("{{\"held\":{}}}", connections.len()))
}
