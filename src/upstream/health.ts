/** Asks an upstream that failed whether it is back, until it is. */
export interface HealthOptions {
  /** Milliseconds between checks. */
  readonly interval: number;
  /** Asks once: whether anything came back that was no error of the network. */
  readonly check: () => Promise<boolean>;
}

export class Health {
  /** Checks that failed since the last one that did not. */
  fails = 0;
  readonly #options: HealthOptions;
  #isChecking = false;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** More failed checks than these in a row; 0: never down. */
  isDown(maxFails: number): boolean {
    return maxFails > 0 && this.fails > maxFails;
  }

  /** An exchange failed: checks now and on until one succeeds. Nothing if that is going on already. */
  suspect(): void {
    if (this.#isChecking || this.#isStopped) return;
    this.#isChecking = true;
    void this.#check();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #check(): Promise<void> {
    if (await this.#options.check()) {
      this.fails = 0;
      this.#isChecking = false;
      return;
    }
    this.fails++;
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#check(), this.#options.interval);
    this.#timer.unref();
  }
}
