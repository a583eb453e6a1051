import {
  EventBridgeClient,
  ListEventBusesCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { AirlockEventDetail } from '../../functions/airlock/events.ts';
import type { connectTestCloud } from '../cloud.ts';
import { pauseSince } from '../pause.ts';

type Cloud = ReturnType<typeof connectTestCloud>;
export interface RecordedEvent {
  readonly name: string;
  readonly detail: AirlockEventDetail;
}

/** Sees what the airlock says on the bus from now on: a rule that puts it all in a queue, which is read here. */
export async function recordBusEvents(cloud: Cloud, source = 'broch.airlock') {
  const [events, sqs] = [new EventBridgeClient(cloud.configuration), new SQSClient(cloud.configuration)];
  const name = `airlock-witness-${Date.now()}-${Math.floor(Math.random() * 1e6)}`;
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  const Arn = Attributes?.QueueArn;
  const allowed = {
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: Arn,
  };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [allowed] });
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
  const { EventBuses = [] } = await events.send(new ListEventBusesCommand({}));
  const EventBusName = EventBuses.find(({ Name }) => Name !== 'default')?.Name;
  await events.send(
    new PutRuleCommand({ Name: name, EventBusName, EventPattern: JSON.stringify({ source: [source] }) }),
  );
  await events.send(new PutTargetsCommand({ Rule: name, EventBusName, Targets: [{ Id: 'seen', Arn }] }));

  const recordedEvents: RecordedEvent[] = [];
  async function drain() {
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) return;
      for (const { Body = '{}' } of Messages) {
        const event = JSON.parse(Body);
        recordedEvents.push({ name: event['detail-type'], detail: event.detail });
      }
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }
  const eventsOf = (request: string) => recordedEvents.filter(event => event.detail.request === request);
  return {
    /** What was said about a request, once it is enough. */
    async until(request: string, enough: (events: RecordedEvent[]) => boolean): Promise<RecordedEvent[]> {
      for (const start = Date.now(); Date.now() < start + 110_000; await pauseSince(start)) {
        await drain();
        if (enough(eventsOf(request))) return eventsOf(request);
      }
      throw new Error(`of ${request} was said only: ${JSON.stringify(eventsOf(request).map(({ name }) => name))}`);
    },
  };
}
