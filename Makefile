# The commands of the README. Each prepares what it needs; see scripts/ and docker/README.md.
.PHONY: help demo run test bench image clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## The main job, end to end, through the real AWS CLI
	@scripts/demo

run: ## Serve on 127.0.0.1:4566
	@docker/ensure-engine
	@cargo run --release --bin localecs -- serve

test: ## Everything CI runs
	@scripts/test

bench: ## Measure; prints a table and writes bench/results.json
	@scripts/bench

image: ## Build the image localecs/localecs
	@docker/ensure-engine
	@docker/build-image

clean: ## Remove what was built
	@cargo clean
