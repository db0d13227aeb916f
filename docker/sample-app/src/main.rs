//! One small static program that plays every role a container has in the demos and tests of LocalECS:
//! a web server, a job that ends with a chosen code, a health check, a process that ignores SIGTERM.
//!
//! The image holds nothing but this binary, so what a shell would do (`$VARIABLES`, `cat`, `ps`) is here too.

mod fluent;
mod http;
mod print;
mod server;
mod system;

use std::io::{self, Write};
use std::path::Path;
use std::process::exit;
use std::time::{Duration, Instant};

const USAGE: &str = "\
sample-app [VERB]

  serve [--port N]          the HTTP server (the default); port from --port, $PORT, or 8080
  healthy-after SECONDS     the server, whose /healthz answers 503 until then
  ignore-term SECONDS       the server, deaf to SIGTERM; exits 0 by itself after SECONDS
  on-term-exit N            the server, which exits N on SIGTERM (`serve` exits 0)
  get URL                   GET; the body to stdout; exit 0 on 2xx, 1 otherwise (a health check command)
  poll URL SECONDS          GET once a second for that long; the microseconds that each took, then `done`; stays
  resolve HOST              the addresses of a name
  print TEXT...             to stdout
  eprint TEXT...            to stderr
  lines N [RATE [SIZE]]     N numbered lines to stdout: as fast as they go, or RATE a second, of SIZE bytes
  long N                    one line of N characters of two bytes each
  bytes HEX                 these bytes to stdout
  exit N                    exit with N at once
  sleep SECONDS             then exit 0; 143 on SIGTERM
  wait-file PATH [SECONDS]  exit 0 when the file exists; 1 if it does not within SECONDS
  read PATH                 the file to stdout
  write PATH TEXT...        TEXT and a newline to the file
  ls PATH                   the names in a directory
  fluent PATH               prints its configuration, then what comes by the Fluent forward protocol
  env [NAME]                one variable (exit 1 if unset), or all of them sorted
  id                        uid and gid
  ps                        the processes this container sees: pid, parent, state, name
  orphan                    leave a dead child to PID 1, to see whether PID 1 reaps it
  burn SECONDS              one busy core
  oom                       allocate until killed (refused where no memory limit is set)

SECONDS may be a fraction. $NAME and ${NAME} in arguments stand for environment variables.
The server: / /healthz /env /echo /id /ps /headers /exit?code= /sleep?ms= /fetch?url= /resolve?host=
            /read?path= /write?path=&data= /burn?ms= /log?text= /oom
";

fn main() {
    // Rust ignores SIGPIPE; the print verbs end in silence, as `cat` does, when nobody reads them.
    let arguments: Vec<String> = std::env::args().skip(1).map(|a| system::expand_variables(&a)).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done: io::Result<()> = match words.as_slice() {
        [] | ["serve"] => serve(None, server::Options::default()),
        ["serve", "--port", port] => serve(Some(port), server::Options::default()),
        ["healthy-after", seconds] => serve(None, server::Options::healthy_after(duration(seconds))),
        ["ignore-term", seconds] => {
            let life = duration(seconds);
            system::on_term(system::OnTerm::Ignore);
            std::thread::spawn(move || {
                std::thread::sleep(life);
                exit(0);
            });
            server::run(port(None), server::Options::default())
        }
        ["on-term-exit", code] => {
            system::on_term(system::OnTerm::Exit(number(code)));
            server::run(port(None), server::Options::default())
        }
        ["get", url] => get(url),
        ["poll", url, seconds] => poll(url, duration(seconds)),
        ["resolve", host] => http::resolve(host).map(|addresses| println!("{addresses}")),
        ["print", text @ ..] => writeln!(io::stdout(), "{}", text.join(" ")),
        ["eprint", text @ ..] => writeln!(io::stderr(), "{}", text.join(" ")),
        ["lines", count] => print::lines(number(count), None, 0),
        ["lines", count, rate] => print::lines(number(count), Some(number(rate)), 0),
        ["lines", count, rate, size] => print::lines(number(count), Some(number(rate)), number(size)),
        ["long", characters] => print::long(number(characters)),
        ["bytes", hex] => print::bytes(hex),
        ["exit", code] => exit(number(code)),
        ["sleep", seconds] => {
            system::on_term(system::OnTerm::Exit(143));
            std::thread::sleep(duration(seconds));
            Ok(())
        }
        ["wait-file", path] => wait_file(path, None),
        ["wait-file", path, seconds] => wait_file(path, Some(duration(seconds))),
        ["read", path] => std::fs::read(path).and_then(|bytes| io::stdout().write_all(&bytes)),
        ["write", path, text @ ..] => std::fs::write(path, text.join(" ") + "\n"),
        ["ls", path] => system::list_directory(path).map(|names| print!("{names}")),
        ["fluent", config] => fluent::serve(config),
        ["env"] => write!(io::stdout(), "{}", system::environment()),
        ["env", name] => match std::env::var(name) {
            Ok(value) => writeln!(io::stdout(), "{value}"),
            Err(_) => exit(1),
        },
        ["id"] => writeln!(io::stdout(), "{}", system::identity()),
        ["ps"] => write!(io::stdout(), "{}", system::processes()),
        ["orphan"] => system::leave_orphan(),
        ["burn", seconds] => {
            system::on_term(system::OnTerm::Exit(143));
            system::burn(duration(seconds));
            Ok(())
        }
        ["oom"] => system::allocate_until_killed(),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("sample-app: cannot make sense of {words:?}\n\n{USAGE}");
            exit(2);
        }
    };
    if let Err(error) = done {
        eprintln!("sample-app: {error}");
        exit(1);
    }
}

fn serve(explicit_port: Option<&str>, options: server::Options) -> io::Result<()> {
    system::on_term(system::OnTerm::Exit(0));
    server::run(port(explicit_port), options)
}

fn port(explicit: Option<&str>) -> u16 {
    let from_environment = std::env::var("PORT").ok();
    match explicit.or(from_environment.as_deref()) {
        Some(text) => text.parse().unwrap_or_else(|_| not_a("port", text)),
        None => 8080,
    }
}

fn get(url: &str) -> io::Result<()> {
    let answer = http::get(url)?;
    io::stdout().write_all(&answer.body)?;
    if (200..300).contains(&answer.status) {
        Ok(())
    } else {
        Err(io::Error::other(format!("{url}: status {}", answer.status)))
    }
}

/// The first answer is not counted, nor the time until it comes: when an engine starts many containers at once, their
/// network may be up seconds later than they are.
fn poll(url: &str, span: Duration) -> io::Result<()> {
    system::on_term(system::OnTerm::Exit(143));
    let patience = Instant::now();
    while !http::get(url).is_ok_and(|answer| answer.status == 200) {
        if patience.elapsed() > Duration::from_secs(60) {
            return Err(io::Error::other(format!("{url} does not answer")));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let start = Instant::now();
    let mut taken = Vec::new();
    while start.elapsed() < span {
        let before = Instant::now();
        let answer = http::get(url)?;
        if answer.status != 200 {
            return Err(io::Error::other(format!("{url}: status {}", answer.status)));
        }
        taken.push(before.elapsed());
        std::thread::sleep(Duration::from_secs(1).saturating_sub(before.elapsed()));
    }
    let lines: String = taken.iter().map(|taken| format!("{}\n", taken.as_micros())).collect();
    io::stdout().write_all(format!("{lines}done\n").as_bytes())?;
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

fn wait_file(path: &str, patience: Option<Duration>) -> io::Result<()> {
    system::on_term(system::OnTerm::Exit(143));
    let start = Instant::now();
    while !Path::new(path).exists() {
        if patience.is_some_and(|patience| start.elapsed() >= patience) {
            return Err(io::Error::other(format!("{path} has not appeared")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn number<N: std::str::FromStr>(text: &str) -> N {
    text.parse().unwrap_or_else(|_| not_a("number", text))
}

fn duration(seconds: &str) -> Duration {
    let parsed = seconds.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
    parsed.unwrap_or_else(|| not_a("number of seconds", seconds))
}

fn not_a(what: &str, text: &str) -> ! {
    eprintln!("sample-app: {text:?} is not a {what}");
    exit(2)
}
