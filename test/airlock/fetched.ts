import { request } from 'node:https';

/** What lies at an address that was given out. The process trusts the embedded cloud already. */
export const fetched = (url: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const call = request(url, answer => {
      const parts: Buffer[] = [];
      answer.on('data', part => parts.push(part));
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(Buffer.concat(parts));
        else reject(new Error(`${answer.statusCode}: ${Buffer.concat(parts)}`));
      });
    });
    call.on('error', reject);
    call.end();
  });
