"""The SSH server of transfer.py: files in S3, as AWS Transfer Family shows them.

A write is one object, which is there once the file is closed. A rename is a copy and a deletion. Folders are prefixes.
There are no links, modes and times; setting a mode or a time does nothing (`SetStatOption: ENABLE_NO_OP`).
"""

import asyncio
import json
import stat
import tempfile
import time

import asyncssh
from asyncssh import SFTPAttrs, SFTPName
from botocore.exceptions import ClientError


async def listen(server):
    return await asyncssh.listen(
        "127.0.0.1",
        server.port,
        server_factory=lambda: SignIn(server),
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        sftp_factory=Files,
        allow_scp=False,
        allow_pty=False,
        agent_forwarding=False,
        x11_forwarding=False,
        keepalive_interval=30,
    )


class SignIn(asyncssh.SSHServer):
    """Asks the function once for each connection. Sessions without SFTP and forwarded ports are refused by default."""

    def __init__(self, server):
        self.server = server
        self.user = None
        self.s3 = None

    def connection_made(self, conn):
        self.conn = conn

    async def begin_auth(self, username):
        source = self.conn.get_extra_info("peername")[0]
        self.user = await asyncio.to_thread(self.server.sign_in, username, source)
        return True

    def public_key_auth_supported(self):
        return True

    async def validate_public_key(self, username, key):
        keys = (self.user or {}).get("PublicKeys", [])
        if key.export_public_key().decode().split()[:2] not in [one.split()[:2] for one in keys]:
            return False
        folders = {one["Entry"]: one["Target"] for one in json.loads(self.user["HomeDirectoryDetails"])}
        # A client offers a key, then proves that it has it.
        self.s3 = self.s3 or await asyncio.to_thread(self.server.open_session, username, self.user)
        self.conn.set_extra_info(folders=folders, s3=self.s3)
        return True


def refusal(error):
    """The answer of SFTP to an error of S3."""
    code = error.response["Error"]["Code"]
    if code in ("NoSuchKey", "404", "NoSuchBucket"):
        return asyncssh.SFTPNoSuchFile("No such file")
    if code in ("AccessDenied", "403"):
        return asyncssh.SFTPPermissionDenied("Permission denied")
    return asyncssh.SFTPFailure(code)


def attrs_of(size=None, modified=None):
    mode = stat.S_IFDIR | 0o755 if size is None else stat.S_IFREG | 0o644
    moment = int(modified.timestamp() if modified else time.time())
    return SFTPAttrs(permissions=mode, size=size or 0, atime=moment, mtime=moment, uid=0, gid=0, nlink=1)


class Files(asyncssh.SFTPServer):
    def __init__(self, chan):
        super().__init__(chan)
        self.folders = chan.get_extra_info("folders")
        self.s3 = chan.get_extra_info("s3")

    async def call(self, operation, **request):
        try:
            return await asyncio.to_thread(getattr(self.s3, operation), **request)
        except ClientError as error:
            raise refusal(error) from None

    @staticmethod
    def path_of(path):
        """The absolute path. Nothing is above the root."""
        try:
            text = path.decode()
        except UnicodeDecodeError:
            raise asyncssh.SFTPFailure("Names are in UTF-8") from None
        parts = []
        for part in text.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in ("", "."):
                parts.append(part)
        return "/" + "/".join(parts)

    def place_of(self, path):
        """Bucket and key of a path. Outside the folders there is nothing."""
        text = self.path_of(path)
        for entry, target in self.folders.items():
            if text == entry or text.startswith(f"{entry}/"):
                bucket, _, prefix = target.lstrip("/").partition("/")
                return bucket, prefix + text[len(entry):]
        raise asyncssh.SFTPPermissionDenied("Permission denied")

    def is_entry(self, path):
        return self.path_of(path) == "/" or self.path_of(path) in self.folders

    def file_of(self, path):
        if self.is_entry(path):
            raise asyncssh.SFTPPermissionDenied("This is a folder")
        return self.place_of(path)

    def realpath(self, path):
        return self.path_of(path).encode()

    async def list(self, bucket, prefix):
        """Names below a prefix with size and time; folders have none."""
        names, more = {}, {}
        while True:
            page = await self.call("list_objects_v2", Bucket=bucket, Prefix=prefix, Delimiter="/", **more)
            for folder in page.get("CommonPrefixes", []):
                names[folder["Prefix"][len(prefix):-1]] = attrs_of()
            for one in page.get("Contents", []):
                if one["Key"] != prefix:
                    names[one["Key"][len(prefix):]] = attrs_of(one["Size"], one["LastModified"])
            if not page.get("IsTruncated"):
                return names
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def stat(self, path):
        if self.is_entry(path):
            return attrs_of()
        bucket, key = self.place_of(path)
        try:
            head = await self.call("head_object", Bucket=bucket, Key=key)
            return attrs_of(head["ContentLength"], head["LastModified"])
        except asyncssh.SFTPNoSuchFile:
            page = await self.call("list_objects_v2", Bucket=bucket, Prefix=f"{key}/", MaxKeys=1)
            if page.get("KeyCount"):
                return attrs_of()
            raise

    lstat = stat

    async def scandir(self, path):
        if self.path_of(path) == "/":
            names = {entry[1:]: attrs_of() for entry in self.folders}
        else:
            bucket, key = self.place_of(path)
            names = await self.list(bucket, f"{key}/")
            if not names and not self.is_entry(path):
                await self.stat(path)
        for name, attrs in {".": attrs_of(), "..": attrs_of(), **names}.items():
            yield SFTPName(name.encode(), attrs=attrs)

    async def open(self, path, pflags, attrs):
        bucket, key = self.file_of(path)
        if pflags & asyncssh.FXF_APPEND:
            raise asyncssh.SFTPOpUnsupported("Nothing can be appended to an object")
        file = tempfile.TemporaryFile()
        if not pflags & asyncssh.FXF_WRITE:
            body = (await self.call("get_object", Bucket=bucket, Key=key))["Body"]
            await asyncio.to_thread(lambda: [file.write(piece) for piece in body.iter_chunks(1 << 20)])
            return {"file": file}
        return {"file": file, "bucket": bucket, "key": key}

    def read(self, handle, offset, size):
        handle["file"].seek(offset)
        return handle["file"].read(size)

    def write(self, handle, offset, data):
        handle["file"].seek(offset)
        return handle["file"].write(data)

    async def close(self, handle):
        file = handle["file"]
        try:
            if "key" in handle:
                file.seek(0)
                await self.call("put_object", Bucket=handle["bucket"], Key=handle["key"], Body=file)
        finally:
            file.close()

    def fstat(self, handle):
        return attrs_of(handle["file"].seek(0, 2))

    def setstat(self, path, attrs):
        self.place_of(path)

    lsetstat = setstat

    def fsetstat(self, handle, attrs):
        return None

    def fsync(self, handle):
        return None

    async def mkdir(self, path, attrs):
        bucket, key = self.file_of(path)
        await self.call("put_object", Bucket=bucket, Key=f"{key}/", Body=b"")

    async def rmdir(self, path):
        bucket, key = self.file_of(path)
        if await self.list(bucket, f"{key}/"):
            raise asyncssh.SFTPDirNotEmpty("The folder is not empty")
        await self.call("delete_object", Bucket=bucket, Key=f"{key}/")

    async def remove(self, path):
        bucket, key = self.file_of(path)
        await self.call("head_object", Bucket=bucket, Key=key)
        await self.call("delete_object", Bucket=bucket, Key=key)

    async def posix_rename(self, oldpath, newpath):
        bucket, key = self.file_of(oldpath)
        target_bucket, target = self.file_of(newpath)
        source = {"Bucket": bucket, "Key": key}
        await self.call("copy_object", Bucket=target_bucket, Key=target, CopySource=source)
        await self.call("delete_object", **source)

    rename = posix_rename

    def unsupported(self, *args):
        raise asyncssh.SFTPOpUnsupported("S3 has none of these")

    symlink = link = readlink = statvfs = fstatvfs = lock = unlock = unsupported
