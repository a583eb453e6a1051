import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWebhook } from '../../functions/costs/webhook.ts';
import { sampleRuns } from '../trials.ts';

const hosts = ['*.environment.api.powerplatform.com', '*.logic.azure.com', '*.api.powerautomate.com'];
const path = '/powerautomate/automations/direct/workflows/0a1b/triggers/manual/paths/invoke?api-version=1&sig=s3cret';

describe('a valid webhook address', () => {
  it.each([
    `https://default0a.1b.environment.api.powerplatform.com${path}`,
    `https://prod-12.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=s3cret`,
    `  https://PROD-12.westeurope.logic.azure.com/workflows/x?sig=s3cret\n`,
  ])('accepts the webhook address %s', url => expect(parseWebhook(url, hosts)).toHaveProperty('url'));

  it('accepts any port of a host that the list names in full', () =>
    expect(parseWebhook('https://127.0.0.1:8443/workflows/x?sig=s3cret', ['127.0.0.1'])).toHaveProperty('url'));
});

describe('an invalid webhook address', () => {
  it.each([
    [undefined, 'There is no webhook address yet'],
    ['  ', 'There is no webhook address yet'],
    ['not a url', 'is not a URL'],
    [`http://x.logic.azure.com${path}`, 'must start with https'],
    [`ftp://x.logic.azure.com${path}`, 'must start with https'],
    [
      'https://contoso.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4',
      'Post to a channel when a webhook request',
    ],
    ['https://outlook.office.com/webhook/1@2/IncomingWebhook/3/4', 'Office 365 connectors'],
    [`https://logic.azure.com${path}`, 'is not in the list of allowed hosts'],
    [`https://evil.example${path}`, 'evil.example is not in the list'],
    [`https://x.logic.azure.com.evil.example${path}`, 'is not in the list'],
    [`https://xlogic.azure.com${path}`, 'is not in the list'],
    [`https://x.logic.azure.com.${path}`, 'is not in the list'],
    [`https://x.logic.azure.com:8443${path}`, 'must not contain a port'],
    [`https://x.logic.azure.com@evil.example${path}`, 'user name'],
    [`https://me:pw@x.logic.azure.com${path}`, 'user name'],
    [`https://evil.example\\.logic.azure.com${path}`, 'is not a URL'],
    [`https://evil.example#.logic.azure.com${path}`, 'is not in the list'],
    [`https://x.logic.azure.com\t${path}`, 'is not a URL'],
    [`https:/x.logic.azure.com${path}`, 'must be a plain name'],
    [`https://x%2elogic.azure.com${path}`, 'must be a plain name'],
    [`https://ｘ.logic.azure.com${path}`, 'is not a URL'],
    [`https://127.0.0.1${path}`, 'is not in the list'],
    [`https://169.254.169.254/latest/meta-data`, 'is not in the list'],
    [`https://2852039166/`, 'must be a plain name'],
    [`https://0x7f.1/`, 'must be a plain name'],
    [`https://[::1]/`, 'is not in the list'],
    [`https://[::ffff:127.0.0.1]/`, 'must be a plain name'],
    [`https://x.logic.azure.com/${'a'.repeat(3000)}`, 'is not a URL'],
  ])('refuses the webhook address %s: %s', (url, reason) =>
    expect(parseWebhook(url, hosts)).toEqual({ reason: expect.stringContaining(reason) }),
  );

  it('refuses other spellings of 127.0.0.1 even if the list has it', () => {
    for (const host of ['0x7f000001', '2130706433', '127.1', '0177.0.0.1'])
      expect(parseWebhook(`https://${host}/x`, ['127.0.0.1'])).toHaveProperty('reason');
  });
});

describe('any webhook address', () => {
  const part = fc.oneof(
    fc.webUrl(),
    fc.string({ maxLength: 60 }),
    fc.constantFrom('https://', '@', ...hosts, '.', ':443/', '\\'),
  );
  const address = fc.array(part, { maxLength: 5 }).map(parts => parts.join(''));
  it('accepts only listed hosts over TLS, and keeps the secret part out of the reason', () => {
    fc.assert(
      fc.property(address, text => {
        const result = parseWebhook(`${text}/?sig=s3cret-signature`, hosts);
        if ('reason' in result) expect(result.reason).not.toContain('s3cret');
        else {
          expect(result.url.protocol).toBe('https:');
          expect(result.url.username + result.url.password + result.url.port).toBe('');
          expect(hosts.some(host => result.url.hostname.endsWith(host.slice(1)))).toBe(true);
        }
      }),
      { numRuns: sampleRuns(2000) },
    );
  });
});
