import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer } from 'node:net';
import { zipSync } from 'fflate';

/**
 * What stands around a desktop, each at its own address in a network of the rehearsal: the metadata service, the package
 * mirror, a package source on the internet. Started with `outside` and the settings as JSON.
 * With `inside` it passes the connections of one port on to the embedded cloud, through a socket.
 */
export interface SurroundingsSettings {
  readonly instance: string;
  readonly region: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly credentials: { readonly AccessKeyId: string; readonly SecretAccessKey: string; readonly Token: string };
}

export const surroundingAddresses = {
  gateway: '10.64.0.1',
  desktop: '10.64.0.2',
  mirror: '10.64.0.10',
  metadata: '169.254.169.254',
  internet: '203.0.113.10',
} as const;

const answer = (response: ServerResponse, status: number, body: string | Uint8Array = '', type = 'text/plain') => {
  response.writeHead(status, { 'content-type': type });
  response.end(body);
};

/** Version 2 of the metadata service: without a session it tells nothing. */
function serveMetadata({ instance, region, tags, credentials }: SurroundingsSettings) {
  const session = 'rehearsal-session';
  const role = { Code: 'Success', Type: 'AWS-HMAC', LastUpdated: new Date().toISOString() };
  const expires = new Date(Date.now() + 3_600_000).toISOString();
  const values: Record<string, string> = {
    'instance-id': instance,
    'placement/region': region,
    'placement/availability-zone': `${region}a`,
    'iam/security-credentials/': 'rehearsal',
    'iam/security-credentials/rehearsal': JSON.stringify({ ...role, ...credentials, Expiration: expires }),
    ...Object.fromEntries(Object.entries(tags).map(([name, value]) => [`tags/instance/${name}`, value])),
  };
  return ({ method, url = '', headers }: IncomingMessage, response: ServerResponse) => {
    if (method === 'PUT' && url === '/latest/api/token') return answer(response, 200, session);
    if (headers['x-aws-ec2-metadata-token'] !== session) return answer(response, 401);
    const value = values[decodeURIComponent(url.replace(/^\/latest\/meta-data\//, ''))];
    return value === undefined ? answer(response, 404) : answer(response, 200, value);
  };
}

const wheel = 'broch_sample-1.0-py3-none-any.whl';
const text = (lines: string) => new TextEncoder().encode(lines);

/** A package index with one package, enough for pip. */
function servePackages() {
  const file = zipSync({
    'broch_sample.py': text('answer = 42\n'),
    'broch_sample-1.0.dist-info/METADATA': text('Metadata-Version: 2.1\nName: broch-sample\nVersion: 1.0\n'),
    'broch_sample-1.0.dist-info/WHEEL': text('Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
    'broch_sample-1.0.dist-info/RECORD': text(''),
  });
  return ({ url = '' }: IncomingMessage, response: ServerResponse) => {
    if (url.endsWith('/simple/broch-sample/'))
      return answer(response, 200, `<a href="/${wheel}">${wheel}</a>`, 'text/html');
    return url === `/${wheel}` ? answer(response, 200, file, 'application/zip') : answer(response, 404);
  };
}

const [role, ...parameters] = process.argv.slice(2);
if (role === 'outside') {
  const settings = JSON.parse(parameters[0] ?? '{}') as SurroundingsSettings;
  createHttpServer(serveMetadata(settings)).listen(80, surroundingAddresses.metadata);
  for (const address of [surroundingAddresses.mirror, surroundingAddresses.internet])
    createHttpServer(servePackages()).listen(80, address);
} else if (role === 'inside') {
  const [port, socket = ''] = parameters;
  createServer(client => {
    const cloud = connect(socket);
    for (const [source, target] of [
      [client, cloud],
      [cloud, client],
    ] as const)
      source.on('error', () => target.destroy()).on('close', () => target.destroy());
    client.pipe(cloud).pipe(client);
  }).listen(Number(port), '127.0.0.1');
}
