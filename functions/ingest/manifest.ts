import type { Finding } from '../identifiers.ts';
import { pathFinding, pathProblem, visiblePath } from '../storage/paths.ts';

/** The largest manifest that is read. */
export const manifestLimits = { bytes: 20 * 1024 * 1024, lines: 100_000 } as const;

export interface ManifestEntry {
  readonly path: string;
  readonly sha256: string;
}

export interface ManifestListing {
  readonly entries: readonly ManifestEntry[];
  readonly findings: readonly Finding[];
}

export interface ManifestFormat {
  /** The name of the manifest, for findings. */
  readonly name: string;
  /** The format of a line: that of sha256sum, or of a bag, with any blanks between checksum and path. */
  readonly line: RegExp;
  /** Decodes the path of a line. */
  readonly decode: (pathText: string) => string;
  readonly room: number;
}

/** `<64 hex>`, a blank, a blank (text) or `*` (binary), and the path. */
export const sha256sumsLine = /^([0-9A-Fa-f]{64}) [ *](.*)$/su;
/** The lines of a bag may have any blanks before the path (RFC 8493, 2.1.3). */
export const bagManifestLine = /^([0-9A-Fa-f]{64})[ \t]+\*?(.*)$/su;

/** Decodes a file that must be UTF-8 without a byte order mark, or returns a finding. */
export function readUtf8Text(bytes: Uint8Array, name: string): { text: string } | { wrong: Finding } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { wrong: pathFinding(name, 'This file is not valid UTF-8. Save it as UTF-8 and upload it again.') };
  }
  if (text.startsWith('\ufeff'))
    return {
      wrong: pathFinding(
        name,
        'This file begins with a byte order mark. Save it as UTF-8 without BOM and upload it again.',
      ),
    };
  return { text };
}

/** Reads a manifest: one entry for each valid line and a finding for each other. Lines may end in LF or CRLF. */
export function readManifest(bytes: Uint8Array, { name, line, decode, room }: ManifestFormat): ManifestListing {
  const refuse = (reason: string): ManifestListing => ({ entries: [], findings: [pathFinding(name, reason)] });
  if (bytes.length > manifestLimits.bytes)
    return refuse(`The manifest has more than ${manifestLimits.bytes} bytes. Split the files into several deliveries.`);
  const read = readUtf8Text(bytes, name);
  if ('wrong' in read) return { entries: [], findings: [read.wrong] };
  const lines = read.text.split('\n').map(text => (text.endsWith('\r') ? text.slice(0, -1) : text));
  if (lines.every(text => text === ''))
    return refuse('The manifest is empty. List every file with its SHA-256 and upload it again.');
  if (lines.length > manifestLimits.lines + 1)
    return refuse(`The manifest has more than ${manifestLimits.lines} lines. Split the files into several deliveries.`);

  const entries: ManifestEntry[] = [];
  const findings: Finding[] = [];
  const first = new Map<string, number>();
  for (const [index, text] of lines.entries()) {
    if (text === '') continue;
    const [, sha256, pathText] = line.exec(text) ?? [];
    if (sha256 === undefined || pathText === undefined) {
      findings.push(wrongLine(name, index + 1, text));
      continue;
    }
    const path = decode(pathText);
    const wrong = pathProblem(path, room);
    const firstLine = first.get(path);
    if (wrong !== undefined) findings.push(pathFinding(path, `${wrong} (${name}, line ${index + 1})`));
    else if (firstLine !== undefined)
      findings.push(
        pathFinding(
          path,
          `This file is listed twice, in lines ${firstLine} and ${index + 1} of ${name}. List it once.`,
        ),
      );
    else entries.push({ path, sha256: sha256.toLowerCase() });
    first.set(path, firstLine ?? index + 1);
  }
  return { entries, findings };
}

function wrongLine(name: string, number: number, text: string): Finding {
  const hasEscape = text.startsWith('\\');
  const reason = hasEscape
    ? 'is escaped, because its file name contains a backslash or a line break. Rename that file.'
    : 'does not consist of a SHA-256 (64 hexadecimal digits), two spaces and a path. Write it as sha256sum does.';
  return pathFinding(name, `Line ${number} ${reason} The line is: ${visiblePath(text.slice(0, 100))}`);
}
