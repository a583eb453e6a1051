import type { DemoSetup } from './demo-setup.ts';
import type { ProgressReporter } from './progress.ts';

export type Chapter =
  | 'ingest'
  | 'projects'
  | 'images'
  | 'workspaces'
  | 'datasets'
  | 'batch'
  | 'airlock'
  | 'enclaves'
  | 'costs';

/** One step of the story, as it is reported. */
export interface StoryStep {
  readonly story: Chapter;
  readonly step: string;
  readonly ok: boolean;
  readonly ms: number;
  /** What happened and why it matters, in plain words. */
  readonly message: string;
  readonly ids: Readonly<Record<string, string>>;
}

interface StepReport {
  readonly message: string;
  readonly ids?: Readonly<Record<string, string>>;
}

/** Runs one step and prints what it returns. An error is printed as a failure and ends the chapter. */
type StepTeller = <T extends StepReport>(step: string, run: () => Promise<T>) => Promise<T>;

export type ChapterTeller = (stage: DemoSetup, tell: StepTeller) => Promise<void>;

/** Ends the chapter with the message if the condition does not hold. */
export function assertHolds(holds: unknown, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

/** Runs the chapters one after the other. A failed chapter does not stop the next one. */
export async function playChapters(
  stage: DemoSetup,
  chapters: readonly [Chapter, string, ChapterTeller][],
  show: ProgressReporter,
): Promise<StoryStep[]> {
  const steps: StoryStep[] = [];
  for (const [story, title, teller] of chapters) {
    show.line(`\n${title}`);
    const tell: StepTeller = async (step, run) => {
      const started = Date.now();
      try {
        const account = await show.task(step, run);
        steps.push({
          story,
          step,
          ok: true,
          ms: Date.now() - started,
          message: account.message,
          ids: account.ids ?? {},
        });
        show.line(`    ${account.message.replaceAll('\n', '\n    ')}`);
        return account;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        steps.push({ story, step, ok: false, ms: Date.now() - started, message, ids: {} });
        show.line(`    ${message}`);
        throw error;
      }
    };
    try {
      await teller(stage, tell);
    } catch (error) {
      if (!steps.some(step => step.story === story && !step.ok))
        steps.push({ story, step: title, ok: false, ms: 0, message: String(error), ids: {} });
    }
  }
  return steps;
}
