/** `node:async_hooks` where nothing is ever stored: a trace does not ask which servers a question visited. */
export class AsyncLocalStorage<T> {
  getStore(): T | undefined {
    return undefined;
  }
  run<R>(_store: T, then: () => R): R {
    return then();
  }
}
