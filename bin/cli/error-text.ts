import { ExitError } from './exit.ts';

/** What errors of the network and of files mean, by their codes. The system's own words name functions and numbers. */
const meanings: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up now',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'the network does not reach it',
  ENETUNREACH: 'there is no network',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ENOENT: 'there is no such file or folder',
  EACCES: 'you may not read or write it',
  EPERM: 'you may not read or write it',
  EISDIR: 'it is a folder, not a file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk is read-only',
  EMFILE: 'too many files are open',
};

const codeOf = (error: unknown): string | undefined => {
  const { code, name, cause } = (error ?? {}) as { code?: unknown; name?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  if (name === 'TimeoutError') return 'ETIMEDOUT';
  return cause === undefined ? undefined : codeOf(cause);
};

/** Whether an error says that an address does not exist or nothing is there, so that trying again at once is no use. */
export const isLastingNetworkError = (error: unknown): boolean =>
  ['ENOTFOUND', 'ECONNREFUSED', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT'].includes(codeOf(error) ?? '');

/** What an error means, without a full stop: in words where its code is known, otherwise as it says itself. */
export function describeCause(error: unknown): string {
  const code = codeOf(error);
  return (code && meanings[code]) ?? (error instanceof Error ? error.message.replace(/\.$/, '') : String(error));
}

/** The end of a command by any error. One that no command has explained says what it means and what it is about. */
export function toExitError(error: unknown): ExitError {
  if (error instanceof ExitError) return error;
  const { path, hostname } = (error ?? {}) as { path?: unknown; hostname?: unknown };
  const subject = [path, hostname].find(text => typeof text === 'string');
  return new ExitError('fault', `${subject === undefined ? '' : `${subject}: `}${describeCause(error)}.`);
}
