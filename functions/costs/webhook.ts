export type Webhook = { readonly url: URL } | { readonly reason: string };

const connectors = [/(^|\.)webhook\.office\.com$/, /^outlook\.office(365)?\.com$/];
const howTo =
  "In Teams, add the workflow 'Post to a channel when a webhook request is received', and put the address it shows into the secret.";

/**
 * May the card be posted there? The address is a secret (its `sig` is all a poster needs), so reasons name the host at
 * most. Only hosts on the list are ever asked, as a wrong address would hand the organisation's spending to a stranger or
 * let the function knock on doors inside the network.
 */
export function parseWebhook(value: string | undefined, hosts: readonly string[]): Webhook {
  const text = value?.trim() ?? '';
  if (text === '') return { reason: `There is no webhook address yet. ${howTo} Then: broch cost report.` };
  // What URL parsers quietly repair is refused: backslashes, inner blanks, control characters, names in other scripts.
  if (!/^[\x21-\x7e]{1,2048}$/.test(text) || /[\\"<>^`{|}]/.test(text) || !URL.canParse(text))
    return { reason: `The webhook address in the secret is not a URL. ${howTo}` };
  const url = new URL(text);
  if (url.protocol !== 'https:') return { reason: 'The webhook address must start with https://.' };
  const authority = /^https:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  if (authority.includes('@')) return { reason: 'The webhook address may not hold a user name or password.' };
  const host = url.hostname;
  // 0x7f.1, 2130706433 and %31 all parse to an address they do not show.
  if (authority.replace(/:\d*$/, '').toLowerCase() !== host)
    return { reason: 'The host in the webhook address is not written plainly.' };
  if (connectors.some(pattern => pattern.test(host)))
    return { reason: `Office 365 connectors (${host}) are retired; what is posted there gets lost. ${howTo}` };
  const exact = hosts.includes(host);
  if (!exact && !hosts.some(pattern => pattern.startsWith('*.') && host.endsWith(pattern.slice(1)) && named(host)))
    return { reason: `The host ${host.slice(0, 100)} is not one that cards may be posted to (costs.webhookHosts).` };
  if (!exact && url.port !== '') return { reason: 'The webhook address may not name a port.' };
  return { url };
}

/** A host of plain labels: no IP address, no empty label, no dot at the end. */
const named = (host: string): boolean =>
  /^([a-z0-9_]([a-z0-9_-]*[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$/.test(host) && host.length <= 253;
