import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@cdktf/hcl2json';

export const imagesFolder = join(import.meta.dirname, '../../amis');

/** The folders that hold a recipe. */
export const imageNames: readonly string[] = readdirSync(imagesFolder, { withFileTypes: true })
  .filter(entry => entry.isDirectory() && entry.name !== 'shared')
  .map(({ name }) => name)
  .sort();

// biome-ignore lint/suspicious/noExplicitAny: HCL has no schema here; the tests look for what must be there.
type Block = Record<string, any>;

export interface Recipe {
  readonly variables: Record<string, Block>;
  readonly locals: Block;
  /** The one source of the image. */
  readonly source: Block;
  readonly provisioners: readonly (readonly [kind: string, block: Block])[];
  readonly plugin: Block;
  readonly postProcessors: Block;
}

/** Parses all the HCL of an image, shared files included, and puts its blocks together as Packer does. */
export async function readRecipe(image: string): Promise<Recipe> {
  const files = readdirSync(join(imagesFolder, image)).filter(name => name.endsWith('.pkr.hcl'));
  const blocks = await Promise.all(
    files.map(name => parse(name, readFileSync(join(imagesFolder, image, name), 'utf8'))),
  );
  const blocksOf = (kind: string): Block[] => blocks.flatMap(block => block[kind] ?? []);
  const variables = Object.fromEntries(
    blocksOf('variable').flatMap(declaration => Object.entries(declaration).map(([name, [block]]) => [name, block])),
  );
  const sources = blocksOf('source').flatMap(types => Object.values(types['amazon-ebs'] ?? {}).flat());
  const builds = blocksOf('build');
  if (sources.length !== 1 || builds.length !== 1) throw new Error(`${image} needs one source and one build`);
  return {
    variables,
    locals: Object.assign({}, ...blocksOf('locals')),
    source: sources[0] as Block,
    // Of one kind, in their order; hcl2json keeps kinds apart.
    provisioners: Object.entries(builds[0]?.provisioner ?? {}).flatMap(([kind, list]) =>
      (list as Block[]).map(block => [kind, block] as const),
    ),
    plugin: blocksOf('packer')[0]?.required_plugins[0].amazon,
    postProcessors: builds[0]?.['post-processor'] ?? {},
  };
}
