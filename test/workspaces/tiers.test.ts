import { describe, expect, it } from 'vitest';
import { TierFamilies } from '../../functions/data-tier.ts';
import { Refused } from '../../functions/refused.ts';
import { permitTypes } from '../../functions/workspaces/tiers.ts';
import { WorkspacesConfig } from '../../lib/workspaces-config.ts';

const wish = { kind: 'gpu' as const, size: 'small' as const };
const types = ['g4dn.xlarge', 'g5.xlarge'];

describe('the machines of a tier', () => {
  it.each<[string, TierFamilies, string[]]>([
    ['none is named: all', {}, types],
    ['another tier is named: all', { 2: ['m6i'] }, types],
    ['one family is named: its types only', { 3: ['g5', 'm6i'] }, ['g5.xlarge']],
    ['a family is not the beginning of another', { 3: ['g4', 'g4dn'] }, ['g4dn.xlarge']],
  ])('%s', (_, families, permitted) => expect(permitTypes(types, 3, families, wish)).toEqual(permitted));

  it('a size without any of them is refused by name, with the remedy', () => {
    const refuse = () => permitTypes(types, 3, { 3: ['m6i', 'r6i'] }, wish);
    expect(refuse).toThrow(Refused);
    expect(refuse).toThrow(
      'A small gpu workspace runs on g4dn.xlarge or g5.xlarge, and projects of tier 3 may use only the families m6i, r6i. Choose another size or kind, or ask your operator (workspaces.families).',
    );
  });

  it('the configuration takes families and not types', () => {
    const { families } = WorkspacesConfig.shape;
    expect(families.parse({ 3: ['m6i'] })).toEqual({ 3: ['m6i'] });
    for (const wrong of [{ 3: [] }, { 3: ['m6i.large'] }, { 4: ['m6i'] }])
      expect(families.safeParse(wrong).success).toBe(false);
    expect(TierFamilies.parse(JSON.parse(JSON.stringify(families.parse({ 1: ['t3'] }))))).toEqual({ 1: ['t3'] });
  });
});
