import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { timeAfter } from '../clock.ts';
import { mintDcvPasses } from './dcv-link.ts';
import { chooseProtocol, desktopPorts, type GpuProtocol } from './kinds.ts';
import type { DesktopProtocol, WorkspaceIn } from './schemas.ts';

/** The `json-secret-key` of Guacamole: 128 bits as 32 hexadecimal digits. */
const keyOf = (hex: string): Buffer => {
  if (!/^[0-9a-fA-F]{32}$/.test(hex)) throw new Error("the gateway's key is not 32 hexadecimal digits");
  return Buffer.from(hex, 'hex');
};

/**
 * Signs and encrypts for Guacamole's `auth-json`: base64(AES-128-CBC(key, iv 0, HMAC-SHA256(key, json) + json)). The
 * format requires the zero vector; the leading signature makes each text differ from its first block on.
 */
export function encodeAuthJson(json: string, key: string): string {
  const secret = keyOf(key);
  const text = Buffer.from(json, 'utf8');
  const signature = createHmac('sha256', secret).update(text).digest();
  const cipher = createCipheriv('aes-128-cbc', secret, Buffer.alloc(16));
  return Buffer.concat([cipher.update(signature), cipher.update(text), cipher.final()]).toString('base64');
}

/**
 * Only the picture, keyboard and mouse cross the gateway. Every parameter of guacd that could carry data, run a program or
 * lead to another machine is set by name, whatever its default: even sound is a lossless channel into the browser. The
 * complete lists are GUAC_RDP_CLIENT_ARGS and GUAC_VNC_CLIENT_ARGS in guacamole-server's settings.c. A test compares them:
 * each parameter is set here, or it is known why not.
 */
const everyProtocol = {
  'read-only': 'false',
  'disable-copy': 'true',
  'disable-paste': 'true',
  'enable-sftp': 'false',
  'sftp-disable-download': 'true',
  'sftp-disable-upload': 'true',
  'wol-send-packet': 'false',
} as const;
const closed: Record<Exclude<DesktopProtocol, 'dcv'>, Record<string, string>> = {
  rdp: {
    ...everyProtocol,
    // Windows signs in before it shows anything, xrdp by TLS.
    security: 'any',
    'disable-auth': 'false',
    'cert-tofu': 'false',
    console: 'false',
    'initial-program': '',
    'remote-app': '',
    'disable-audio': 'true',
    'console-audio': 'false',
    'enable-audio-input': 'false',
    'enable-touch': 'false',
    'enable-drive': 'false',
    'create-drive-path': 'false',
    'disable-upload': 'true',
    'disable-download': 'true',
    'enable-printing': 'false',
    'static-channels': '',
    'gateway-hostname': '',
    'load-balance-info': '',
    'preconnection-id': '',
    'preconnection-blob': '',
  },
  vnc: { ...everyProtocol, 'enable-audio': 'false', 'reverse-connect': 'false', 'dest-host': '' },
};

/** The picture and the mouse are recorded, and never the keys: they would be passwords too. The gateway keeps the file. */
const recordingOf = ({ project, id }: WorkspaceIn<'ready'>, now: string): Record<string, string> => ({
  'recording-path': '/recordings',
  'recording-name': `${project}.${id}.${now.replaceAll(/[^0-9TZ]/g, '')}`,
  'recording-exclude-output': 'false',
  'recording-exclude-mouse': 'false',
  'recording-include-keys': 'false',
  'recording-write-existing': 'false',
  'create-recording-path': 'false',
});

/** The account that the images create on a desktop. */
const DESKTOP_ACCOUNT = 'researcher';

export interface DesktopLinkInput {
  readonly workspace: WorkspaceIn<'ready'>;
  /** The decrypted password of the desktop. */
  readonly password: string;
  readonly user: string;
  readonly gateway: string;
  /** Every key that the gateway may have now: while keys change, it takes the new one some minutes later. */
  readonly keys: readonly string[];
  /** Whether the gateway records the session. */
  readonly recording?: boolean;
  readonly gpuProtocol?: GpuProtocol;
  readonly seconds: number;
}

/** The connection as Guacamole reads it, signed with each key. */
function mintGuacamoleTexts(
  { workspace, password, user, keys, recording = false }: DesktopLinkInput,
  protocol: Exclude<DesktopProtocol, 'dcv'>,
  expires: number,
  now: string,
): string[] {
  const json = JSON.stringify({
    username: user,
    expires,
    singleUse: true,
    connections: {
      [`${workspace.project} ${workspace.id}`]: {
        protocol,
        parameters: {
          hostname: workspace.address,
          port: String(desktopPorts[protocol]),
          ...(protocol === 'rdp' && {
            username: DESKTOP_ACCOUNT,
            // Desktops have self-signed certificates. Security groups limit the connection to this one address.
            'ignore-cert': 'true',
          }),
          password,
          ...closed[protocol],
          ...(recording && recordingOf(workspace, now)),
        },
      },
    },
  });
  return keys.map(key => encodeAuthJson(json, key));
}

/** A link that opens one desktop for one person, once, within a minute. Only its `sha256` may be stored. */
export function mintDesktopLink(
  input: DesktopLinkInput,
  now: string,
): { url: string; expires: string; sha256: string } {
  const { workspace, password, gateway, keys, recording = false, gpuProtocol = 'rdp', seconds } = input;
  const expires = timeAfter(now, Math.min(seconds, 60));
  const deadline = Date.parse(expires);
  const protocol = chooseProtocol(workspace, gpuProtocol, recording);
  const { id, instanceId: instance, address, owner: person } = workspace;
  const texts =
    protocol === 'dcv'
      ? mintDcvPasses({ workspace: id, instance, address, person, password, expires: deadline }, keys)
      : mintGuacamoleTexts(input, protocol, deadline, now);
  if (texts.length === 0) throw new Error('the gateway has no key');
  // Behind the `#`, which browsers send to no server, so that it is in no log: the page posts it as a form.
  const field = protocol === 'dcv' ? 'pass' : 'data';
  const url = `${gateway}#${new URLSearchParams(texts.map(text => [field, text]))}`;
  return {
    url,
    expires,
    sha256: createHash('sha256')
      .update(texts[0] ?? '')
      .digest('hex'),
  };
}
