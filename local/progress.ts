/** Shows the progress of tasks, on standard error when standard output is for a machine. */
export interface ProgressReporter {
  /** A line that stays. */
  line(text: string): void;
  /** A task with a clock: one live line on a terminal, a line at its start and its end elsewhere. */
  task<T>(title: string, run: (update: (detail: string) => void) => Promise<T>): Promise<T>;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export function createProgressReporter(stream: NodeJS.WriteStream): ProgressReporter {
  const write = (text: string) => stream.write(text);
  const clear = stream.isTTY ? '\r\x1b[2K' : '';
  const seconds = (start: number) => `${((Date.now() - start) / 1000).toFixed(1)} s`;
  return {
    line: text => void write(`${text}\n`),
    async task(title, run) {
      const started = Date.now();
      let detail = '';
      let frame = 0;
      const live = () => {
        const text = `${frames[frame++ % frames.length]} ${title} (${seconds(started)}) ${detail}`;
        write(clear + text.slice(0, (stream.columns ?? 100) - 1));
      };
      const timer = stream.isTTY ? setInterval(live, 100) : undefined;
      if (!stream.isTTY) write(`… ${title}\n`);
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
  const widths = rows.reduce<number[]>(
    (widths, row) => row.map((cell, column) => Math.max(cell.length, widths[column] ?? 0)),
    [],
  );
  return rows
    .map(
      row =>
        indent +
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
    )
    .join('\n');
}
