"""STS and IAM through boto3 and the AWS CLI, as they come. Run by tests/compat/clients.rs."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

AWS = str(pathlib.Path(sys.executable).parent / "aws")
ONCE = Config(retries={"total_max_attempts": 1})


def client(service, credentials=None):
    keys = {}
    if credentials:
        keys = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }
    return boto3.client(service, config=ONCE, **keys)


class Sts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.account = os.environ["AWS_ACCESS_KEY_ID"]
        cls.sts = client("sts")

    def test_who_is_asking(self):
        identity = self.sts.get_caller_identity()
        self.assertEqual(identity["Account"], self.account)
        self.assertEqual(identity["Arn"], f"arn:aws:iam::{self.account}:root")
        self.assertEqual(len(identity["ResponseMetadata"]["RequestId"]), 36)
        done = subprocess.run(
            [AWS, "sts", "get-caller-identity"], capture_output=True, text=True, timeout=120, check=True
        )
        self.assertEqual(json.loads(done.stdout)["Arn"], identity["Arn"])

    def test_a_role_is_assumed(self):
        role = f"arn:aws:iam::{self.account}:role/path/deployer"
        answer = self.sts.assume_role(RoleArn=role, RoleSessionName="boto3", DurationSeconds=900)
        session = f"arn:aws:sts::{self.account}:assumed-role/deployer/boto3"
        self.assertEqual(answer["AssumedRoleUser"]["Arn"], session)
        self.assertGreater(answer["Credentials"]["Expiration"].timestamp(), 0)
        assumed = client("sts", answer["Credentials"])
        identity = assumed.get_caller_identity()
        self.assertEqual(identity["Arn"], session)
        self.assertEqual(identity["UserId"], answer["AssumedRoleUser"]["AssumedRoleId"])
        # A role that assumes a role gets an hour at most.
        with self.assertRaises(ClientError) as raised:
            assumed.assume_role(RoleArn=role, RoleSessionName="chained", DurationSeconds=7200)
        self.assertEqual(raised.exception.response["Error"]["Code"], "ValidationError")
        with self.assertRaises(ClientError) as raised:
            client("sts", {**answer["Credentials"], "SessionToken": "forged"}).get_caller_identity()
        self.assertEqual(raised.exception.response["Error"]["Code"], "InvalidClientTokenId")
        key = answer["Credentials"]["AccessKeyId"]
        self.assertEqual(self.sts.get_access_key_info(AccessKeyId=key)["Account"], self.account)

    def test_other_temporary_credentials(self):
        token = self.sts.get_session_token()["Credentials"]
        self.assertEqual(client("sts", token).get_caller_identity()["Arn"], f"arn:aws:iam::{self.account}:root")
        federated = self.sts.get_federation_token(Name="guest")
        arn = f"arn:aws:sts::{self.account}:federated-user/guest"
        self.assertEqual(federated["FederatedUser"]["Arn"], arn)
        self.assertEqual(client("sts", federated["Credentials"]).get_caller_identity()["Arn"], arn)

    def test_errors(self):
        with self.assertRaises(ClientError) as raised:
            self.sts.assume_role(RoleArn=f"arn:aws:iam::{self.account}:role/a", RoleSessionName="a b")
        error = raised.exception.response
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.assertIn("Value 'a b' at 'roleSessionName'", error["Error"]["Message"])


if __name__ == "__main__":
    unittest.main()
