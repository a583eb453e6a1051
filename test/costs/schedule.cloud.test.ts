import {
  CreateScheduleCommand,
  DeleteScheduleCommand,
  GetScheduleCommand,
  ListSchedulesCommand,
  SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, expect, it } from 'vitest';
import { pollUntilSettled } from '../../local/story/until.ts';
import { connectTestCloud } from '../cloud.ts';

const { configuration } = connectTestCloud();
const [scheduler, machines] = [new SchedulerClient(configuration), new SFNClient(configuration)];
const Name = 'costs-now';
afterAll(async () => {
  await scheduler.send(new DeleteScheduleCommand({ Name })).catch(() => {});
});

it('starts a report at the time of the daily schedule, with its target and role', async () => {
  const { Schedules = [] } = await scheduler.send(new ListSchedulesCommand({}));
  const schedule = Schedules.find(({ Name }) => Name?.includes('Costs'));
  const daily = await scheduler.send(new GetScheduleCommand({ Name: schedule?.Name }));
  expect(daily).toMatchObject({
    ScheduleExpression: 'cron(0 7 * * ? *)',
    State: 'ENABLED',
  });
  const stateMachineArn = daily.Target?.Arn;
  const count = async () =>
    (await machines.send(new ListExecutionsCommand({ stateMachineArn }))).executions?.length ?? 0;
  const initialCount = await count();
  const startTime = new Date(Date.now() + 2000).toISOString().slice(0, 19);
  await scheduler.send(
    new CreateScheduleCommand({
      Name,
      ScheduleExpression: `at(${startTime})`,
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: daily.Target,
    }),
  );
  expect(await pollUntilSettled(count, now => now > initialCount, 90)).toBe(initialCount + 1);
});
