//! `localecs doctor`: is everything there that `localecs serve` needs?

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::inside;
use crate::runtime::docker::ConnectOptions;
use crate::runtime::docker::doctor::{Check, Verdict, examine};

/// Prints each check; fails when tasks could not run.
pub(super) async fn run(host: IpAddr, port: u16, data_dir: PathBuf) -> anyhow::Result<ExitCode> {
    let mut checks = examine(&ConnectOptions::from_env()).await;
    checks.extend(inside::doctor::examine(&ConnectOptions::from_env()).await);
    checks.push(port_check(host, port).await);
    checks.push(folder_check(&data_dir));
    let mut code = ExitCode::SUCCESS;
    for check in &checks {
        let mark = match check.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        println!("{mark}  {}: {}", check.name, check.detail);
        if let Some(remedy) = &check.remedy {
            println!("      -> {remedy}");
        }
        if check.verdict == Verdict::Fail {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

async fn port_check(host: IpAddr, port: u16) -> Check {
    let name = "port";
    match TcpListener::bind((host, port)).await {
        Ok(_) => Check { name, verdict: Verdict::Ok, detail: format!("{host}:{port} is free"), remedy: None },
        Err(error) => {
            let authority = format!("{host}:{port}");
            let ours = super::client::call(&authority, "GET", "/_localecs/health").await.is_ok();
            let (verdict, detail, remedy) = if ours {
                (Verdict::Ok, format!("a LocalECS serves at {authority}"), None)
            } else {
                let remedy = "stop what listens there, or choose another port with --port or LOCALECS_PORT";
                (Verdict::Fail, format!("can't listen on {authority}: {error}"), Some(remedy.to_owned()))
            };
            Check { name, verdict, detail, remedy }
        }
    }
}

fn folder_check(data_dir: &Path) -> Check {
    let name = "data directory";
    let nearest = data_dir.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let writable = std::fs::metadata(nearest).is_ok_and(|meta| meta.is_dir() && !meta.permissions().readonly());
    let shown = data_dir.display();
    if writable {
        Check { name, verdict: Verdict::Ok, detail: format!("{shown}"), remedy: None }
    } else {
        Check {
            name,
            verdict: Verdict::Fail,
            detail: format!("{shown} can't be written"),
            remedy: Some("choose another with --data-dir or LOCALECS_DATA_DIR, or use --ephemeral".to_owned()),
        }
    }
}
