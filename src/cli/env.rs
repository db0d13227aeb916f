//! `localecs env`: the variables that every AWS client reads.

use super::EndpointArgs;

/// Shell exports, one a line. The access key id is the account: that is how a request says whose state it means. Some
/// operations put a prefix before the endpoint's name, which an address can't have: that is turned off.
pub(super) fn exports(args: &EndpointArgs) -> String {
    format!(
        "export AWS_ENDPOINT_URL=http://{}\n\
         export AWS_ACCESS_KEY_ID={}\n\
         export AWS_SECRET_ACCESS_KEY=localecs\n\
         export AWS_REGION={region}\n\
         export AWS_DEFAULT_REGION={region}\n\
         export AWS_DISABLE_HOST_PREFIX_INJECTION=true\n",
        args.authority(),
        args.account,
        region = args.region,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::AccountId;

    #[test]
    fn the_exports_name_endpoint_account_and_region() {
        let args = EndpointArgs {
            host: "127.0.0.1".to_owned(),
            port: 4566,
            region: "eu-west-1".to_owned(),
            account: AccountId::DEFAULT,
        };
        let text = exports(&args);
        assert!(text.contains("export AWS_ENDPOINT_URL=http://127.0.0.1:4566\n"));
        assert!(text.contains("export AWS_ACCESS_KEY_ID=000000000000\n"));
        assert!(text.contains("export AWS_DEFAULT_REGION=eu-west-1\n"));
    }
}
