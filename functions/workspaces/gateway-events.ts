import * as z from 'zod';
import { contract } from '../contract.ts';

/** EC2 announces that an instance has another state. It may come twice, late, and of any instance of the account. */
export const InstanceStateChanged = contract(
  'aws.ec2',
  'EC2 Instance State-change Notification',
  z.object({ 'instance-id': z.string(), state: z.string() }),
);
