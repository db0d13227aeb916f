"""Terraform: the examples of docs/terraform.md and docs/auto-scaling.md, applied, updated in place and destroyed. Run by
tests/compat/clients.rs."""

import os
import pathlib
import random
import re
import subprocess
import tempfile
import unittest

import boto3

DOCS = pathlib.Path(__file__).parents[2] / "docs"
# What the second configuration of the page leaves out.
SKIPPED = r"\n *skip_.*"


def example(page="terraform.md", account=None):
    """The configuration of a page, for the server and the account of this test."""
    account = account or os.environ["AWS_ACCESS_KEY_ID"]
    text = re.search(r"```hcl\n(.*?)```", (DOCS / page).read_text(), re.S).group(1)
    text = text.replace("http://localhost:4566", os.environ["AWS_ENDPOINT_URL"])
    return text.replace('"123456789012"', f'"{account}"')


class Terraform(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.ecs = boto3.client("ecs")

    def terraform(self, *arguments, expected=0):
        # The provider is to have nothing but what the configuration says.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        done = subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=240, check=False,
        )
        self.assertEqual(done.returncode, expected, f"{arguments}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def service(self):
        return self.ecs.describe_services(cluster="demo", services=["web"])["services"][0]

    def images(self):
        arns = self.ecs.list_tasks(cluster="demo", serviceName="web")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster="demo", tasks=arns)["tasks"]
        return [task["containers"][0]["image"] for task in tasks if task["lastStatus"] == "RUNNING"]

    def test_the_example_of_the_page(self):
        (self.folder / "main.tf").write_text(example())
        self.terraform("init")
        self.terraform("apply", "-auto-approve")
        created = self.service()
        self.assertEqual((created["status"], created["runningCount"], len(created["deployments"])), ("ACTIVE", 2, 1))
        self.assertEqual(self.images(), ["localecs/sample-app"] * 2)
        # 2 would mean that there is something to change.
        self.terraform("plan", "-detailed-exitcode")

        newer = "-var", "image=localecs/sample-app:latest"
        printed = self.terraform("apply", "-auto-approve", *newer)
        self.assertIn("aws_ecs_service.web: Modifying", printed)
        updated = self.service()
        self.assertEqual((updated["createdAt"], updated["runningCount"]), (created["createdAt"], 2))
        self.assertEqual((len(updated["deployments"]), updated["deployments"][0]["rolloutState"]), (1, "COMPLETED"))
        self.assertEqual(self.images(), ["localecs/sample-app:latest"] * 2)

        # The same without the flags: the provider asks other services as well.
        endpoint = os.environ["AWS_ENDPOINT_URL"]
        more = "".join(f'\n    {service} = "{endpoint}"' for service in ("sts", "ec2"))
        unskipped = re.sub(SKIPPED, "", example()).replace("endpoints {", f"endpoints {{{more}")
        self.assertNotIn("skip_", unskipped)
        (self.folder / "main.tf").write_text(unskipped)
        self.terraform("plan", "-detailed-exitcode", *newer)

        self.terraform("destroy", "-auto-approve")
        self.assertEqual(self.terraform("state", "list"), "")
        self.assertEqual(self.ecs.list_clusters()["clusterArns"], [])
        self.assertEqual(self.ecs.list_task_definitions(familyPrefix="web")["taskDefinitionArns"], [])
        self.assertEqual(self.ecs.describe_clusters(clusters=["demo"])["clusters"][0]["status"], "INACTIVE")

    def test_a_group_of_instances(self):
        # The other test has a cluster of the same name.
        account = f"{random.randrange(10**12):012}"
        ecs = boto3.client("ecs", aws_access_key_id=account, aws_secret_access_key="any")
        (self.folder / "main.tf").write_text(example("auto-scaling.md", account))
        self.terraform("init")
        self.terraform("apply", "-auto-approve")

        def instances():
            return len(ecs.list_container_instances(cluster="demo", status="ACTIVE")["containerInstanceArns"])
        self.assertEqual(instances(), 3)
        self.terraform("plan", "-detailed-exitcode")
        self.assertIn("aws_autoscaling_group.demo: Modifying", self.terraform("apply", "-auto-approve", "-var", "size=1"))
        self.assertEqual(instances(), 1)
        self.terraform("destroy", "-auto-approve")
        self.assertEqual(self.terraform("state", "list"), "")


if __name__ == "__main__":
    unittest.main()
