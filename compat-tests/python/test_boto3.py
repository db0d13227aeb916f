"""boto3, as it comes, against the endpoint in AWS_ENDPOINT_URL. Run by tests/compat/clients.rs."""

import datetime
import os
import unittest
import urllib.request
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

WAIT = {"Delay": 1, "MaxAttempts": 60}


def container(name="web", **more):
    return {"name": name, "image": "localecs/sample-app:latest", "memory": 64, **more}


class Boto3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.account = os.environ["AWS_ACCESS_KEY_ID"]
        cls.ecs = boto3.client("ecs", config=Config(retries={"total_max_attempts": 1}))

    def setUp(self):
        self.cluster = f"boto3-{uuid.uuid4().hex[:8]}"
        self.ecs.create_cluster(clusterName=self.cluster)

    def register(self, **definition):
        answer = self.ecs.register_task_definition(family=f"boto3-{uuid.uuid4().hex[:8]}", **definition)
        return answer["taskDefinition"]

    def test_a_task_on_fargate(self):
        definition = self.register(
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu=".25 vCPU",
            memory="0.5 GB",
            containerDefinitions=[container(portMappings=[{"containerPort": 8080}])],
        )
        self.assertEqual((definition["cpu"], definition["memory"]), ("256", "512"))
        self.assertIsInstance(definition["registeredAt"], datetime.datetime)
        self.assertEqual(definition["containerDefinitions"][0]["environment"], [])

        answer = self.ecs.run_task(
            cluster=self.cluster,
            taskDefinition=definition["taskDefinitionArn"],
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}},
            tags=[{"key": "größe", "value": "klein öäü"}],
        )
        self.assertEqual(answer["failures"], [])
        arn = answer["tasks"][0]["taskArn"]
        self.ecs.get_waiter("tasks_running").wait(cluster=self.cluster, tasks=[arn], WaiterConfig=WAIT)

        task = self.ecs.describe_tasks(cluster=self.cluster, tasks=[arn], include=["TAGS"])["tasks"][0]
        self.assertEqual(task["tags"], [{"key": "größe", "value": "klein öäü"}])
        self.assertEqual(task["lastStatus"], "RUNNING")
        self.assertEqual(task["startedAt"].tzinfo.utcoffset(None) is not None, True)
        details = {detail["name"]: detail["value"] for detail in task["attachments"][0]["details"]}
        with urllib.request.urlopen(f"http://{details['privateIPv4Address']}:8080/healthz", timeout=10) as page:
            self.assertEqual(page.read(), b"ok\n")

        self.ecs.stop_task(cluster=self.cluster, task=arn, reason="boto3 is done")
        self.ecs.get_waiter("tasks_stopped").wait(cluster=self.cluster, tasks=[arn], WaiterConfig=WAIT)
        task = self.ecs.describe_tasks(cluster=self.cluster, tasks=[arn])["tasks"][0]
        self.assertEqual((task["stopCode"], task["stoppedReason"]), ("UserInitiated", "boto3 is done"))
        self.assertEqual(task["containers"][0]["exitCode"], 0)
        self.assertLessEqual(task["stoppingAt"], task["stoppedAt"])

    def test_the_running_waiter_fails_on_a_stopped_task(self):
        self.ecs.register_container_instance(
            cluster=self.cluster,
            totalResources=[
                {"name": "CPU", "type": "INTEGER", "integerValue": 1024},
                {"name": "MEMORY", "type": "INTEGER", "integerValue": 1024},
            ],
        )
        definition = self.register(containerDefinitions=[container(command=["exit", "3"])])
        answer = self.ecs.run_task(cluster=self.cluster, taskDefinition=definition["family"], launchType="EC2")
        arn = answer["tasks"][0]["taskArn"]
        self.ecs.get_waiter("tasks_stopped").wait(cluster=self.cluster, tasks=[arn], WaiterConfig=WAIT)
        with self.assertRaises(WaiterError) as raised:
            self.ecs.get_waiter("tasks_running").wait(cluster=self.cluster, tasks=[arn], WaiterConfig=WAIT)
        self.assertIn("Waiter encountered a terminal failure state", str(raised.exception))
        self.assertEqual(raised.exception.last_response["tasks"][0]["containers"][0]["exitCode"], 3)

    def test_a_service_and_its_waiters(self):
        definition = self.register(
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container()],
        )
        self.ecs.create_service(
            cluster=self.cluster,
            serviceName="web",
            taskDefinition=definition["taskDefinitionArn"],
            desiredCount=2,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        )
        stable = self.ecs.get_waiter("services_stable")
        stable.wait(cluster=self.cluster, services=["web"], WaiterConfig=WAIT)
        self.ecs.update_service(cluster=self.cluster, service="web", forceNewDeployment=True, desiredCount=1)
        stable.wait(cluster=self.cluster, services=["web"], WaiterConfig=WAIT)
        service = self.ecs.describe_services(cluster=self.cluster, services=["web"])["services"][0]
        self.assertEqual((service["runningCount"], len(service["deployments"])), (1, 1))
        self.assertIn("(service web) has started ", service["events"][-1]["message"])
        with self.assertRaises(self.ecs.exceptions.InvalidParameterException):
            self.ecs.delete_service(cluster=self.cluster, service="web")
        self.ecs.delete_service(cluster=self.cluster, service="web", force=True)
        inactive = self.ecs.get_waiter("services_inactive")
        inactive.wait(cluster=self.cluster, services=["web"], WaiterConfig=WAIT)
        with self.assertRaises(WaiterError):
            stable.wait(cluster=self.cluster, services=["web"], WaiterConfig=WAIT)

    def test_a_daemon_and_its_waiters(self):
        settings = {
            "infrastructureRoleArn": "arn:aws:iam::000000000000:role/infrastructure",
            "instanceLaunchTemplate": {
                "ec2InstanceProfileArn": "arn:aws:iam::000000000000:instance-profile/ecs",
                "networkConfiguration": {"subnets": ["subnet-1"]},
            },
        }
        provider = self.ecs.create_capacity_provider(
            name=self.cluster, cluster=self.cluster, managedInstancesProvider=settings
        )["capacityProvider"]["capacityProviderArn"]
        definition = self.ecs.register_daemon_task_definition(
            family=self.cluster, containerDefinitions=[container("agent")]
        )["daemonTaskDefinitionArn"]
        asked = {"daemonTaskDefinitionArn": definition, "capacityProviderArns": [provider]}
        create = {
            "daemonName": "agent",
            "clusterArn": self.ecs.describe_clusters(clusters=[self.cluster])["clusters"][0]["clusterArn"],
            "deploymentConfiguration": {"drainPercent": 20.0, "bakeTimeInMinutes": 5},
            "critical": False,
            **asked,
        }
        made = self.ecs.create_daemon(clientToken=self.cluster, **create)
        self.assertEqual(self.ecs.create_daemon(clientToken=self.cluster, **create)["daemonArn"], made["daemonArn"])
        with self.assertRaisesRegex(self.ecs.exceptions.InvalidParameterException, "not idempotent"):
            self.ecs.create_daemon(clientToken=self.cluster, **{**create, "critical": True})
        daemon = made["daemonArn"]
        self.ecs.get_waiter("daemon_active").wait(daemonArn=daemon, WaiterConfig=WAIT)

        def critical():
            revision = self.ecs.describe_daemon(daemonArn=daemon)["daemon"]["currentRevisions"][0]["arn"]
            return self.ecs.describe_daemon_revisions(daemonRevisionArns=[revision])["daemonRevisions"][0]["critical"]

        def wait(status, deployment):
            waiter = self.ecs.get_waiter(f"daemon_deployment_{status}")
            waiter.wait(daemonDeploymentArns=[deployment], WaiterConfig=WAIT)

        self.assertIs(critical(), False)
        first = self.ecs.describe_daemon_deployments(daemonDeploymentArns=[made["deploymentArn"]])
        self.assertEqual(
            first["daemonDeployments"][0]["deploymentConfiguration"],
            {"drainPercent": 20.0, "bakeTimeInMinutes": 5, "alarms": {"alarmNames": [], "enable": False}},
        )
        # What is left out has its default again.
        updated = self.ecs.update_daemon(daemonArn=daemon, **asked)
        self.assertIs(critical(), True)
        wait("successful", updated["deploymentArn"])
        wait("stopped", made["deploymentArn"])
        listed = self.ecs.list_daemon_deployments(daemonArn=daemon, status=["SUCCESSFUL"])["daemonDeployments"]
        self.assertEqual([it["daemonDeploymentArn"] for it in listed], [updated["deploymentArn"]])
        deleted = self.ecs.delete_daemon(daemonArn=daemon)
        self.assertEqual(deleted["status"], "DELETE_IN_PROGRESS")
        wait("successful", deleted["deploymentArn"])
        with self.assertRaises(self.ecs.exceptions.DaemonNotFoundException):
            self.ecs.describe_daemon(daemonArn=daemon)

    def test_errors_are_modelled_exceptions(self):
        with self.assertRaises(self.ecs.exceptions.ClusterNotFoundException) as raised:
            self.ecs.delete_cluster(cluster="missing")
        error = raised.exception.response
        self.assertEqual(error["Error"], {"Code": "ClusterNotFoundException", "Message": "Cluster not found."})
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.assertEqual(len(error["ResponseMetadata"]["RequestId"]), 36)
        with self.assertRaises(self.ecs.exceptions.ClientException) as raised:
            self.ecs.describe_task_definition(taskDefinition="missing")
        self.assertEqual(raised.exception.response["Error"]["Message"], "Unable to describe task definition.")
        with self.assertRaises(ClientError) as raised:
            self.ecs.describe_express_gateway_service(serviceArn="web")
        self.assertEqual(raised.exception.response["ResponseMetadata"]["HTTPStatusCode"], 501)

    def test_paginators(self):
        family = self.register(containerDefinitions=[container()])["family"]
        for _ in range(4):
            self.ecs.register_task_definition(family=family, containerDefinitions=[container()])
        pages = list(
            self.ecs.get_paginator("list_task_definitions").paginate(
                familyPrefix=family, PaginationConfig={"PageSize": 2}
            )
        )
        self.assertEqual([len(page["taskDefinitionArns"]) for page in pages], [2, 2, 1])
        revisions = [arn.rsplit(":", 1)[1] for page in pages for arn in page["taskDefinitionArns"]]
        self.assertEqual(revisions, ["1", "2", "3", "4", "5"])


if __name__ == "__main__":
    unittest.main()
