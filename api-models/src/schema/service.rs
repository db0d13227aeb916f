//! The schema of a service and of its operations.

use super::StructureSchema;

#[derive(Debug)]
pub struct ServiceSchema {
    /// The short name LocalECS knows the service by, which is also the folder in `services/`: `ecs`.
    pub id: &'static str,
    pub api_version: &'static str,
    pub endpoint_prefix: &'static str,
    /// The service's name in a SigV4 credential scope.
    pub signing_name: &'static str,
    /// What comes before the dot in `X-Amz-Target` (JSON services).
    pub target_prefix: Option<&'static str>,
    /// The protocol that SDKs prefer.
    pub protocol: Protocol,
    /// All protocols the service speaks; the preferred one first.
    pub protocols: &'static [Protocol],
    pub json_version: Option<&'static str>,
    pub xml_namespace: Option<&'static str>,
    /// The error code that an unexpected error becomes.
    pub internal_error: &'static str,
    /// Sorted by name.
    pub operations: &'static [&'static OperationSchema],
    /// Operations that the API has and for which no types are generated, because they are not on.
    pub other_operations: &'static [&'static str],
}

impl ServiceSchema {
    pub fn operation(&self, name: &str) -> Option<&'static OperationSchema> {
        let index = self.operations.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
        Some(self.operations[index])
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    AwsJson,
    AwsQuery,
    Ec2Query,
    RestJson,
    RestXml,
    RpcV2Cbor,
}

#[derive(Debug)]
pub struct OperationSchema {
    pub name: &'static str,
    pub service: &'static ServiceSchema,
    pub http_method: &'static str,
    pub http_uri: &'static str,
    pub http_status: u16,
    pub input: &'static StructureSchema,
    pub output: &'static StructureSchema,
    /// The element around the output (query protocol).
    pub result_wrapper: Option<&'static str>,
    pub errors: &'static [&'static StructureSchema],
    /// Listed as on in `models.toml`. Whether a handler exists is known by the dispatch table.
    pub on: bool,
    pub pagination: Option<Pagination>,
}

impl OperationSchema {
    pub const fn new(
        name: &'static str,
        service: &'static ServiceSchema,
        input: &'static StructureSchema,
        output: &'static StructureSchema,
        errors: &'static [&'static StructureSchema],
    ) -> Self {
        Self {
            name,
            service,
            http_method: "POST",
            http_uri: "/",
            http_status: 200,
            input,
            output,
            result_wrapper: None,
            errors,
            on: false,
            pagination: None,
        }
    }

    pub const fn on(mut self) -> Self {
        self.on = true;
        self
    }

    pub const fn http(mut self, method: &'static str, uri: &'static str, status: u16) -> Self {
        self.http_method = method;
        self.http_uri = uri;
        self.http_status = status;
        self
    }

    pub const fn result_wrapper(mut self, name: &'static str) -> Self {
        self.result_wrapper = Some(name);
        self
    }

    pub const fn paginated(mut self, pagination: Pagination) -> Self {
        self.pagination = Some(pagination);
        self
    }
}

/// How an operation pages, in member names (or paths) of its input and output.
#[derive(Clone, Copy, Debug)]
pub struct Pagination {
    pub input_token: &'static [&'static str],
    pub output_token: &'static [&'static str],
    pub limit_key: Option<&'static str>,
    pub result_key: &'static [&'static str],
}
