// A line on standard error that says how far long work is; nothing where that is no terminal.

const BAR = 24;
const EVERY_MS = 100;

export class Progress {
  readonly #to: NodeJS.WriteStream;
  #shownAt = 0;
  #shown = false;

  constructor(to: NodeJS.WriteStream = process.stderr) {
    this.#to = to;
  }

  /** @param total unknown: no bar */
  show(done: number, total: number | undefined, text: string): void {
    const now = performance.now();
    if (!this.#to.isTTY || (now - this.#shownAt < EVERY_MS && done !== total)) return;
    this.#shownAt = now;
    this.#shown = true;
    const filled = total === undefined || total === 0 ? 0 : Math.floor((done / total) * BAR);
    const bar = total === undefined ? '' : `${'█'.repeat(filled)}${'·'.repeat(BAR - filled)} `;
    this.#to.write(`\r\x1b[K${bar}${total === undefined ? done : `${done}/${total}`} ${text}`);
  }

  clear(): void {
    if (this.#shown) this.#to.write('\r\x1b[K');
  }
}
