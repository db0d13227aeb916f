//! ListServicesByNamespace: services that use Service Connect in a namespace.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServicesByNamespace.html>

use api_models::ecs::{
    InvalidParameterException, ListServicesByNamespaceError, ListServicesByNamespaceRequest,
    ListServicesByNamespaceResponse, NamespaceNotFoundException,
};

use crate::services::Context;

/// There are no AWS Cloud Map namespaces yet, so none is found.
pub(crate) async fn handle(
    _context: Context,
    input: ListServicesByNamespaceRequest,
) -> Result<ListServicesByNamespaceResponse, ListServicesByNamespaceError> {
    if input.namespace.is_none_or(|namespace| namespace.is_empty()) {
        return Err(InvalidParameterException::new("Namespace can not be blank.").into());
    }
    Err(NamespaceNotFoundException::new("The specified namespace wasn't found.").into())
}
