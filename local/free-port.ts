import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that Linux (32768 and above) and macOS (49152 and above) give to outgoing connections: such a connection
 * could otherwise take the port between the moment it is chosen and the moment a server listens on it, which is half a
 * minute later for the gateway and the inbox.
 */
export const SERVER_PORTS = { first: 20_000, last: 32_767 } as const;
const MAX_ATTEMPTS = 100;

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * A port of `SERVER_PORTS` on which nothing listens on 127.0.0.1. Throws when 100 ports in a row are taken.
 *
 * @param propose the port to try next; a random one by default, so that two programs rarely choose the same
 */
export async function findFreePort(
  propose = () => randomInt(SERVER_PORTS.first, SERVER_PORTS.last + 1),
): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = propose();
    if (await isFree(port)) return port;
  }
  throw new Error(
    `no free port on 127.0.0.1 between ${SERVER_PORTS.first} and ${SERVER_PORTS.last}: stop a program that listens there`,
  );
}
