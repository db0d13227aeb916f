// The AWS SDK for JavaScript, as it comes, against the endpoint in AWS_ENDPOINT_URL. Run by tests/compat/clients.rs.

import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout } from "node:timers/promises";

import {
  ClusterNotFoundException,
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteClusterCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  UpdateServiceCommand,
  paginateListTaskDefinitions,
  waitUntilServicesInactive,
  waitUntilServicesStable,
  waitUntilTasksRunning,
  waitUntilTasksStopped,
} from "@aws-sdk/client-ecs";

const client = new ECSClient({ maxAttempts: 1 });
const waiting = { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };

test("a task from start to end", async () => {
  const cluster = `node-${process.pid}`;
  await client.send(new CreateClusterCommand({ clusterName: cluster }));
  const { taskDefinition } = await client.send(
    new RegisterTaskDefinitionCommand({
      family: cluster,
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      containerDefinitions: [{ name: "web", image: "localecs/sample-app:latest" }],
    }),
  );
  assert.ok(taskDefinition.registeredAt instanceof Date);
  const { tasks, failures } = await client.send(
    new RunTaskCommand({
      cluster,
      taskDefinition: cluster,
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
    }),
  );
  assert.deepEqual(failures, []);
  const arn = tasks[0].taskArn;
  const running = await waitUntilTasksRunning(waiting, { cluster, tasks: [arn] });
  assert.equal(running.state, "SUCCESS");
  await client.send(new StopTaskCommand({ cluster, task: arn, reason: "node is done" }));
  const stopped = await waitUntilTasksStopped(waiting, { cluster, tasks: [arn] });
  assert.equal(stopped.state, "SUCCESS");
  const described = await client.send(new DescribeTasksCommand({ cluster, tasks: [arn] }));
  const [task] = described.tasks;
  assert.equal(task.stopCode, "UserInitiated");
  assert.equal(task.stoppedReason, "node is done");
  assert.equal(task.containers[0].exitCode, 0);
  assert.ok(task.stoppedAt >= task.createdAt);
});

// The calls of aws-actions/amazon-ecs-deploy-task-definition, in its order, and what it reads.
test("deployments as GitHub's action makes them", async () => {
  const cluster = `action-${process.pid}`;
  await client.send(new CreateClusterCommand({ clusterName: cluster }));
  const register = async (definition) => {
    const answer = await client.send(new RegisterTaskDefinitionCommand(definition));
    return answer.taskDefinition.taskDefinitionArn;
  };
  await register({
    family: cluster,
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "256",
    memory: "512",
    containerDefinitions: [{ name: "web", image: "localecs/sample-app:latest" }],
  });
  const service = "web";
  await client.send(
    new CreateServiceCommand({
      cluster,
      serviceName: service,
      taskDefinition: cluster,
      desiredCount: 1,
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    }),
  );
  const described = async () => {
    const { failures, services } = await client.send(new DescribeServicesCommand({ cluster, services: [service] }));
    assert.deepEqual(failures, []);
    return services[0];
  };
  const deploy = async (change) => {
    // The file that users keep is what DescribeTaskDefinition shows; the action leaves out what can't be registered.
    const shown = await client.send(new DescribeTaskDefinitionCommand({ taskDefinition: cluster }));
    const {
      taskDefinitionArn, revision, status, requiresAttributes, compatibilities, registeredAt, registeredBy, ...rest
    } = shown.taskDefinition;
    Object.assign(rest.containerDefinitions[0], change);
    const arn = await register(rest);
    const before = await described();
    assert.equal(before.status, "ACTIVE");
    assert.ok([undefined, "ECS"].includes(before.deploymentController?.type));
    await client.send(new UpdateServiceCommand({ cluster, service, taskDefinition: arn, forceNewDeployment: false }));
    const stable = await waitUntilServicesStable({ ...waiting, maxWaitTime: 120 }, { cluster, services: [service] });
    assert.equal(stable.state, "SUCCESS");
    // A service is stable once its tasks run, and its deployment complete (what a rollback goes to) a little later.
    let after = await described();
    while (after.deployments[0].rolloutState === "IN_PROGRESS") {
      await setTimeout(200);
      after = await described();
    }
    return { arn, before, after };
  };
  const good = await deploy({ image: "localecs/sample-app" });
  assert.equal(good.after.taskDefinition, good.arn);
  assert.equal(good.after.deployments[0].taskDefinition, good.arn);
  // One that does not start: the service is stable again once it is back at the last that worked.
  const bad = await deploy({ command: ["exit", "1"] });
  assert.equal(bad.after.taskDefinition, good.arn);
  const [primary] = bad.after.deployments;
  assert.equal(primary.id, bad.before.deployments[0].id);
  assert.equal(primary.rolloutStateReason, `ECS deployment ${primary.id} completed.`);
  assert.ok(bad.after.events.some(({ message }) => message.endsWith("deployment failed: tasks failed to start.")));
  await client.send(new DeleteServiceCommand({ cluster, service, force: true }));
  const inactive = await waitUntilServicesInactive(waiting, { cluster, services: [service] });
  assert.equal(inactive.state, "SUCCESS");
});

test("errors are modelled exceptions", async () => {
  await assert.rejects(client.send(new DeleteClusterCommand({ cluster: "missing" })), (error) => {
    assert.ok(error instanceof ClusterNotFoundException);
    assert.equal(error.message, "Cluster not found.");
    assert.equal(error.$metadata.httpStatusCode, 400);
    assert.equal(error.$metadata.requestId.length, 36);
    return true;
  });
});

test("pages", async () => {
  const family = `paged-${process.pid}`;
  for (let n = 0; n < 3; n++) {
    const containerDefinitions = [{ name: "web", image: "web", memory: 64 }];
    await client.send(new RegisterTaskDefinitionCommand({ family, containerDefinitions }));
  }
  const sizes = [];
  for await (const page of paginateListTaskDefinitions({ client, pageSize: 2 }, { familyPrefix: family })) {
    sizes.push(page.taskDefinitionArns.length);
  }
  assert.deepEqual(sizes, [2, 1]);
});
