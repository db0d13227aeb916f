//! AWS Signature Version 4: who a request says it is from, and whether that is true.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>
//!
//! [`Claim::parse`] is done for every request: the credential scope names account and region. [`Claim::verify`] only
//! when LocalECS was started with secrets.

mod canonical;
mod date;
mod query;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

use std::borrow::Cow;

use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
pub use sign::Signer;

/// As URLs have it: everything encoded but what RFC 3986 calls unreserved, and slashes.
#[must_use]
pub fn encoded_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    query::encode_into(&mut out, path, b"/");
    out
}

/// The only algorithm: SigV4a (asymmetric) is for multi-region services.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a signed request claims, from its `Authorization` header or its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    pub access_key_id: Cow<'a, str>,
    pub region: Cow<'a, str>,
    pub service: Cow<'a, str>,
    /// `YYYYMMDD` of the credential scope.
    date: Cow<'a, str>,
    terminator: Cow<'a, str>,
    /// Lower-case header names with semicolons between; `None` when left out.
    signed_headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    presigned: bool,
}

/// Why a signature is not accepted, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct SignatureError {
    /// The exception's name.
    pub code: &'static str,
    pub message: Cow<'static, str>,
}

impl SignatureError {
    fn incomplete(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: "IncompleteSignatureException", message: message.into() }
    }

    fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: "InvalidSignatureException", message: message.into() }
    }

    /// A request that is not signed at all.
    #[must_use]
    pub fn missing() -> Self {
        Self { code: "MissingAuthenticationTokenException", message: "Missing Authentication Token".into() }
    }

    /// Temporary credentials after their time.
    #[must_use]
    pub fn expired_token() -> Self {
        Self { code: "ExpiredTokenException", message: "The security token included in the request is expired".into() }
    }

    /// An access key id that nobody knows, or a token that is not the key's.
    #[must_use]
    pub fn unknown_key() -> Self {
        Self {
            code: "UnrecognizedClientException",
            message: "The security token included in the request is invalid.".into(),
        }
    }
}

impl<'a> Claim<'a> {
    /// Reads the claim of a request; `None` when it is not signed. What is not needed to know the account and the
    /// region (the signature itself, for one) may be missing: people write such headers by hand.
    ///
    /// # Errors
    /// When the header is not SigV4, lacks the credential, or its credential has not five parts.
    pub fn parse(request: &'a Parts) -> Result<Option<Self>, SignatureError> {
        if let Some(header) = request.headers.get(AUTHORIZATION) {
            let text = header.to_str().map_err(|_| SignatureError::incomplete("Authorization header is not ASCII."))?;
            return Self::from_header(text.trim()).map(Some);
        }
        match request.uri.query() {
            Some(text) if text.contains("X-Amz-") => Self::from_query(text),
            _ => Ok(None),
        }
    }

    /// The session token that came with the claim, where that came: in a header or in the query.
    #[must_use]
    pub fn token(&self, request: &'a Parts) -> Option<Cow<'a, str>> {
        if self.presigned {
            let mut pairs = query::pairs(request.uri.query()?);
            return pairs.find(|(key, _)| key == "X-Amz-Security-Token").map(|(_, value)| value);
        }
        let header = request.headers.get("x-amz-security-token")?;
        header.to_str().ok().map(|text| Cow::Borrowed(text.trim()))
    }

    fn from_header(text: &'a str) -> Result<Self, SignatureError> {
        let (algorithm, parameters) = text.split_once(' ').unwrap_or((text, ""));
        // Without the algorithm's family (Basic, Bearer) AWS takes the rest for parameters, and finds none.
        if algorithm.starts_with("AWS") && algorithm != ALGORITHM {
            return Err(SignatureError::incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in parameters.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("Credential", value)) => credential = Some(value),
                Some(("SignedHeaders", value)) => signed_headers = Some(value),
                Some(("Signature", value)) => signature = Some(value),
                Some(_) => {}
                None => {
                    return Err(SignatureError::incomplete(format!(
                        "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: '{text}'."
                    )));
                }
            }
        }
        let Some(credential) = credential else {
            return Err(lacking(&["Credential"], "Authorization header", algorithm));
        };
        Self::from_parts(
            Cow::Borrowed(credential),
            signed_headers.map(Cow::Borrowed),
            signature.map(Cow::Borrowed),
            false,
        )
    }

    fn from_query(text: &'a str) -> Result<Option<Self>, SignatureError> {
        let parameter = |name: &str| query::pairs(text).find(|(key, _)| key == name).map(|(_, value)| value);
        let Some(algorithm) = parameter("X-Amz-Algorithm") else { return Ok(None) };
        if algorithm != ALGORITHM {
            return Err(SignatureError::incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
        }
        let Some(credential) = parameter("X-Amz-Credential") else {
            return Err(SignatureError::incomplete("AWS query-string parameters must include 'X-Amz-Credential'."));
        };
        Self::from_parts(credential, parameter("X-Amz-SignedHeaders"), parameter("X-Amz-Signature"), true).map(Some)
    }

    fn from_parts(
        credential: Cow<'a, str>,
        signed_headers: Option<Cow<'a, str>>,
        signature: Option<Cow<'a, str>>,
        presigned: bool,
    ) -> Result<Self, SignatureError> {
        let parts = match &credential {
            Cow::Borrowed(text) => split_credential(text).map(|parts| parts.map(Cow::Borrowed)),
            Cow::Owned(text) => split_credential(text).map(|parts| parts.map(|part| Cow::Owned(part.to_owned()))),
        };
        let Some([access_key_id, date, region, service, terminator]) = parts else {
            return Err(SignatureError::incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '{credential}'"
            )));
        };
        let in_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || region.len() > 63 || !region.bytes().all(in_names) {
            return Err(SignatureError::invalid("Credential should be scoped to a valid region. "));
        }
        Ok(Self { access_key_id, region, service, date, terminator, signed_headers, signature, presigned })
    }
}

fn split_credential(text: &str) -> Option<[&str; 5]> {
    let mut parts = text.split('/');
    let five = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(five)
}

fn lacking(names: &[&str], what: &str, algorithm: &str) -> SignatureError {
    let all: Vec<String> = names.iter().map(|name| format!("{what} requires '{name}' parameter.")).collect();
    SignatureError::incomplete(format!("{} Authorization={algorithm}", all.join(" ")))
}
