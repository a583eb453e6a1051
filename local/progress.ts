/** Shows what is under way, on standard error when standard output is for a machine. */
export interface ProgressReporter {
  /** A line that stays. */
  line(text: string): void;
  /** A task with a clock: one live line on a terminal, a line at its start and its end elsewhere. */
  task<T>(title: string, run: (update: (detail: string) => void) => Promise<T>): Promise<T>;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export function createProgressReporter(out: NodeJS.WriteStream): ProgressReporter {
  const write = (text: string) => out.write(text);
  const clear = out.isTTY ? '\r\x1b[2K' : '';
  const seconds = (from: number) => `${((Date.now() - from) / 1000).toFixed(1)} s`;
  return {
    line: text => void write(`${text}\n`),
    async task(title, run) {
      const started = Date.now();
      let detail = '';
      let frame = 0;
      const live = () => {
        const text = `${frames[frame++ % frames.length]} ${title} (${seconds(started)}) ${detail}`;
        write(clear + text.slice(0, (out.columns ?? 100) - 1));
      };
      const timer = out.isTTY ? setInterval(live, 100) : undefined;
      if (!out.isTTY) write(`… ${title}\n`);
      const end = (sign: string) => {
        clearInterval(timer);
        write(`${clear}${sign} ${title} (${seconds(started)})\n`);
      };
      try {
        const result = await run(text => {
          detail = text;
        });
        end('✓');
        return result;
      } catch (error) {
        end('✗');
        throw error;
      }
    },
  };
}

/** Text in columns, each as wide as its widest cell. */
export function formatTable(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(cell.length, all[i] ?? 0)), []);
  return rows
    .map(
      row =>
        indent +
        row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd(),
    )
    .join('\n');
}
