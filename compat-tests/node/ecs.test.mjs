// The AWS SDK for JavaScript, as it comes, against the endpoint in AWS_ENDPOINT_URL. Run by tests/compat/clients.rs.

import assert from "node:assert/strict";
import test from "node:test";

import {
  ClusterNotFoundException,
  CreateClusterCommand,
  DeleteClusterCommand,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  paginateListTaskDefinitions,
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
