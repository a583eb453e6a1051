export interface AssemblyResource {
  Type: string;
  DependsOn?: string | string[];
  [key: string]: unknown;
}

export interface AssemblyTemplate {
  Resources?: Record<string, AssemblyResource>;
  Outputs?: Record<string, unknown>;
  [key: string]: unknown;
}

/**
 * Condition keys for which the embedded cloud never has a value. An Allow loses the condition; a Deny is removed,
 * because it would apply to everybody. Both are printed for the user. The app itself does not know about it.
 */
export const unsupportedConditionKeys: readonly string[] = [
  'cloudformation:CreateAction',
  'cloudformation:RoleArn',
  'cloudformation:TemplateUrl',
  'ec2:Owner',
  'kms:MessageType',
  'kms:SigningAlgorithm',
];

type Conditions = Record<string, Record<string, unknown>>;
interface Statement {
  readonly Effect: string;
  readonly Condition: Conditions;
}
const isStatement = (value: unknown): value is Statement =>
  typeof value === 'object' && value !== null && 'Effect' in value && 'Condition' in value;

/** The template without conditions on the given keys, and the keys that were removed. */
export function stripConditionKeys(
  template: AssemblyTemplate,
  keys: readonly string[],
): { template: AssemblyTemplate; removedKeys: string[] } {
  const removedKeys = new Set<string>();
  function reduce(value: unknown): unknown[] {
    if (!isStatement(value)) return [value];
    const unknown = Object.values(value.Condition).flatMap(test => Object.keys(test).filter(key => keys.includes(key)));
    if (unknown.length === 0) return [value];
    for (const key of unknown) removedKeys.add(`condition ${key}`);
    if (value.Effect === 'Deny') return [];
    const { Condition, ...statement } = value;
    const conditions = Object.entries(Condition).flatMap(([operator, test]) => {
      const rest = Object.entries(test).filter(([key]) => !keys.includes(key));
      return rest.length > 0 ? [[operator, Object.fromEntries(rest)]] : [];
    });
    return [{ ...statement, ...(conditions.length > 0 && { Condition: Object.fromEntries(conditions) }) }];
  }
  const text = JSON.stringify(template);
  const result = JSON.parse(text, (_, value) => (Array.isArray(value) ? value.flatMap(reduce) : value));
  return { template: result, removedKeys: [...removedKeys] };
}
