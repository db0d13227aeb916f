//! Where files that lie in S3 are read from: S3 itself is not here, so any emulator, or a folder.

mod client;

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use bytes::Bytes;

use crate::services::sensitive::Sensitive;
use crate::time::Timestamp;

/// Files are configuration, not data.
const MAX_BYTES: usize = 8 << 20;

/// What `--s3-endpoint` or `--s3-folder` named.
#[derive(Clone, Debug, Default)]
pub enum S3Source {
    /// Neither.
    #[default]
    Nowhere,
    Endpoint(S3Endpoint),
    /// `bucket/key` under this folder.
    Folder(PathBuf),
}

/// An S3 API at `http://host:port`.
#[derive(Clone, Debug)]
pub struct S3Endpoint {
    /// `host:port`
    pub authority: String,
    /// Requests are signed with it; without one they are not signed.
    pub credentials: Option<S3Credentials>,
}

/// An access key: `ACCESS_KEY_ID:SECRET`.
#[derive(Clone, Debug)]
pub struct S3Credentials {
    pub access_key_id: String,
    pub secret: Sensitive<String>,
}

/// Why a file can't be had, as S3's clients say it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    #[error(
        "LocalECS does not know where s3://{bucket} is: start it with --s3-folder DIR (DIR/{bucket}/{key}) or \
         --s3-endpoint URL (any S3 emulator)"
    )]
    Nowhere { bucket: String, key: String },
    #[error("NoSuchKey: The specified key does not exist.")]
    NoSuchKey,
    #[error("NoSuchBucket: The specified bucket does not exist")]
    NoSuchBucket,
    #[error("{0}")]
    Other(String),
}

impl S3Source {
    /// Reads one file. `region` and `now` are for the signature.
    ///
    /// # Errors
    /// It is not there, or can't be read.
    pub async fn get(&self, bucket: &str, key: &str, region: &str, now: Timestamp) -> Result<Bytes, S3Error> {
        match self {
            Self::Nowhere => Err(S3Error::Nowhere { bucket: bucket.to_owned(), key: key.to_owned() }),
            Self::Endpoint(endpoint) => client::get(endpoint, bucket, key, region, now).await,
            Self::Folder(folder) => read(folder, bucket, key).await,
        }
    }
}

async fn read(folder: &Path, bucket: &str, key: &str) -> Result<Bytes, S3Error> {
    let (bucket, file) = (folder.join(bucket), Path::new(bucket).join(key));
    // Nothing outside of the folder.
    if !file.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(S3Error::NoSuchKey);
    }
    let path = folder.join(file);
    let reading = tokio::task::spawn_blocking(move || read_file(&bucket, &path));
    reading.await.unwrap_or_else(|error| Err(S3Error::Other(error.to_string())))
}

fn read_file(bucket: &Path, path: &Path) -> Result<Bytes, S3Error> {
    if !bucket.is_dir() {
        return Err(S3Error::NoSuchBucket);
    }
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_BYTES as u64 => return Err(too_large()),
        Ok(metadata) if metadata.is_dir() => return Err(S3Error::NoSuchKey),
        _ => {}
    }
    match std::fs::read(path) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(S3Error::NoSuchKey),
        Err(error) => Err(S3Error::Other(format!("{}: {error}", path.display()))),
    }
}

fn too_large() -> S3Error {
    S3Error::Other(format!("the file is larger than {} MiB", MAX_BYTES >> 20))
}

/// A text that is not `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an S3 endpoint is http://HOST:PORT")]
pub struct InvalidEndpoint;

impl FromStr for S3Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: hyper::Uri = text.parse().map_err(|_| InvalidEndpoint)?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or(InvalidEndpoint)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(InvalidEndpoint);
        }
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self { authority: format!("{}:{port}", authority.host()), credentials: None })
    }
}

/// A text that is not `ACCESS_KEY_ID:SECRET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("S3 credentials are ACCESS_KEY_ID:SECRET_ACCESS_KEY")]
pub struct InvalidS3Credentials;

impl FromStr for S3Credentials {
    type Err = InvalidS3Credentials;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().split_once(':') {
            Some((id, secret)) if !id.is_empty() && !secret.is_empty() => {
                Ok(Self { access_key_id: id.to_owned(), secret: Sensitive::new(secret.to_owned()) })
            }
            _ => Err(InvalidS3Credentials),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    #[tokio::test]
    async fn a_folder_gives_what_lies_in_it_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("bucket/dir")).expect("a bucket");
        std::fs::write(folder.path().join("bucket/dir/a.env"), "A=1").expect("a file");
        std::fs::write(folder.path().join("outside"), "B=2").expect("a file");
        let source = S3Source::Folder(folder.path().to_owned());
        let get = |bucket: &'static str, key: &'static str| source.get(bucket, key, "us-east-1", NOW);
        assert_eq!(get("bucket", "dir/a.env").await.as_deref(), Ok(&b"A=1"[..]));
        for key in ["b.env", "dir", "../outside", "/etc/passwd", "dir/../../outside"] {
            assert_eq!(get("bucket", key).await, Err(S3Error::NoSuchKey), "{key}");
        }
        assert_eq!(get("other", "a.env").await, Err(S3Error::NoSuchBucket));
        let nowhere = S3Source::Nowhere.get("b", "k.env", "us-east-1", NOW).await.expect_err("nowhere");
        assert!(nowhere.to_string().contains("--s3-folder DIR (DIR/b/k.env)"), "{nowhere}");
    }

    #[test]
    fn endpoints_and_credentials_are_read() {
        let authority = |text: &str| text.parse::<S3Endpoint>().map(|endpoint| endpoint.authority);
        assert_eq!(authority("http://localhost:9000/").as_deref(), Ok("localhost:9000"));
        assert_eq!(authority("http://minio").as_deref(), Ok("minio:80"));
        for bad in ["", "localhost:9000", "https://s3.amazonaws.com", "http://a:1/b", "http://u@a:1"] {
            assert_eq!(authority(bad), Err(InvalidEndpoint), "{bad}");
        }
        let credentials: S3Credentials = "id:hun:ter2".parse().expect("credentials");
        assert!(!format!("{credentials:?}").contains("ter2"), "{credentials:?}");
        assert!("id".parse::<S3Credentials>().is_err());
    }
}
