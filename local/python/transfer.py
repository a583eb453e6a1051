"""AWS Transfer Family as the embedded cloud has it: a real SSH server for each `AWS::Transfer::Server`.

As on AWS, the server asks the function of the template who may sign in, with the same question, and reads and writes S3
with the role and the policy that the function answers, through the front door, where both are enforced. Only what this
app uses is played: SFTP, public keys, logical folders, S3. The first server listens on the port SFTP_PORT.

MiniStack's own Transfer Family knows neither functions nor roles, and writes past IAM, versions and events.
"""

import asyncio
import json
import logging
import os
import threading

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services.cloudformation import provisioners

logger = logging.getLogger("transfer")
# The properties that are played. Another one would be ignored here and not on AWS, so it is refused.
PLAYED = {
    "Domain", "EndpointType", "IdentityProviderDetails", "IdentityProviderType", "ProtocolDetails", "Protocols",
    "S3StorageOptions", "SecurityPolicyName", "StructuredLogDestinations", "Tags",
}
_servers: dict[str, "Server"] = {}
_lock = threading.Lock()


class Server:
    """One SSH server, with a thread and an event loop of its own, so that it never blocks the cloud."""

    def __init__(self, server_id, account, region, function):
        self.id, self.account, self.region, self.function = server_id, account, region, function
        self.port = 0 if _servers else int(os.environ.get("SFTP_PORT", "0"))
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.failure = None
        threading.Thread(target=self._run, name=f"sftp-{server_id}", daemon=True).start()
        if not self.ready.wait(30) or self.failure:
            raise ValueError(f"the SFTP server did not start: {self.failure}")

    def _run(self):
        asyncio.set_event_loop(self.loop)
        try:
            import played_sftp

            self.acceptor = self.loop.run_until_complete(played_sftp.listen(self))
        except Exception as error:
            self.failure = error
        self.ready.set()
        if not self.failure:
            self.loop.run_forever()

    def close(self):
        self.loop.call_soon_threadsafe(self.acceptor.close)
        self.loop.call_soon_threadsafe(self.loop.stop)

    def client(self, service, session=None):
        """A client of the embedded cloud: as the service, or with the rights of a session."""
        import boto3

        root = {"aws_access_key_id": self.account, "aws_secret_access_key": "embedded"}
        return boto3.session.Session(region_name=self.region, **(session or root)).client(
            service, endpoint_url=os.environ["AWS_ENDPOINT_URL"]
        )

    def sign_in(self, username, source):
        """What the function answers; None if it lets nobody in."""
        event = {"username": username, "protocol": "SFTP", "serverId": self.id, "sourceIp": source}
        answer = self.client("lambda").invoke(FunctionName=self.function, Payload=json.dumps(event))
        user = json.loads(answer["Payload"].read() or b"{}")
        if answer.get("FunctionError") or not user.get("Role"):
            return None
        if len(user.get("Policy", "")) > 2048:
            raise ValueError("a session policy has 2048 characters at most")
        return user

    def open_session(self, username, user):
        """S3 with the role and the policy that the function answered."""
        taken = self.client("sts").assume_role(
            RoleArn=user["Role"], RoleSessionName=f"{username}@{self.id}"[:64], Policy=user["Policy"]
        )["Credentials"]
        names = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key"}
        session = {to: taken[name] for name, to in {**names, "SessionToken": "aws_session_token"}.items()}
        return self.client("s3", session)


def _create(logical_id, props, stack_name):
    unknown = sorted(set(props) - PLAYED)
    if unknown or props.get("Protocols") != ["SFTP"] or props.get("IdentityProviderType") != "AWS_LAMBDA":
        raise ValueError(f"This AWS::Transfer::Server is not played here: {unknown or props}")
    details = props["IdentityProviderDetails"]
    if details.get("SftpAuthenticationMethods") != "PUBLIC_KEY":
        raise ValueError("Only public keys are played here.")
    server_id = f"s-{new_uuid().replace('-', '')[:17]}"
    arn = f"arn:aws:transfer:{get_region()}:{get_account_id()}:server/{server_id}"
    with _lock:
        _servers[arn] = Server(server_id, get_account_id(), get_region(), details["Function"])
    return arn, {"Arn": arn, "ServerId": server_id, "State": "ONLINE"}


def _delete(arn, props):
    with _lock:
        server = _servers.pop(arn, None)
    if server:
        server.close()


provisioners._RESOURCE_HANDLERS["AWS::Transfer::Server"] = {"create": _create, "delete": _delete}
