import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { timeAfter } from '../clock.ts';
import type { Desktop, WorkspaceIn } from './schemas.ts';

/** Guacamole's `json-secret-key`: 128 bits as 32 hexadecimal digits. */
const keyOf = (hex: string): Buffer => {
  if (!/^[0-9a-fA-F]{32}$/.test(hex)) throw new Error("the gateway's key is not 32 hexadecimal digits");
  return Buffer.from(hex, 'hex');
};

/**
 * Signs and encrypts as Guacamole's `auth-json` expects it: base64(AES-128-CBC(key, iv 0, HMAC-SHA256(key, json) + json)).
 * The zero vector is the format's; the signature in front of the text stands in for it.
 */
export function encodeAuthJson(json: string, key: string): string {
  const secret = keyOf(key);
  const text = Buffer.from(json, 'utf8');
  const signature = createHmac('sha256', secret).update(text).digest();
  const cipher = createCipheriv('aes-128-cbc', secret, Buffer.alloc(16));
  return Buffer.concat([cipher.update(signature), cipher.update(text), cipher.final()]).toString('base64');
}

const ports: Record<Desktop['protocol'], string> = { rdp: '3389', vnc: '5901' };

/**
 * Nothing crosses the gateway but pictures, keys and the mouse. Every parameter of guacd that could carry data is off by
 * name, whatever its default: sound alone is a lossless channel into the browser. The complete lists of parameters are
 * GUAC_RDP_CLIENT_ARGS and GUAC_VNC_CLIENT_ARGS in guacamole-server's settings.c; a test compares them.
 */
const everyProtocol = {
  'disable-copy': 'true',
  'disable-paste': 'true',
  'enable-sftp': 'false',
  'sftp-disable-download': 'true',
  'sftp-disable-upload': 'true',
  'wol-send-packet': 'false',
} as const;
const closed: Record<Desktop['protocol'], Record<string, string>> = {
  rdp: {
    ...everyProtocol,
    'disable-audio': 'true',
    'console-audio': 'false',
    'enable-audio-input': 'false',
    'enable-drive': 'false',
    'disable-upload': 'true',
    'disable-download': 'true',
    'enable-printing': 'false',
    'static-channels': '',
  },
  vnc: { ...everyProtocol, 'enable-audio': 'false', 'reverse-connect': 'false' },
};

/** The desktop's own account, as the images make it. */
const DESKTOP_ACCOUNT = 'researcher';

export interface DesktopLinkInput {
  readonly workspace: WorkspaceIn<'ready'>;
  /** The desktop's password, decrypted. */
  readonly password: string;
  readonly user: string;
  readonly gateway: string;
  readonly key: string;
  readonly seconds: number;
}

/** A link into one desktop, for one person, once, within a minute; `sha256` is all that may be kept of it. */
export function mintDesktopLink(
  { workspace, password, user, gateway, key, seconds }: DesktopLinkInput,
  now: string,
): { url: string; expires: string; sha256: string } {
  const expires = timeAfter(now, Math.min(seconds, 60));
  const { protocol } = workspace.desktop;
  const data = encodeAuthJson(
    JSON.stringify({
      username: user,
      expires: Date.parse(expires),
      singleUse: true,
      connections: {
        [`${workspace.project} ${workspace.id}`]: {
          protocol,
          parameters: {
            hostname: workspace.address,
            port: ports[protocol],
            ...(protocol === 'rdp' && {
              username: DESKTOP_ACCOUNT,
              // Desktops sign their own certificates; the way to them is ours, address by address.
              'ignore-cert': 'true',
            }),
            password,
            ...closed[protocol],
          },
        },
      },
    }),
    key,
  );
  const url = `${gateway.replace(/\/+$/, '')}/?data=${encodeURIComponent(data)}`;
  return { url, expires, sha256: createHash('sha256').update(data).digest('hex') };
}
