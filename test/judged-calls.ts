/** What AWS's models say of the calls that the embedded cloud has answered: see local/python/call_models.py. */
interface JudgedCalls {
  /** How many calls of each operation, such as `s3:PutObject`, were judged. */
  readonly judged: Readonly<Record<string, number>>;
  /** Calls whose parameters could not be read, with the error. */
  readonly unjudged: Readonly<Record<string, string>>;
  readonly refused: readonly { readonly operation: string; readonly problems: readonly string[] }[];
}

export async function readJudgedCalls(plain: string): Promise<JudgedCalls> {
  return (await fetch(`${plain}/_calls`)).json();
}

/** The text in the calls by which a test shows that they are refused. */
export const wrongOnPurpose = 'wrong-on-purpose';

/** Throws if a call could not be judged, or was refused though no test meant it to be. */
export function assertCallsValid({ judged, unjudged, refused }: JudgedCalls): void {
  const count = Object.values(judged).reduce((sum, calls) => sum + calls, 0);
  console.log(`AWS's models judged ${count} calls of ${Object.keys(judged).length} operations`);
  const problems = [
    ...refused
      .filter(call => !call.problems.some(problem => problem.includes(wrongOnPurpose)))
      .map(call => `${call.operation}: ${call.problems.join('; ')}`),
    ...Object.entries(unjudged).map(([call, error]) => `${call} was not judged: ${error}`),
  ];
  if (problems.length > 0) throw new Error(`AWS would refuse calls of these tests:\n${problems.join('\n')}`);
}
