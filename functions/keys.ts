/**
 * Every partition of the table, in one place, so that capabilities cannot collide and a role can be limited to
 * partitions (`dynamodb:LeadingKeys`). A partition key is its name, `#`, and validated identifiers.
 */
export const partitions = {
  project: 'PROJECT#',
  projects: 'PROJECTS',
  block: 'BLOCK#',
  person: 'PERSON#',
  delivery: 'DELIVERY#',
  deliveries: 'DELIVERIES',
  partner: 'PARTNER#',
  partners: 'PARTNERS',
  dataset: 'DATASET#',
  datasets: 'DATASETS',
  terms: 'TERMS#',
  catalogue: 'CATALOGUE',
  use: 'USE#',
  datasetUses: 'USES#',
  linkage: 'LINKAGE#',
  enclave: 'ENCLAVE#',
  image: 'IMAGE#',
  packages: 'PACKAGES',
  queue: 'QUEUE#',
  job: 'JOB#',
  container: 'CONTAINER#',
  workspace: 'WORKSPACE#',
  instance: 'INSTANCE#',
  awake: 'AWAKE#',
  reports: 'REPORTS',
  download: 'DOWNLOAD#',
  airlock: 'AIRLOCK#',
  look: 'LOOK#',
  airlocks: 'AIRLOCKS#',
  due: 'DUE',
  once: 'ONCE#',
} as const;

export type Partition = keyof typeof partitions;

export interface RowKey {
  readonly pk: string;
  readonly sk: string;
}

export const rowKey = (partition: Partition, id: string, sk = 'ITEM'): RowKey => ({
  pk: `${partitions[partition]}${id}`,
  sk,
});
