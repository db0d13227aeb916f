//! The HTTP server and its pages.

use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::exit;
use std::time::{Duration, Instant};

use crate::http::{self, Request, Response};
use crate::system;

#[derive(Clone, Copy)]
pub(crate) struct Options {
    healthy_from: Instant,
}

impl Default for Options {
    fn default() -> Self {
        Self::healthy_after(Duration::ZERO)
    }
}

impl Options {
    pub(crate) fn healthy_after(time: Duration) -> Self {
        Self { healthy_from: Instant::now() + time }
    }
}

pub(crate) fn run(port: u16, options: Options) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming().flatten() {
        // A thread a connection: a few dozen at most, and /sleep or /fetch holds up nobody else.
        let spawned = std::thread::Builder::new().stack_size(256 << 10).spawn(move || drop(converse(&stream, options)));
        if let Err(error) = spawned {
            eprintln!("no thread for a connection: {error}");
        }
    }
    Ok(())
}

fn converse(stream: &TcpStream, options: Options) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(request) = Request::read(&mut reader)? {
        let start = Instant::now();
        let response = answer(&request, options);
        if request.path != "/healthz" {
            // A closed log pipe must not take the server down, as println! would.
            let elapsed = start.elapsed().as_millis();
            let line = format!("{} {} {} {elapsed}ms\n", request.method, request.path, response.status);
            let _ = io::stdout().write_all(line.as_bytes());
        }
        response.write(&mut writer, request.keep_alive)?;
        if !request.keep_alive {
            break;
        }
    }
    Ok(())
}

fn answer(request: &Request, options: Options) -> Response {
    let number = |name: &str| request.parameter(name).and_then(|text| text.parse::<u64>().ok());
    let text = |name: &str| request.parameter(name).map(system::expand_variables).unwrap_or_default();
    match request.path.as_str() {
        "/" => page(request.accepts_html()),
        "/healthz" if Instant::now() < options.healthy_from => Response::text(503, "starting\n"),
        "/healthz" => Response::text(200, "ok\n"),
        "/env" => Response::text(200, system::environment()),
        "/id" => Response::text(200, system::identity() + "\n"),
        "/ps" => Response::text(200, system::processes()),
        "/headers" => Response::text(200, request.head.clone()),
        "/echo" => Response::text(200, request.body.clone()),
        "/exit" => exit(number("code").unwrap_or(0) as i32),
        "/sleep" => {
            std::thread::sleep(Duration::from_millis(number("ms").unwrap_or(0)));
            Response::text(200, "slept\n")
        }
        "/burn" => {
            system::burn(Duration::from_millis(number("ms").unwrap_or(0)));
            Response::text(200, "burnt\n")
        }
        "/log" => {
            let _ = writeln!(io::stdout(), "{}", text("text"));
            Response::text(200, "logged\n")
        }
        "/fetch" => match http::get(&text("url")) {
            Ok(fetched) => Response::text(fetched.status, fetched.body),
            Err(error) => Response::text(502, format!("{error}\n")),
        },
        "/resolve" => or_error(http::resolve(&text("host")).map(|lines| lines + "\n")),
        "/read" => or_error(std::fs::read(text("path"))),
        "/write" => {
            let data = match request.parameter("data") {
                Some(data) => data.as_bytes(),
                None => &request.body,
            };
            or_error(std::fs::write(text("path"), data).map(|()| "written\n"))
        }
        "/oom" => or_error(system::allocate_until_killed().map(|()| "")),
        other => Response::text(404, format!("no page {other}\n")),
    }
}

fn or_error(result: io::Result<impl Into<Vec<u8>>>) -> Response {
    match result {
        Ok(body) => Response::text(200, body),
        Err(error) => Response::text(500, format!("{error}\n")),
    }
}

/// Who answered: what a load balancer demo wants to show.
fn page(html: bool) -> Response {
    let hostname = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let mut facts = vec![("hostname", hostname.trim().to_owned())];
    if let Ok(message) = std::env::var("MESSAGE") {
        facts.insert(0, ("message", message));
    }
    if let Ok(base) = std::env::var("ECS_CONTAINER_METADATA_URI_V4") {
        match http::get(&format!("{base}/task")) {
            Ok(task) => {
                let json = String::from_utf8_lossy(&task.body);
                for (name, key) in [
                    ("cluster", "Cluster"),
                    ("task", "TaskARN"),
                    ("family", "Family"),
                    ("revision", "Revision"),
                    ("zone", "AvailabilityZone"),
                ] {
                    facts.extend(json_string(&json, key).map(|value| (name, value.to_owned())));
                }
            }
            Err(error) => facts.push(("task", format!("metadata endpoint: {error}"))),
        }
    }
    if !html {
        let lines: String = facts.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        return Response::text(200, lines);
    }
    let rows: String = facts.iter().map(|(name, value)| format!("<dt>{name}<dd>{}", escape(value))).collect();
    let body = format!(
        "<!doctype html><meta charset=utf-8><meta name=viewport content=width=device-width>\
         <title>sample-app</title><style>body{{font:16px/1.5 system-ui;margin:3rem auto;max-width:40rem;\
         padding:0 1rem;color-scheme:light dark}}dt{{opacity:.6}}dd{{margin:0 0 .7rem;\
         overflow-wrap:anywhere}}</style><h1>Hello from a container</h1><dl>{rows}</dl>\
         <p><a href=/env>environment</a> · <a href=/ps>processes</a>\n"
    );
    Response { status: 200, content_type: "text/html; charset=utf-8", body: body.into_bytes() }
}

/// The first `"key": "value"` of a JSON text. Enough for ARNs and names, which hold no escapes.
fn json_string<'j>(json: &'j str, key: &str) -> Option<&'j str> {
    let after = json.split_once(&format!("\"{key}\""))?.1;
    let value = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    Some(value.split_once('"')?.0)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::json_string;

    #[test]
    fn finds_a_string_in_json() {
        let json = r#"{"Cluster" : "c", "Revision":"3", "N": 1}"#;
        assert_eq!(json_string(json, "Cluster"), Some("c"));
        assert_eq!(json_string(json, "Revision"), Some("3"));
        assert_eq!(json_string(json, "N"), None);
    }
}
