import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAuthJson, mintDesktopLink } from '../../functions/workspaces/link.ts';
import type { WorkspaceIn } from '../../functions/workspaces/schemas.ts';
import { checkGatewayLink, type UserData } from '../../local/gateway.ts';
import { closedParameters, guacdParameters, omittedParameters } from './gateway-parameters.ts';

const key = '4C0B569E4C96DF157EEE1B65DD0E4D41';
const now = '2026-11-20T09:00:00.000Z';
const workspace: WorkspaceIn<'ready'> = {
  status: 'ready',
  id: 'ws-00112233aabb',
  project: 'asthma',
  owner: 'sub-rana',
  ownerName: 'rana',
  kind: 'desktop',
  size: 'small',
  requestedAt: now,
  attempt: 1,
  attemptedAt: now,
  instanceId: 'i-0123456789abcdef0',
  address: '10.64.0.9',
  imageId: 'ami-1',
  readyAt: now,
  desktop: { protocol: 'rdp', password: 'ciphertext', reportedAt: now },
};
const opening = {
  workspace,
  password: 'correct horse battery',
  user: 'rana',
  gateway: 'https://desk.example.org/enter',
  keys: [key],
};

/** The example of Guacamole's own manual, byte for byte. */
const published = {
  json: `{
  "username" : "test",
  "expires" : "1446323765000",
  "connections" : {
    "My Connection" : {
      "protocol" : "rdp",
      "parameters" : {
        "hostname" : "10.10.209.63",
        "port" : "3389",
        "ignore-cert": "true",
        "recording-path": "/recordings",
        "recording-name": "My-Connection-\${GUAC_USERNAME}-\${GUAC_DATE}-\${GUAC_TIME}"
      }
    },
    "My OTHER Connection" : {
      "protocol" : "rdp",
      "parameters" : {
        "hostname" : "10.10.209.64",
        "port" : "3389",
        "ignore-cert": "true",
        "recording-path": "/recordings",
        "recording-name": "My-OTHER-Connection-\${GUAC_USERNAME}-\${GUAC_DATE}-\${GUAC_TIME}"
      }
    }
  }
}`,
  data: `
    A2Pf5Kpmm97I2DT1PifIrfU6q3yzoGcIbNXEd60WNangT8DAVjAl6luaqwhBJnCK
    uqcf9ZZlRo3uDxTHvUM3eq1YvdghL0GbosOn8Mn38j2ydOMk+Cd15a8ggb4/ddt/
    yIBK4DxrN7MNbouZ091KYtXC6m20E6sGzLy676BlMSg1cmsENRIihOynsSLSCvo0
    diif6H7T+ZuIqF7B5SW+adGfMaHlfknlIvSpLGHhrIP4aMYE/ZU2vYNg8ez27sCS
    wDBWu5lERtfCYFyU4ysjRU5Hyov+yKa+O7jcRYpw3N+fHbCg7/dxVNW07qNOKssv
    pzUciGvDPUCPpa02WmPJNEBowwQireO1952/MNAI77cW2UepbljD/bwOiZl2THJz
    LrENo7K5acimBa+EjWEesgn7lx/WTCF3zxR6TH1CWrQM8Et1aUK1Nf8K11xEQbTy
    klyaNtCmTfyahRZ/fUPxDNrdJVpPOSELkf7RJO5tOdK/FFIFIbze3ZUyXgRq+pHY
    owpgOmudDBTBlxhXiONdutRI/RZbFM/7GBMdmI8AR/401OCV3nsI4jLhukjMXH3V
    f3pQg+xKMhi/QExHhDk8VTNYk7GurK4vgehn7HQ0oSGh8pGcmxB6W43cz+hyn6VQ
    On6i90cSnIhRO8SysZt332LwJCDm7I+lBLaI8NVHU6bnAY1Axx5oH3YTKc4qzHls
    HEAFYLkD6aHMvHkF3b798CMravjxiJV3m7hsXDbaFN6AFhn8GIkMRRrjuevfZ+q9
    enWN14s24vt5OVg69DljzALobUNKUXFx69SR8EpSBvUcKq8s/OgbDpFvKbwsDY57
    HGT4T0CuRIA0TGUI075uerKBNApVhuBA1BmWJIrI4JXw5MuX6pdBe+MYccO3vfo+
    /frazj8rHdkDa/IbueMbvq+1ozV2+UuxrbaTrV2i4jSRgd74U0QzOh9e8Q0i7vOi
    l3hnIfOfg+v1oULmZmJSeiAYWxeGvPptp+n7rNFqHGM=`.replaceAll(/\s/g, ''),
};

/** The same format by Python's hmac and the cryptography package. */
const pythonScript = `
import base64, hmac, sys
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
key = bytes.fromhex(sys.argv[1])
for text in sys.argv[2:]:
    signed = hmac.digest(key, text.encode(), "sha256") + text.encode()
    padder = padding.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    print(base64.b64encode(encryptor.update(padder.update(signed) + padder.finalize()) + encryptor.finalize()).decode())
`;

import { sampleRuns } from '../trials.ts';

const textsOf = (url: string) => new URLSearchParams(new URL(url).hash.slice(1)).getAll('data');
const read = (url: string, timestamp = now): UserData => {
  const verdict = checkGatewayLink(textsOf(url)[0] ?? '', key, Date.parse(timestamp), new Map());
  if (!verdict.ok) throw new Error(verdict.reason);
  return verdict.data;
};

describe('the encryption of a link', () => {
  it("gives the published example's text", () => {
    expect(encodeAuthJson(published.json, key)).toBe(published.data);
    expect(encodeAuthJson(published.json, key.toLowerCase())).toBe(published.data);
  });

  it('agrees with another implementation', () => {
    const texts = ['{}', '{"a":"ü€😀"}', `{"a":"${'x'.repeat(5000)}"}`, ' '.repeat(15), ' '.repeat(16)];
    const python = join(import.meta.dirname, '../../.venv/bin/python');
    const output = execFileSync(python, ['-c', pythonScript, key, ...texts], { encoding: 'utf8' });
    expect(texts.map(text => encodeAuthJson(text, key))).toEqual(output.trimEnd().split('\n'));
  });

  it.each(['', 'abc', key.slice(1), `${key}00`, 'g'.repeat(32)])('takes no other key than 128 bits: %j', wrong => {
    expect(() => encodeAuthJson('{}', wrong)).toThrow(/32 hexadecimal digits/);
  });
});

describe('a link', () => {
  it('opens one desktop, for one person, once, for a minute', () => {
    const { url, expires } = mintDesktopLink({ ...opening, seconds: 60 }, now);
    // Nothing of it is in front of the `#`, so no server and no log gets to see it.
    expect(url).toMatch(/^https:\/\/desk\.example\.org\/enter#data=[A-Za-z0-9%]+$/);
    expect(expires).toBe('2026-11-20T09:01:00.000Z');
    const data = read(url);
    expect(data).toMatchObject({ username: 'rana', singleUse: true, expires: Date.parse(expires) });
    expect(Object.keys(data.connections)).toEqual(['asthma ws-00112233aabb']);
  });

  it.each([
    ['rdp', '3389', 'researcher'],
    ['vnc', '5901', undefined],
  ] as const)('leaves nothing open but the screen: %s', (protocol, port, username) => {
    const desktop = { ...workspace.desktop, protocol };
    const data = read(mintDesktopLink({ ...opening, workspace: { ...workspace, desktop }, seconds: 60 }, now).url);
    const [connection] = Object.values(data.connections);
    expect(connection).toMatchObject({ protocol, parameters: { hostname: '10.64.0.9', port } });
    const { parameters = {} } = connection ?? {};
    expect(parameters.username).toBe(username);
    const { hostname: _, port: __, username: ___, password: ____, 'ignore-cert': _____, ...closed } = parameters;
    expect(closed).toEqual(closedParameters[protocol]);
    // Every other parameter that guacd knows is left out for a reason.
    const omittedNames = Object.values(omittedParameters).flat();
    expect(guacdParameters[protocol].filter(name => !(name in parameters) && !omittedNames.includes(name))).toEqual(
      protocol === 'vnc' ? ['username'] : [],
    );
    expect(Object.keys(parameters).filter(name => omittedNames.includes(name))).toEqual([]);
    expect(Object.keys(parameters).filter(name => !guacdParameters[protocol].includes(name as never))).toEqual([]);
  });

  it('says where the session is recorded, and that keys are not, if the tier of the project asks for it', () => {
    const parametersOf = (recording: boolean) =>
      Object.values(read(mintDesktopLink({ ...opening, recording, seconds: 60 }, now).url).connections)[0]?.parameters;
    expect(Object.keys(parametersOf(false) ?? {}).filter(name => /record/.test(name))).toEqual([]);
    expect(parametersOf(true)).toMatchObject({
      'recording-path': '/recordings',
      'recording-name': 'asthma.ws-00112233aabb.20261120T090000000Z',
      'recording-include-keys': 'false',
    });
  });

  it('never lives longer than a minute, whatever is configured', () => {
    expect(mintDesktopLink({ ...opening, seconds: 86_400 }, now).expires).toBe('2026-11-20T09:01:00.000Z');
  });

  it('is recorded by its hash only', () => {
    const { url, sha256 } = mintDesktopLink({ ...opening, seconds: 60 }, now);
    const data = textsOf(url)[0] ?? '';
    expect(sha256).toBe(createHash('sha256').update(data).digest('hex'));
  });

  it('carries any name and password unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[\x20-\x7e]{12,128}$/), (user, password) => {
        const data = read(mintDesktopLink({ ...opening, user, password, seconds: 60 }, now).url);
        expect(data.username).toBe(user);
        expect(Object.values(data.connections)[0]?.parameters.password).toBe(password);
      }),
    );
  });

  it('opens nothing when any bit is changed', () => {
    const data = textsOf(mintDesktopLink({ ...opening, seconds: 60 }, now).url)[0] ?? '';
    const bytes = Buffer.from(data, 'base64');
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), bit => {
        const changedBytes = Buffer.from(bytes);
        changedBytes.writeUInt8(changedBytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(checkGatewayLink(changedBytes.toString('base64'), key, Date.parse(now), new Map()).ok).toBe(false);
      }),
      { numRuns: sampleRuns(500) },
    );
  });
});

describe('while the key changes', () => {
  const nextKey = 'f'.repeat(32);

  it('a link is good for the key of before and for the new one', () => {
    const texts = textsOf(mintDesktopLink({ ...opening, keys: [nextKey, key], seconds: 60 }, now).url);
    for (const [number, secret] of [nextKey, key].entries()) {
      const verdicts = texts.map(data => checkGatewayLink(data, secret, Date.parse(now), new Map()).ok);
      expect(verdicts).toEqual([0, 1].map(position => position === number));
    }
  });

  it('a key that was replaced twice opens nothing', () => {
    const texts = textsOf(mintDesktopLink({ ...opening, keys: [nextKey, 'e'.repeat(32)], seconds: 60 }, now).url);
    expect(texts.some(data => checkGatewayLink(data, key, Date.parse(now), new Map()).ok)).toBe(false);
  });
});
