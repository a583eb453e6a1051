import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Language, type Node, Parser } from 'web-tree-sitter';
import { imagesFolder } from './recipes.ts';

await Parser.init();
const grammar = createRequire(import.meta.url).resolve('tree-sitter-powershell/tree-sitter-powershell.wasm');
const parser = new Parser().setLanguage(await Language.load(readFileSync(grammar)));

/** The first thing that is not PowerShell, with its line. */
function findError(node: Node): string | undefined {
  if (node.isError || node.isMissing) return `line ${node.startPosition.row + 1}: ${node.text.slice(0, 80)}`;
  for (const child of node.children) {
    const mistake = child?.hasError || child?.isError || child?.isMissing ? findError(child) : undefined;
    if (mistake) return mistake;
  }
  return undefined;
}

/** What is wrong with a script. EC2's tags around user data are not PowerShell. */
function judge(text: string): string | undefined {
  const tree = parser.parse(text.replace(/^<\/?powershell>$/gm, ''));
  return tree?.rootNode.hasError ? findError(tree.rootNode) : undefined;
}

const scripts = readdirSync(imagesFolder, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ps1'))
  .map(file => [file, readFileSync(join(imagesFolder, file), 'utf8')] as const);

describe('the PowerShell scripts', () => {
  it('exist', () => expect(scripts.length).toBeGreaterThan(0));
  it.each(scripts)('%s parses', (_, text) => expect(judge(text)).toBeUndefined());
  it.each(scripts)('%s stops at the first error', (_, text) => {
    expect(text).toMatch(/^\$ErrorActionPreference = 'Stop'$/m);
  });
  // Its command for a script is in double quotes, so that PowerShell as the outer shell would replace $LastExitCode in it.
  it('leave OpenSSH the shell for which Packer writes its commands', () => {
    const lines = scripts.flatMap(([, text]) => text.split('\n').filter(line => !line.trim().startsWith('#')));
    expect(lines.filter(line => /DefaultShell/.test(line))).toEqual([]);
    expect(lines.some(line => /Start-Service -Name sshd/.test(line))).toBe(true);
  });
  it('fail this test if they do not parse', () => {
    expect(judge('if ($true) { Write-Output "yes"')).toMatch(/line 1/);
  });
});
