import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { findFreePort, SERVER_PORTS } from '../../local/free-port.ts';

/** Runs `body` while a server listens on a free port. */
async function whilePortIsTaken(body: (port: number) => Promise<void>) {
  const port = await findFreePort();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  try {
    await body(port);
  } finally {
    server.close();
  }
}

describe('a free port', () => {
  it('is never one that the system gives to outgoing connections', async () => {
    for (let count = 0; count < 50; count++) {
      const port = await findFreePort();
      expect(port).toBeGreaterThanOrEqual(SERVER_PORTS.first);
      expect(port).toBeLessThanOrEqual(SERVER_PORTS.last);
    }
    expect(SERVER_PORTS.last).toBeLessThan(32_768);
  });

  it('is not one on which another program listens', () =>
    whilePortIsTaken(async port => {
      const proposals = [port, port, port === SERVER_PORTS.first ? port + 1 : port - 1];
      expect(await findFreePort(() => proposals.shift() ?? 0)).not.toBe(port);
    }));

  it('cannot be found when every port is taken, and the error names the remedy', () =>
    whilePortIsTaken(port =>
      expect(findFreePort(() => port)).rejects.toThrow(
        'no free port on 127.0.0.1 between 20000 and 32767: stop a program that listens there',
      ),
    ));
});
