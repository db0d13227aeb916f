//! Signing a request of our own: to an S3 that asks who reads from it.

use hyper::header::{AUTHORIZATION, HeaderValue, InvalidHeaderValue};
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};

use super::date::Basic;
use super::verify::{hex, hmac, signing_key};
use super::{ALGORITHM, canonical};
use crate::time::Timestamp;

/// Whose request it is, and for which service in which region.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    pub access_key_id: &'a str,
    pub secret: &'a str,
    pub region: &'a str,
    pub service: &'a str,
}

impl Signer<'_> {
    /// Signs a request with this body, which has its Host header already.
    ///
    /// # Errors
    /// The key or region can't stand in a header.
    pub fn sign(&self, request: &mut Parts, body: &[u8], now: Timestamp) -> Result<(), InvalidHeaderValue> {
        const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";
        let time = Basic(now).to_string();
        let payload = hex(&Sha256::digest(body));
        request.headers.insert("x-amz-date", HeaderValue::from_str(&time)?);
        request.headers.insert("x-amz-content-sha256", HeaderValue::from_str(&payload)?);
        let day = time.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let canonical = canonical::request(request, self.service, SIGNED, &payload);
        let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let key = signing_key(self.secret, day, self.region, self.service, "aws4_request");
        let signature = hex(&hmac(&key, to_sign.as_bytes()));
        let header = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={SIGNED}, Signature={signature}",
            self.access_key_id
        );
        request.headers.insert(AUTHORIZATION, HeaderValue::from_str(&header)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;
    use crate::identity::sigv4::Claim;

    #[test]
    fn what_is_signed_here_is_verified_here() {
        let now = Timestamp::from_millis(1_795_269_326_000);
        let request = Request::get("/bucket/a%20b.env").header("host", "localhost:9000").body(()).expect("a request");
        let (mut parts, ()) = request.into_parts();
        let signer = Signer { access_key_id: "key", secret: "secret", region: "eu-west-1", service: "s3" };
        signer.sign(&mut parts, b"", now).expect("signed");
        let claim = Claim::parse(&parts).expect("a claim").expect("it is signed");
        claim.verify(&parts, b"", "secret", "s3", now).expect("the right secret");
        claim.verify(&parts, b"", "other", "s3", now).expect_err("another secret");
    }
}
