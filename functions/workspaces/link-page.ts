import { createHash } from 'node:crypto';

/**
 * The program of the page that a link opens. What the link carries stands behind the `#` of its address, which browsers send
 * to no server: the page posts it as a form. A link is signed with each key that the gateway may have while keys change,
 * and the gateway takes one of the texts. The token goes where Guacamole's own page looks for it; another desktop's token
 * that was there is forgotten. A desktop that Amazon DCV shows has a page of its own.
 */
const program = `(async () => {
  const link = new URLSearchParams(location.hash.slice(1));
  history.replaceState(null, '', location.pathname);
  for (const data of link.getAll('data')) {
    const answer = await fetch('/desktop/api/tokens', { method: 'POST', body: new URLSearchParams({ data }) });
    if (!answer.ok) continue;
    const { authToken } = await answer.json();
    localStorage.setItem('GUAC_AUTH_TOKEN', JSON.stringify(authToken));
    return location.replace('/desktop/');
  }
  for (const pass of link.getAll('pass')) {
    const answer = await fetch('/dcv/open', { method: 'POST', body: new URLSearchParams({ pass }) });
    if (answer.ok) return location.replace((await answer.json()).place);
  }
  document.querySelector('p').textContent = 'This link was used before, or it is too old. Get another one: broch workspace open';
})();`;

/** The page at \`/enter\` of the gateway's address. It holds nothing of anybody. */
export const linkPage = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Broch</title><p>Your desktop opens.</p><script>${program}</script></html>`;

/** Only that one program runs on the page, and it talks to nobody but the gateway. */
export const linkPageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'content-security-policy': `default-src 'none'; script-src 'sha256-${createHash('sha256').update(program).digest('base64')}'; connect-src 'self'; frame-ancestors 'none'`,
} as const;
