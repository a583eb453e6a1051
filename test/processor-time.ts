/**
 * Starts to measure the processor time of this process; the result gives the milliseconds since then. Other work on the
 * machine does not count, so a test may put a generous limit on it.
 */
export function measureProcessorTime(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}
