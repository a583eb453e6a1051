export type Webhook = { readonly url: URL } | { readonly reason: string };

const connectors = [/(^|\.)webhook\.office\.com$/, /^outlook\.office(365)?\.com$/];
const howTo =
  "In Teams, add the workflow 'Post to a channel when a webhook request is received', and put its address into the secret.";

/**
 * Checks the address for cards. The address is a secret (anyone who knows its `sig` can post), so reasons name at most
 * the host. Only listed hosts are called: a wrong address would send the organisation's costs to a stranger, or let the
 * function reach hosts inside the network.
 */
export function parseWebhook(value: string | undefined, hosts: readonly string[]): Webhook {
  const text = value?.trim() ?? '';
  if (text === '') return { reason: `There is no webhook address yet. ${howTo} Then: broch cost report.` };
  // Refuse what URL parsers silently repair: backslashes, inner blanks, control characters, names in other scripts.
  if (!/^[\x21-\x7e]{1,2048}$/.test(text) || /[\\"<>^`{|}]/.test(text) || !URL.canParse(text))
    return { reason: `The webhook address in the secret is not a URL. ${howTo}` };
  const url = new URL(text);
  if (url.protocol !== 'https:') return { reason: 'The webhook address must start with https://.' };
  const authority = /^https:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  if (authority.includes('@')) return { reason: 'The webhook address must not contain a user name or password.' };
  const host = url.hostname;
  // 0x7f.1, 2130706433 and %31 all parse to a different address than they show.
  if (authority.replace(/:\d*$/, '').toLowerCase() !== host)
    return { reason: 'The host in the webhook address must be a plain name.' };
  if (connectors.some(pattern => pattern.test(host)))
    return { reason: `Office 365 connectors (${host}) are retired and lose messages. ${howTo}` };
  const exact = hosts.includes(host);
  if (
    !exact &&
    !hosts.some(pattern => pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && isPlainName(host))
  )
    return { reason: `The host ${host.slice(0, 100)} is not in the list of allowed hosts (costs.webhookHosts).` };
  if (!exact && url.port !== '') return { reason: 'The webhook address must not contain a port.' };
  return { url };
}

/** Whether a host consists of plain labels: no IP address, no empty label, no final dot. */
const isPlainName = (host: string): boolean =>
  /^([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$/.test(host) && host.length <= 253;
