import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What one Lambda worker process has used since it started. */
export interface LambdaWorker {
  /** The function it is of, by its deployed name. */
  readonly name: string;
  readonly cpuMs: number;
  readonly peakMb: number;
}

/** Ticks of a CPU a second, as /proc counts them: 100 on every Linux that Node runs on. */
const ticks = 100;
const read = (file: string) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // It ended meanwhile, or is somebody else's.
    return '';
  }
};

/** The Lambda workers of the cloud at `endpoint` by process id. Empty where there is no /proc to look into. */
export function listWorkers(endpoint: string): Map<number, LambdaWorker> {
  const workers = new Map<number, LambdaWorker>();
  for (const pid of read('/proc/self/stat') ? readdirSync('/proc') : []) {
    if (!/^\d+$/.test(pid) || !read(`/proc/${pid}/cmdline`).includes('ministack-lambda-')) continue;
    const environment = read(`/proc/${pid}/environ`).split('\0');
    if (!environment.includes(`AWS_ENDPOINT_URL=${endpoint}`)) continue;
    const name = environment.find(entry => entry.startsWith('AWS_LAMBDA_FUNCTION_NAME='))?.split('=')[1] ?? '';
    const stat = read(`/proc/${pid}/stat`);
    const [user, system] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14).map(Number);
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1];
    if (user === undefined || system === undefined || peak === undefined) continue;
    workers.set(Number(pid), { name, cpuMs: ((user + system) * 1000) / ticks, peakMb: Number(peak) / 1024 });
  }
  return workers;
}

/**
 * Watches the workers until asked for what they used. CPU time, unlike time on the wall, does not grow because other
 * processes want the same two cores: it is what the code itself costs, starts of new environments included.
 */
export function watchWorkers(endpoint: string): { used(): LambdaWorker[] } {
  const baseline = listWorkers(endpoint);
  const workers = new Map<number, LambdaWorker>();
  const look = () => {
    for (const [pid, worker] of listWorkers(endpoint)) workers.set(pid, worker);
  };
  const timer = setInterval(look, 500);
  return {
    used() {
      clearInterval(timer);
      look();
      return [...workers]
        .map(([pid, worker]) => ({ ...worker, cpuMs: worker.cpuMs - (baseline.get(pid)?.cpuMs ?? 0) }))
        .filter(({ cpuMs }) => cpuMs > 0);
    },
  };
}

/** Ends all workers, so that the next call of each function meets a cold start. */
export async function endWorkers(endpoint: string): Promise<void> {
  for (const pid of listWorkers(endpoint).keys()) process.kill(pid);
  while (listWorkers(endpoint).size > 0) await sleep(50);
}
