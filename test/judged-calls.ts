/** What AWS's models say of the calls that the embedded cloud has answered: see local/python/call_models.py. */
interface JudgedCalls {
  /** How many calls of each operation, such as `s3:PutObject`, were judged. */
  readonly counts: Readonly<Record<string, number>>;
  /** Calls whose parameters could not be read, with the error. */
  readonly failures: Readonly<Record<string, string>>;
  readonly refusals: readonly { readonly operation: string; readonly problems: readonly string[] }[];
}

export async function readJudgedCalls(plain: string): Promise<JudgedCalls> {
  return (await fetch(`${plain}/_calls`)).json();
}

/** The text in the calls by which a test shows that they are refused. */
export const wrongOnPurpose = 'wrong-on-purpose';

/** Throws if a call could not be judged, or was refused though no test meant it to be. */
export function assertCallsValid({ counts, failures, refusals }: JudgedCalls): void {
  const count = Object.values(counts).reduce((sum, calls) => sum + calls, 0);
  console.log(`AWS's models judged ${count} calls of ${Object.keys(counts).length} operations`);
  const problems = [
    ...refusals
      .filter(call => !call.problems.some(problem => problem.includes(wrongOnPurpose)))
      .map(call => `${call.operation}: ${call.problems.join('; ')}`),
    ...Object.entries(failures).map(([call, error]) => `${call} was not judged: ${error}`),
  ];
  if (problems.length > 0) throw new Error(`AWS would refuse calls of these tests:\n${problems.join('\n')}`);
}
