import { escapeForTerminal, formatBytes, formatCount } from './output.ts';

interface Where {
  readonly json: boolean;
  readonly live: boolean;
  remark(text: string): void;
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Formats seconds as s, min and h. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'unknown';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A progress line on standard error: redrawn on a terminal, otherwise a new line from time to time. Silent with --json. */
export class ProgressLine implements Disposable {
  readonly #where: Where;
  readonly #started = Date.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #text = '';
  #stage = '';
  #frame = 0;
  #said = 0;

  constructor(screen: Where) {
    this.#where = screen;
    if (!screen.live || screen.json) return;
    this.#timer = setInterval(() => this.#draw(), 100);
    this.#timer.unref();
  }

  /** Shows a status if it has changed. */
  stage(subject: string, stage: string): void {
    this.#text = `${escapeForTerminal(subject)}: ${escapeForTerminal(stage)}`;
    if (stage !== this.#stage && !this.#where.live)
      this.#where.remark(`${this.#text} (${formatDuration((Date.now() - this.#started) / 1000)})`);
    this.#stage = stage;
  }

  /** Shows changing figures: redrawn on a terminal, otherwise printed every five seconds. */
  figures(text: string): void {
    this.#text = escapeForTerminal(text);
    if (this.#where.live || Date.now() - this.#said < 5000) return;
    this.#said = Date.now();
    this.#where.remark(this.#text);
  }

  #draw(): void {
    if (this.#text === '') return;
    this.#frame = (this.#frame + 1) % frames.length;
    const room = Math.max(20, (process.stderr.columns || 80) - 16);
    const text = this.#text.length > room ? `${this.#text.slice(0, room - 1)}…` : this.#text;
    process.stderr.write(
      `\r\x1b[K${frames[this.#frame]} ${text} ${formatDuration((Date.now() - this.#started) / 1000)}`,
    );
  }

  /** Clears the line. */
  end(): void {
    clearInterval(this.#timer);
    if (this.#timer && this.#text !== '') process.stderr.write('\r\x1b[K');
    this.#text = '';
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

export interface TransferAmount {
  readonly files: number;
  readonly bytes: number;
}

/** `412 of 10,000 files, 1.2 of 4.0 GB, 38 MB/s, 1 min 14 s left`; `seconds` and `sentBytes` belong to this run. */
export function formatTransferProgress(
  progress: TransferAmount,
  total: TransferAmount,
  sentBytes: number,
  seconds: number,
): string {
  const rate = seconds > 0.5 ? sentBytes / seconds : 0;
  const parts = [
    `${formatCount(progress.files)} of ${formatCount(total.files)} files`,
    `${formatBytes(progress.bytes)} of ${formatBytes(total.bytes)}`,
    ...(rate > 0 ? [`${formatBytes(Math.round(rate))}/s`] : []),
    ...(rate > 0 && progress.bytes < total.bytes
      ? [`${formatDuration((total.bytes - progress.bytes) / rate)} left`]
      : []),
  ];
  return parts.join(', ');
}
