import type { Route } from '../functions/http/route.ts';

/** Who asks: somebody with a role in the project, another researcher, one whose role has ended, or nobody who is signed in. */
export const askers = ['member', 'stranger', 'lapsed member', 'nobody'] as const;
export type AccessAsker = (typeof askers)[number];

/** What a route answers: the operation's own answer, or the status of the refusal that comes before it. */
export type AccessAnswer = 'answers' | '401' | '403' | '404';

/** What an asker, who is in the group of researchers if signed in, gets from a route. */
export function accessAnswer({ path, callers }: Route, asker: AccessAsker): AccessAnswer {
  if (callers === 'anyone') return 'answers';
  if (asker === 'nobody') return '401';
  if (!callers.some(({ group }) => group === 'researcher')) return '403';
  // Routes that need no membership, such as downloads by a recipient, refuse others themselves.
  return asker === 'member' || !path.startsWith('/projects/{project}') ? 'answers' : '404';
}

const formatCallers = ({ callers }: Route): string =>
  callers === 'anyone'
    ? 'anyone'
    : callers
        .map(({ group, member }) =>
          member ? `${member.includes('researcher') ? group : 'lead'} in the project` : group,
        )
        .join(', ');

const formatRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** A table in Markdown. */
const formatTable = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [formatRow(heads), formatRow(heads.map(() => '---')), ...rows.map(formatRow), ''].join('\n');

const formatRoutes = (routes: Readonly<Record<string, Route>>): string =>
  formatTable(
    ['Route', 'Allowed for', 'Member', 'Stranger', 'Lapsed member', 'Nobody signed in'],
    Object.values(routes).map(route => [
      `\`${route.method} ${route.path}\``,
      formatCallers(route),
      ...askers.map(asker => accessAnswer(route, asker)),
    ]),
  );

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
export type ResourceTemplate = Readonly<Record<string, Resource>>;
interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly Principal?: '*' | Readonly<Record<string, unknown>>;
  readonly Condition?: unknown;
}

const statementsOf = (document: unknown): readonly Statement[] =>
  (document as { Statement?: readonly Statement[] } | undefined)?.Statement ?? [];

/** The kinds of resources that a request from outside of a function can address, with the type of their policy. */
const kinds: Readonly<Record<string, { kind: string; policy?: readonly [type: string, subject: string] }>> = {
  'AWS::S3::Bucket': { kind: 'bucket', policy: ['AWS::S3::BucketPolicy', 'Bucket'] },
  'AWS::SNS::Topic': { kind: 'topic', policy: ['AWS::SNS::TopicPolicy', 'Topics'] },
  'AWS::SQS::Queue': { kind: 'queue', policy: ['AWS::SQS::QueuePolicy', 'Queues'] },
  'AWS::S3::AccessPoint': { kind: 'access point' },
  'AWS::EC2::VPCEndpoint': { kind: 'VPC endpoint' },
  'AWS::KMS::Key': { kind: 'key' },
  'AWS::Events::EventBus': { kind: 'event bus' },
  'AWS::DynamoDB::GlobalTable': { kind: 'table' },
  'AWS::SecretsManager::Secret': { kind: 'secret' },
};

/** The roles whose credentials people hold: of a desktop's instance, and of an upload. */
const isPersonalRole = (id: string): boolean => /Instance|Upload|Partner/.test(id);

export interface EndpointAccess {
  readonly name: string;
  readonly kind: string;
  /** Whom the endpoint's own policy allows: services, or accounts. */
  readonly principals: readonly string[];
  /** What the roles of people may do with it, or through it. */
  readonly members: readonly string[];
}

function principalsOf({ Principal: principal, Condition: condition }: Statement): string[] {
  const guard = JSON.stringify(condition ?? {});
  // AWS's own roles, by which a service acts in the account.
  const serviceRoles = guard.match(/(?<=:role\/aws-service-role\/)[a-z0-9.]+/g);
  if (serviceRoles && guard.includes('aws:PrincipalArn')) return serviceRoles;
  const audience = guard.includes('s3:DataAccessPointAccount')
    ? 'access points of this account'
    : !guard.includes('aws:PrincipalAccount')
      ? 'anybody'
      : guard.includes('IfExists')
        ? 'unsigned requests'
        : 'this account';
  if (principal === '*') return [audience];
  return Object.entries(principal ?? {}).flatMap(([type, value]) =>
    [value].flat().map(name => {
      if (name === '*') return audience;
      if (type === 'Service') return typeof name === 'string' ? name : 'logs.<region>.amazonaws.com';
      return 'this account';
    }),
  );
}

/** Every resource that has an address of its own, and who may use it by the templates' policies. */
export function listEndpoints(templates: readonly ResourceTemplate[]): EndpointAccess[] {
  const resources = templates.flatMap(template => Object.entries(template));
  const grants = resources.flatMap(([, { Type: type, Properties: properties = {} }]) => {
    const roles = JSON.stringify(properties.Roles ?? '');
    return type === 'AWS::IAM::Policy' && isPersonalRole(roles) ? statementsOf(properties.PolicyDocument) : [];
  });
  return resources.flatMap(([id, { Type: type, Properties: properties = {} }]) => {
    const { kind, policy } = kinds[type] ?? {};
    if (kind === undefined) return [];
    const documents = [
      properties.PolicyDocument,
      properties.KeyPolicy,
      ...resources
        .filter(
          ([, resource]) =>
            resource.Type === policy?.[0] && JSON.stringify(resource.Properties?.[policy[1]]).includes(`"${id}"`),
        )
        .map(([, resource]) => resource.Properties?.PolicyDocument),
    ];
    const allowed = documents.flatMap(statementsOf).filter(({ Effect: effect }) => effect === 'Allow');
    const use = kind === 'VPC endpoint' ? allowed : grants;
    const members = use
      .filter(({ Resource: resource }) => use === allowed || JSON.stringify(resource).includes(id))
      .flatMap(({ Action: action }) => [action].flat());
    return [
      {
        name: id.replace(/[0-9A-F]{8}$/, ''),
        kind,
        principals: [...new Set(allowed.flatMap(principalsOf))].sort(),
        members: [...new Set(members as string[])].sort(),
      },
    ];
  });
}

const list = (names: readonly string[], absence: string): string =>
  names.length === 0 ? absence : names.map(name => (/[.:]/.test(name) ? `\`${name}\`` : name)).join(', ');

const formatEndpoints = (endpoints: readonly EndpointAccess[]): string =>
  formatTable(
    ['Endpoint', 'Its own policy allows', 'Member or partner', 'Stranger', 'Lapsed member'],
    endpoints.map(({ name, kind, principals, members }) => [
      `${kind} ${name}`,
      list(principals, 'nobody'),
      list(members, 'refused'),
      principals.includes('anybody') ? 'open' : 'refused',
      members.length > 0 ? 'refused after ten minutes' : 'refused',
    ]),
  );

/** Text before this line in docs/access.md is written by hand, text after it by `npm run access`. */
export const ACCESS_MARKER = '<!-- From here on written by `npm run access`, from the routes and the templates. -->';

/** The tables of all routes and endpoints, in Markdown. */
export const formatAccess = (routes: Readonly<Record<string, Route>>, templates: readonly ResourceTemplate[]): string =>
  [`## Routes\n\n${formatRoutes(routes)}`, `## Endpoints\n\n${formatEndpoints(listEndpoints(templates))}`].join('\n');
