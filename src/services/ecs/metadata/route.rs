//! What a path of 169.254.170.2 asks for. Pure.

use std::net::Ipv4Addr;

use hyper::Method;

/// A request that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub of: Of,
    pub what: What,
}

/// Whom it is about: the LocalECS that has it answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Of {
    /// The id in `/v3/<id>`, `/v4/<id>` and `/api/<id>`: a container's.
    Endpoint(String),
    /// The id in `/v2/credentials/<id>`: a task's.
    Credentials(String),
    /// Version 2 knows a task by the address that the request came from, and its containers by their runtime ids.
    Source { address: Ipv4Addr, container: Option<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Container(Form),
    Task {
        form: Form,
        tags: bool,
    },
    ContainerStats(Form),
    TaskStats(Form),
    /// The version of the path, which the error repeats.
    Credentials(u8),
    Protection(Change),
}

/// The version that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    V2,
    V3,
    V4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Look,
    Put,
}

/// What a path is, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Inside(Asked),
    /// One of these paths, but nothing that is there (or with another method).
    Nothing,
    /// None of these paths: the AWS API.
    Api,
}

/// Reads the method and the path (with its query) of a request from `source`.
#[must_use]
pub fn route(method: &Method, path_and_query: &str, source: Option<Ipv4Addr>) -> Route {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    let endpoint = |id: &str| Of::Endpoint(id.to_owned());
    let from =
        |container: Option<&str>| source.map(|address| Of::Source { address, container: container.map(str::to_owned) });
    let look = *method == Method::GET || *method == Method::HEAD;
    let (of, what) = match words.as_slice() {
        ["v1", "credentials"] => (Some(Of::Credentials(id_in(query))), What::Credentials(1)),
        ["v2", "credentials"] => (Some(Of::Credentials(String::new())), What::Credentials(2)),
        ["v2", "credentials", id] => (Some(Of::Credentials((*id).to_owned())), What::Credentials(2)),
        ["v2", "metadata"] => (from(None), What::Task { form: Form::V2, tags: false }),
        ["v2", "metadataWithTags"] => (from(None), What::Task { form: Form::V2, tags: true }),
        ["v2", "metadata" | "metadataWithTags", id] => (from(Some(id)), What::Container(Form::V2)),
        ["v2", "stats"] => (from(None), What::TaskStats(Form::V2)),
        ["v2", "stats", id] => (from(Some(id)), What::ContainerStats(Form::V2)),
        [version @ ("v3" | "v4"), id, rest @ ..] => {
            let form = if *version == "v3" { Form::V3 } else { Form::V4 };
            let what = match rest {
                [] => What::Container(form),
                ["task"] => What::Task { form, tags: false },
                ["taskWithTags"] => What::Task { form, tags: true },
                ["stats"] => What::ContainerStats(form),
                ["task", "stats"] => What::TaskStats(form),
                _ => return Route::Nothing,
            };
            (Some(endpoint(id)), what)
        }
        ["api", id, "task-protection", "v1", "state"] => match *method {
            Method::GET => (Some(endpoint(id)), What::Protection(Change::Look)),
            Method::PUT => (Some(endpoint(id)), What::Protection(Change::Put)),
            _ => return Route::Nothing,
        },
        ["v1" | "v2" | "v3" | "v4" | "api" | "_localecs" | "_localstack", ..] => return Route::Nothing,
        _ => return Route::Api,
    };
    match of {
        Some(of) if look || matches!(what, What::Protection(_)) => Route::Inside(Asked { of, what }),
        _ => Route::Nothing,
    }
}

/// `id=...` in a query.
fn id_in(query: &str) -> String {
    query.split('&').find_map(|pair| pair.strip_prefix("id=")).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 192, 0, 4);

    fn get(path: &str) -> Route {
        route(&Method::GET, path, Some(SOURCE))
    }

    fn inside(of: Of, what: What) -> Route {
        Route::Inside(Asked { of, what })
    }

    #[test]
    fn each_version_has_its_paths() {
        let endpoint = || Of::Endpoint("abc".to_owned());
        let source = |container: Option<&str>| Of::Source { address: SOURCE, container: container.map(str::to_owned) };
        for (path, expected) in [
            ("/v4/abc", inside(endpoint(), What::Container(Form::V4))),
            ("/v4/abc/", inside(endpoint(), What::Container(Form::V4))),
            ("/v4/abc/task", inside(endpoint(), What::Task { form: Form::V4, tags: false })),
            ("/v4/abc/taskWithTags", inside(endpoint(), What::Task { form: Form::V4, tags: true })),
            ("/v4/abc/stats", inside(endpoint(), What::ContainerStats(Form::V4))),
            ("/v4/abc/task/stats?x=y", inside(endpoint(), What::TaskStats(Form::V4))),
            ("/v3/abc/task", inside(endpoint(), What::Task { form: Form::V3, tags: false })),
            ("/v2/metadata", inside(source(None), What::Task { form: Form::V2, tags: false })),
            ("/v2/metadata/", inside(source(None), What::Task { form: Form::V2, tags: false })),
            ("/v2/metadata/f00", inside(source(Some("f00")), What::Container(Form::V2))),
            ("/v2/stats", inside(source(None), What::TaskStats(Form::V2))),
            ("/v2/credentials/77", inside(Of::Credentials("77".to_owned()), What::Credentials(2))),
            ("/v1/credentials?id=77", inside(Of::Credentials("77".to_owned()), What::Credentials(1))),
            ("/api/abc/task-protection/v1/state", inside(endpoint(), What::Protection(Change::Look))),
        ] {
            assert_eq!(get(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_not_there_is_nothing_and_the_rest_is_the_api() {
        for path in ["/v4", "/v4/abc/tasks/x", "/v3/abc/nothing", "/v2/other", "/api/abc", "/_localecs/reset"] {
            assert_eq!(get(path), Route::Nothing, "{path}");
        }
        assert_eq!(route(&Method::POST, "/v4/abc", Some(SOURCE)), Route::Nothing);
        assert_eq!(route(&Method::DELETE, "/api/abc/task-protection/v1/state", Some(SOURCE)), Route::Nothing);
        assert_eq!(route(&Method::POST, "/", Some(SOURCE)), Route::Api);
        assert_eq!(get("/my-bucket/key"), Route::Api);
    }
}
