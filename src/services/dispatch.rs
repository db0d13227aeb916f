//! From a decoded request to its operation and back, without knowing any operation.

use std::collections::HashMap;
use std::future::Future;

use api_models::schema::{OperationSchema, ServiceSchema};
use api_models::{Document, Encode, Operation, OperationError, Shape, ShapeError};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};

use super::Context;

/// Something a protocol can encode.
pub type Encodable = Box<dyn Encode + Send + Sync>;

/// What an operation answers.
pub enum Answer {
    Whole(Encodable),
    /// An event stream: each item is a value of its union.
    Events(BoxStream<'static, Encodable>),
}

/// Why there is no answer.
pub enum Failure {
    /// The input does not fit the operation's shape, though it passed validation.
    Input(ShapeError),
    /// One of the operation's own errors.
    Operation(Box<dyn OperationError>),
}

type Handler = Box<dyn Fn(Context, Document) -> BoxFuture<'static, Result<Answer, Failure>> + Send + Sync>;

/// One operation that is on.
pub struct Entry {
    pub schema: &'static OperationSchema,
    handler: Handler,
}

impl Entry {
    /// Ties the function `handle` to the operation `O`.
    pub fn new<O, F, Fut>(handle: F) -> Self
    where
        O: Operation,
        F: Fn(Context, O::Input) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O::Output, O::Error>> + Send + 'static,
    {
        let handler: Handler = Box::new(move |context, input| match O::Input::from_document(input) {
            Ok(input) => handle(context, input)
                .map(|result| match result {
                    Ok(output) => Ok(Answer::Whole(Box::new(output))),
                    Err(error) => Err(Failure::Operation(Box::new(error))),
                })
                .boxed(),
            Err(error) => futures_util::future::ready(Err(Failure::Input(error))).boxed(),
        });
        Self { schema: O::SCHEMA, handler }
    }

    /// Ties the function `handle` to the operation `O`, whose answer is a stream of `E`.
    pub fn streaming<O, E, F, Fut>(handle: F) -> Self
    where
        O: Operation,
        E: Encode + Send + Sync + 'static,
        F: Fn(Context, O::Input) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<BoxStream<'static, E>, O::Error>> + Send + 'static,
    {
        let handler: Handler = Box::new(move |context, input| match O::Input::from_document(input) {
            Ok(input) => handle(context, input)
                .map(|result| match result {
                    Ok(events) => Ok(Answer::Events(events.map(|event| Box::new(event) as Encodable).boxed())),
                    Err(error) => Err(Failure::Operation(Box::new(error))),
                })
                .boxed(),
            Err(error) => futures_util::future::ready(Err(Failure::Input(error))).boxed(),
        });
        Self { schema: O::SCHEMA, handler }
    }

    /// Runs the operation.
    ///
    /// # Errors
    /// What the operation answers instead of its output.
    pub async fn call(&self, context: Context, input: Document) -> Result<Answer, Failure> {
        (self.handler)(context, input).await
    }
}

/// All operations that are on, by service and name.
pub struct Registry {
    entries: HashMap<(&'static str, &'static str), Entry>,
}

impl Registry {
    /// Every service's table; a new service adds its line here.
    #[must_use]
    pub fn new() -> Self {
        let tables = [
            super::autoscaling::operations::table(),
            super::ec2::operations::table(),
            super::ecs::operations::table(),
            super::iam::operations::table(),
            super::logs::operations::table(),
            super::secretsmanager::operations::table(),
            super::ssm::operations::table(),
            super::sts::operations::table(),
        ];
        Self::of(tables.into_iter().flatten())
    }

    /// These operations and no others: for tests of what lies before them.
    #[must_use]
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries = entries.into_iter().map(|entry| ((entry.schema.service.id, entry.schema.name), entry)).collect();
        Self { entries }
    }

    /// The operation, if it is on.
    #[must_use]
    pub fn get(&self, service: &ServiceSchema, operation: &OperationSchema) -> Option<&Entry> {
        self.entries.get(&(service.id, operation.name))
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
