//! Comparing a request's signature with the one it should have.

use std::fmt::Write;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use hyper::header::HeaderName;
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::date::{self, Basic};
use super::{ALGORITHM, Claim, SignatureError, canonical, lacking, query};
use crate::time::Timestamp;

/// How far a request's date may be from the server's time.
const SKEW: Duration = Duration::from_secs(5 * 60);
/// A week: presigned requests live no longer.
const MAX_EXPIRES: u64 = 604_800;

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your \
                        AWS Secret Access Key and signing method. Consult the service documentation for details.";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

impl Claim<'_> {
    /// Checks the signature of a request whose body (as sent, before it is decompressed) is `body`, for the service
    /// with the signing name `service`.
    ///
    /// # Errors
    /// When something is missing from the signature, its date is too far from `now`, or it was not made with `secret`.
    pub fn verify(
        &self,
        request: &Parts,
        body: &[u8],
        secret: &str,
        service: &str,
        now: Timestamp,
    ) -> Result<(), SignatureError> {
        let (signed_headers, signature) = self.complete()?;
        let time = self.time(request)?;
        self.check_scope(service, time)?;
        self.check_age(request, time, now)?;
        self.check_signed_headers(request, signed_headers)?;
        let payload_hash = self.payload_hash(request, body)?;
        let canonical = canonical::request(request, &self.service, signed_headers, &payload_hash);
        let scope = format!("{}/{}/{}/{}", self.date, self.region, self.service, self.terminator);
        let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{}", Basic(time), hex(&Sha256::digest(canonical.as_bytes())));
        let key = signing_key(secret, &self.date, &self.region, &self.service, &self.terminator);
        let expected = hex(&hmac(&key, to_sign.as_bytes()));
        // In constant time, so that a signature can't be found byte by byte.
        if bool::from(expected.as_bytes().ct_eq(signature.as_bytes())) {
            Ok(())
        } else {
            Err(SignatureError::invalid(MISMATCH))
        }
    }

    /// The signed headers and the signature.
    fn complete(&self) -> Result<(&str, &str), SignatureError> {
        match (&self.signed_headers, &self.signature) {
            (Some(signed_headers), Some(signature)) => Ok((signed_headers, signature)),
            _ if self.presigned => Err(SignatureError::incomplete(
                "AWS query-string parameters must include 'X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature', \
                 'X-Amz-SignedHeaders' and 'X-Amz-Date'.",
            )),
            (Some(_), None) => Err(lacking(&["Signature"], "Authorization header", ALGORITHM)),
            (None, Some(_)) => Err(lacking(&["SignedHeaders"], "Authorization header", ALGORITHM)),
            (None, None) => Err(lacking(&["Signature", "SignedHeaders"], "Authorization header", ALGORITHM)),
        }
    }

    fn time(&self, request: &Parts) -> Result<Timestamp, SignatureError> {
        let text = if self.presigned {
            parameter(request, "X-Amz-Date")
        } else {
            let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            header("x-amz-date").or_else(|| header("date"))
        };
        let Some(text) = text else {
            return Err(SignatureError::incomplete(format!(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
                 Authorization={ALGORITHM}"
            )));
        };
        date::parse(&text).ok_or_else(|| {
            SignatureError::incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
            ))
        })
    }

    fn check_scope(&self, service: &str, time: Timestamp) -> Result<(), SignatureError> {
        let basic = Basic(time).to_string();
        let mut faults = Vec::new();
        if self.service != service {
            faults.push(format!("Credential should be scoped to correct service: '{service}'."));
        }
        if self.terminator != "aws4_request" {
            faults.push(format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{}'.",
                self.terminator
            ));
        }
        let day = basic.get(..8).unwrap_or_default();
        if self.date != day {
            faults.push(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{day}', from '{basic}'.",
                self.date
            ));
        }
        if faults.is_empty() { Ok(()) } else { Err(SignatureError::invalid(faults.join(" "))) }
    }

    fn check_age(&self, request: &Parts, time: Timestamp, now: Timestamp) -> Result<(), SignatureError> {
        let life = if self.presigned {
            let expires = parameter(request, "X-Amz-Expires").and_then(|text| text.parse::<u64>().ok());
            match expires {
                Some(seconds) if seconds <= MAX_EXPIRES => Duration::from_secs(seconds),
                _ => {
                    return Err(SignatureError::incomplete(
                        "X-Amz-Expires must be a number of seconds less than or equal to 604800.",
                    ));
                }
            }
        } else {
            SKEW
        };
        // Whole seconds, as the request has them.
        let now = Timestamp::from_millis(now.as_millis().div_euclid(1000).saturating_mul(1000));
        let (oldest, newest) = (now.saturating_sub(life), now.saturating_add(SKEW));
        let (shown, minutes) = (Basic(time), SKEW.as_secs() / 60);
        if time < oldest {
            let life = if self.presigned { format!("{} sec.", life.as_secs()) } else { format!("{minutes} min.") };
            return Err(SignatureError::invalid(format!(
                "Signature expired: {shown} is now earlier than {} ({} - {life})",
                Basic(oldest),
                Basic(now)
            )));
        }
        if time > newest {
            return Err(SignatureError::invalid(format!(
                "Signature not yet current: {shown} is still later than {} ({} + {minutes} min.)",
                Basic(newest),
                Basic(now)
            )));
        }
        Ok(())
    }

    /// The hash that goes into the canonical request. One that the client sent must be that of the body.
    fn payload_hash(&self, request: &Parts, body: &[u8]) -> Result<String, SignatureError> {
        let sent = match request.headers.get("x-amz-content-sha256") {
            Some(value) => Some(String::from_utf8_lossy(value.as_bytes()).into_owned()),
            None if self.presigned && self.service == "s3" => Some(UNSIGNED_PAYLOAD.to_owned()),
            None => None,
        };
        let real = || hex(&Sha256::digest(body));
        match sent {
            None => Ok(real()),
            Some(sent) if sent == UNSIGNED_PAYLOAD => Ok(sent),
            Some(sent) if sent.eq_ignore_ascii_case(&real()) => Ok(sent),
            Some(_) => Err(SignatureError::invalid(
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )),
        }
    }

    /// The host and all of AWS's own headers must be signed: else whoever forwards the request could change them.
    fn check_signed_headers(&self, request: &Parts, signed_headers: &str) -> Result<(), SignatureError> {
        let is_signed = |name: &str| signed_headers.split(';').any(|signed| signed == name);
        if !is_signed("host") {
            return Err(SignatureError::invalid(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        // What SDKs leave out of presigned requests: the client that sends them is not the one that signed.
        let exempt = |name: &str| self.presigned && matches!(name, "x-amz-user-agent" | "x-amz-checksum-mode");
        let unsigned = request
            .headers
            .keys()
            .map(HeaderName::as_str)
            .find(|name| name.starts_with("x-amz-") && !is_signed(name) && !exempt(name));
        match unsigned {
            None => Ok(()),
            Some(name) => {
                Err(SignatureError::invalid(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")))
            }
        }
    }
}

/// The key that signs requests of a day for a service in a region.
pub(super) fn signing_key(secret: &str, date: &str, region: &str, service: &str, terminator: &str) -> [u8; 32] {
    let key = hmac(format!("AWS4{secret}").as_bytes(), date.as_bytes());
    let key = hmac(&key, region.as_bytes());
    let key = hmac(&key, service.as_bytes());
    hmac(&key, terminator.as_bytes())
}

fn parameter(request: &Parts, name: &str) -> Option<String> {
    query::pairs(request.uri.query()?).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

pub(super) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
