"""boto3 clients of services that LocalECS does not have reach the emulator behind it, here a few lines of Python that
listen on the port in UPSTREAM_PORT."""

import http.server
import json
import os
import threading
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


class Emulator(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects = {}

    def log_message(self, *_):
        pass

    def reply(self, body, content_type, status=200):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_PUT(self):
        self.objects[self.path.split("?")[0]] = self.body()
        self.reply(b"", "application/xml")

    def do_GET(self):
        found = self.objects.get(self.path.split("?")[0])
        if found is None:
            self.reply(b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>", "application/xml", 404)
        else:
            self.reply(found, "application/octet-stream")

    def do_POST(self):
        target = self.headers.get("x-amz-target", "")
        self.body()
        answers = {
            "DynamoDB_20120810.ListTables": {"TableNames": ["upstream"]},
            "AmazonSQS.ListQueues": {"QueueUrls": ["http://localhost/upstream"]},
        }
        if target in answers:
            self.reply(json.dumps(answers[target]).encode(), "application/x-amz-json-1.0")
        else:
            topics = "<ListTopicsResponse><ListTopicsResult><Topics><member><TopicArn>upstream</TopicArn></member></Topics>"
            self.reply(f"{topics}</ListTopicsResult></ListTopicsResponse>".encode(), "text/xml")


class Upstream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["UPSTREAM_PORT"])), Emulator)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def client(self, service):
        return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))

    def test_s3_objects_larger_than_localecs_takes_itself(self):
        s3 = self.client("s3")
        data = os.urandom(3 * 1024 * 1024)
        s3.put_object(Bucket="bucket", Key="a folder/größe", Body=data)
        self.assertEqual(s3.get_object(Bucket="bucket", Key="a folder/größe")["Body"].read(), data)
        with self.assertRaises(ClientError) as raised:
            s3.get_object(Bucket="bucket", Key="missing")
        self.assertEqual(raised.exception.response["Error"]["Code"], "NoSuchKey")

    def test_services_of_every_protocol(self):
        self.assertEqual(self.client("dynamodb").list_tables()["TableNames"], ["upstream"])
        self.assertEqual(self.client("sqs").list_queues()["QueueUrls"], ["http://localhost/upstream"])
        self.assertEqual(self.client("sns").list_topics()["Topics"], [{"TopicArn": "upstream"}])

    def test_what_localecs_has_stays_here(self):
        self.assertIn("root", self.client("sts").get_caller_identity()["Arn"])
        self.assertEqual(self.client("ecs").list_clusters()["clusterArns"], [])


if __name__ == "__main__":
    unittest.main()
