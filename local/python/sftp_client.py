"""A small SFTP client, for machines without OpenSSH's: `sftp_client.py <host> <port> <user> <key file>`.

It takes the same commands on its standard input that `sftp -b -` does, as far as the story and the tests use them, and
ends with 1 at the first that fails.
"""

import asyncio
import shlex
import sys

import asyncssh


async def play(client, words):
    command, *rest = [word for word in words if not word.startswith("-")]
    if command == "ls":
        for name in sorted(await client.listdir(*rest)):
            if name not in (".", ".."):
                print(name)
    elif command == "put":
        await client.put(rest[0], rest[1] if len(rest) > 1 else None)
    elif command == "get":
        await client.get(rest[0], rest[1] if len(rest) > 1 else None)
    elif command == "rename":
        await client.posix_rename(*rest)
    elif command == "cd":
        await client.chdir(rest[0])
    elif command == "chmod":
        await client.chmod(rest[1], int(rest[0], 8))
    elif command == "symlink":
        await client.symlink(*rest)
    elif command in ("rm", "mkdir", "rmdir"):
        await getattr(client, {"rm": "remove"}.get(command, command))(rest[0])
    else:
        raise ValueError(f"{command} is not known")


async def main(host, port, user, key):
    async with asyncssh.connect(host, int(port), username=user, client_keys=[key], known_hosts=None) as connection:
        async with connection.start_sftp_client() as client:
            for line in sys.stdin:
                if line.strip():
                    await play(client, shlex.split(line))


try:
    asyncio.run(main(*sys.argv[1:]))
except (asyncssh.Error, OSError, ValueError) as error:
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(1)
