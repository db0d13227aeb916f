//! How much memory a task definition takes, counted by the allocator: an account may have tens of thousands.
//!
//! Alone in its binary, so that nothing else allocates meanwhile.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use localecs::identity::{AccountId, Region, Scope};
use localecs::ids::IdSource;
use localecs::services::ecs::resources::task_definition::{prepare, register};
use localecs::store::Store;
use localecs::time::Timestamp;

struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

/// What malloc takes for a block: its own eight bytes, in steps of 16, at least 32.
fn block(size: usize) -> usize {
    ((size + 8).next_multiple_of(16)).max(32)
}

// SAFETY: the system's allocator does all the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(block(layout.size()), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(block(layout.size()), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const REVISIONS: usize = 5_000;

/// A usual definition: one container on Fargate with a port, variables and a log group.
const DEFINITION: &str = r#"{
  "family": "checkout-service",
  "networkMode": "awsvpc",
  "requiresCompatibilities": ["FARGATE"],
  "cpu": "256",
  "memory": "512",
  "taskRoleArn": "arn:aws:iam::000000000000:role/checkout-task",
  "executionRoleArn": "arn:aws:iam::000000000000:role/ecsTaskExecutionRole",
  "containerDefinitions": [{
    "name": "app",
    "image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/checkout:1.42.0",
    "essential": true,
    "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
    "environment": [
      {"name": "LOG_LEVEL", "value": "info"},
      {"name": "DATABASE_HOST", "value": "db.internal.example.com"},
      {"name": "PORT", "value": "8080"}
    ],
    "logConfiguration": {"logDriver": "awslogs", "options": {
      "awslogs-group": "/ecs/checkout", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs"
    }}
  }]
}"#;

#[test]
fn a_revision_takes_less_than_three_kilobytes() {
    let store = Store::in_memory(&IdSource::seeded(1));
    let scope = Scope::new(AccountId::DEFAULT, Region::new("us-east-1"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let add = |count: usize| {
        for _ in 0..count {
            let request = serde_json::from_str(DEFINITION).expect("a request");
            let prepared = prepare(request, &scope).expect("a valid definition");
            let added = store.transact(|tx| {
                register(tx, &prepared, Timestamp::EPOCH);
                Ok::<_, api_models::Unexpected>(())
            });
            runtime.block_on(added).expect("a revision");
        }
    };
    add(10);
    let before = ALLOCATED.load(Ordering::Relaxed);
    add(REVISIONS);
    let each = (ALLOCATED.load(Ordering::Relaxed) - before) / REVISIONS;
    println!("{each} bytes for each revision");
    assert!(each < 3 * 1024, "{each} bytes for each revision");
}
